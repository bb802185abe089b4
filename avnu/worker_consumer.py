"""Celery's consumer, mended where a lost broker would end the worker, and without neighbours."""

from collections.abc import Mapping
from typing import Any

from celery.worker import consumer
from celery.worker.consumer.connection import Connection as ConnectionStep


class Consumer(consumer.Consumer):
    """Lets go of the channels of a broker that it has lost.

    With kombu 5.7 they end the worker later (``Unrecoverable error: AttributeError``), when they
    are asked for an address that they no longer have. Once by closing: the first close ends at the
    BRPOP in flight, before it has given back what is not acknowledged, and the second one tries
    that again without a transport. And once by a task that ends after the worker has connected
    again and is acknowledged where it was received. Neither is of use here: with acks_late and a
    prefetch of one all that is not acknowledged is running, and a message that comes a second time
    does no harm.

    It looks for no neighbours either: what they would tell (revoked tasks, who leads) is not used
    here, and each start and each new connection would wait a second for their answers.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        alone = {"without_mingle": True, "without_gossip": True}
        options["worker_options"] = {**(options.get("worker_options") or {}), **alone}
        super().__init__(*args, **options)
        steps: Any = vars(self)["steps"]  # those of its blueprint
        for step in steps:
            if isinstance(step, ConnectionStep):
                _keep_secrets(step)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Close the broken connection; Celery connects again."""
        # Not its property, which would make a new one.
        transport = getattr(self.connection, "_transport", None)
        for channel in getattr(transport, "channels", None) or ():
            _let_go(channel)
        super().on_connection_error_after_connected(exc)


def _keep_secrets(step: Any) -> None:
    """Its part of the worker's statistics, which whoever may ask workers can read."""
    told = step.info

    def info(parent: Any) -> dict[str, Any]:
        broker = told(parent)["broker"]  # text while there is no connection
        return {"broker": without_secrets(broker) if isinstance(broker, Mapping) else broker}

    step.info = info


def without_secrets(info: Mapping[str, Any]) -> dict[str, Any]:
    """What kombu (5.7) says of a connection, without the passwords of server and Sentinels.

    Celery takes out the first server's alone, and Flower would show the rest to everybody.
    """
    options = dict(info.get("transport_options") or {})
    options.pop("sentinel_kwargs", None)
    shown = {name: value for name, value in info.items() if name not in ("password", "alternates")}
    return {**shown, "transport_options": options}


def _let_go(channel: Any) -> None:
    channel.do_restore = False
    channel.basic_ack = channel.basic_reject = _nothing


def _nothing(*_: Any, **__: Any) -> None:
    """Acknowledges to nobody."""
