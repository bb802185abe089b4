"""Requests by privacy law as Shopify sends them, carried out as a worker's turn does."""

import json
from typing import Any

from avnu.compliance.ledger import Ledger, Request
from avnu.inbox.arrival import Arrival
from avnu.inbox.turn import Batch, Settlement
from avnu.run import run_batch
from avnu.shopify.topics import TOPICS
from avnu.webhook import Shop, Webhook
from tasks.compliance import area
from tests.support.deployment import PLENTY_S, SHOP, Deployment
from tests.support.inbox import arrival, drain

DOMAIN = SHOP.domain
NAME, EMAIL, PHONE, ID = "Ann Smith-Jones", "ann@example.com", "+49 30 5550 1234", 7_103_928_004
CUSTOMER: dict[str, Any] = {"id": ID, "email": EMAIL, "phone": PHONE}
NAMES = (NAME, EMAIL, "5550 1234", str(ID))


def sent(webhook_id: object, topic: str, shop: str = DOMAIN, **body: Any) -> Arrival:
    """A webhook of any topic."""
    route = TOPICS[topic]
    content = json.dumps({"pad": "x" * 64, **body}).encode()
    return arrival(webhook_id, shop, topic, route.area, destructive=route.destructive, body=content)


def request(webhook_id: str, topic: str, shop: str = DOMAIN, **body: Any) -> Arrival:
    return sent(webhook_id, topic, shop, shop_id=1, shop_domain=shop, **body)


def order_body(number: int, second: int = 1, **more: Any) -> dict[str, Any]:
    """An order of the customer, with their name, e-mail, phone and id in it."""
    return {
        "id": number,
        "updated_at": f"2026-07-01T18:00:{second:02}Z",
        "created_at": "2026-07-01T18:00:00Z",
        "email": EMAIL,
        "phone": PHONE,
        "customer": {**CUSTOMER, "first_name": NAME},
        "billing_address": {"name": NAME, "phone": PHONE},
        "line_items": [],
        **more,
    }


def carry_out(deployment: Deployment, shop: str = DOMAIN) -> list[str]:
    """A turn of the area, as its worker takes it; the letters of the verdicts."""
    holder = drain(deployment.inbox, shop, area="compliance")
    letters: list[str] = []
    step = holder.begin()
    while isinstance(step, Batch):
        until_s = deployment.clock.monotonic() + PLENTY_S
        webhooks = [Webhook(stored) for stored in step.webhooks]
        asked = Shop(shop, deployment.clock, until_s, lambda: deployment.client)
        settlement, raised = run_batch(asked, webhooks, area.handlers)
        if raised:
            raise raised[0]
        letters += [verdict.letter.value for verdict in settlement.verdicts]
        step = holder.next(
            Settlement(settlement.verdicts, settlement.parkings), last=True, jitter=0
        )
    return letters


def ledger(deployment: Deployment) -> Ledger:
    return Ledger(deployment.client.store, deployment.clock)


def noted(deployment: Deployment, webhook_id: str, shop: str = DOMAIN) -> Request:
    return ledger(deployment).get(shop, webhook_id)
