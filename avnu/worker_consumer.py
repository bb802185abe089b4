"""Celery's consumer, mended where a lost broker would end the worker, and without neighbours."""

from typing import Any

from celery.worker import consumer


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

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Close the broken connection; Celery connects again."""
        # Not its property, which would make a new one.
        transport = getattr(self.connection, "_transport", None)
        for channel in getattr(transport, "channels", None) or ():
            _let_go(channel)
        super().on_connection_error_after_connected(exc)


def _let_go(channel: Any) -> None:
    channel.do_restore = False
    channel.basic_ack = channel.basic_reject = _nothing


def _nothing(*_: Any, **__: Any) -> None:
    """Acknowledges to nobody."""
