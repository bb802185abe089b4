"""What a task module is made of: an Area, its handlers, and the webhooks they are given.

    area = Area("orders")

    @area.handler
    def order_changed(shop: Shop, webhooks: Sequence[Webhook]) -> None:
        for webhook in webhooks:
            order = webhook.decode(Order)

A handler gets one shop and a batch, oldest first. What it does not settle is done when it returns.
An exception is a failed run of a webhook that ran alone; after one out of a batch of several, the
handler is called again for each of them by itself, in order. ``raise Park(...)`` makes the shop
wait, nothing spent; whatever of Shopify or the database cannot be reached just now raises it for
you, so that ``shop.cached(...)`` and ``shop.admin`` need no ``try``.
"""

from typing import Any

from celery import Task, shared_task

from avnu.app import runtime_of
from avnu.drain import drain_partition
from avnu.solo import run_alone
from avnu.webhook import Handler, Shop, Webhook

__all__ = ["Area", "Shop", "Webhook"]


class Area:
    """An area's handlers by name, and its tasks: ``drain``, ``unrouted``, and one per handler."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.handlers: dict[str, Handler] = {}

        @shared_task(name=f"tasks.{name}.drain", bind=True)
        def drain(task: Task[Any, Any], partition: int, wake: int) -> dict[str, int | str]:
            """Take the partition's webhooks, shop by shop, until the slice ends."""
            return drain_partition(runtime_of(task), self.handlers, name, int(partition), int(wake))

        # Of a topic that the worker which publishes it does not know.
        self._add_lone_task("unrouted")

    def handler(self, function: Handler) -> Handler:
        """Register a handler; its webhooks in trouble run as ``tasks.<area>.<function>``."""
        self.handlers[function.__name__] = function
        self._add_lone_task(function.__name__)
        return function

    def _add_lone_task(self, name: str) -> None:
        @shared_task(name=f"tasks.{self.name}.{name}", bind=True)
        def alone(task: Task[Any, Any], shop: str, webhook_id: str) -> dict[str, int | str]:
            """Run one webhook that is in trouble, or was replayed."""
            return run_alone(runtime_of(task), self.handlers, shop, webhook_id)
