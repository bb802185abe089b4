"""Webhook subscriptions: the query, and the mutations with their ``userErrors``."""

import re
from typing import Any

from avnu.sandbox.admin.asked import Info
from avnu.sandbox.admin.gids import gid, number_in
from avnu.sandbox.admin.pages import page
from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.admin.source import Source
from avnu.sandbox.admin.subscriptions import Subscription, TopicTaken
from avnu.sandbox.admin.written import utc_of

_KIND = "WebhookSubscription"
_ADDRESS = re.compile(
    r"https://[A-Za-z0-9.-]+\.[A-Za-z]{2,}(?::\d+)?(?:/\S*)?"
    r"|pubsub://[a-z][a-z0-9-]+:[A-Za-z][\w.~+%-]+"
    r"|arn:aws:events:[a-z0-9-]+::event-source/aws\.partner/shopify\.com/\S+"
)
#: Shopify still names the field by what it was called before ``uri``.
_FIELD = ["webhookSubscription", "callbackUrl"]


def subscriptions(_: None, info: Info, **args: Any) -> Source:
    """``webhookSubscriptions``: by id, of some topics or one address where that is asked."""
    found = {one.id: one for one in info.context.shop.subscriptions.all() if _wanted(one, args)}
    return page(list(found), lambda own_id: _source(found[own_id]), args)


def subscription(_: None, info: Info, id: str) -> Source | None:  # noqa: A002
    """``webhookSubscription(id)``: null for one that is not there."""
    return subscription_node(info.context.shop, number_in(id, _KIND))


def subscription_node(shop: ShopWorld, own_id: int) -> Source | None:
    """The subscription of an id, or None."""
    found = shop.subscriptions.get(own_id)
    return None if found is None else _source(found)


def create(_: None, info: Info, **args: Any) -> Source:
    """``webhookSubscriptionCreate``."""
    call, asks = info.context, args["webhookSubscription"]
    uri = (asks.get("uri") or "").strip()
    fault = _fault(uri)
    if fault:
        return _refused(fault)
    try:
        made = call.shop.subscriptions.add(
            args["topic"],
            uri,
            call.version,
            call.at,
            format=asks.get("format") or "JSON",
            include_fields=tuple(asks.get("includeFields") or ()),
            filter=asks.get("filter"),
        )
    except TopicTaken:
        return _refused("Address for this topic has already been taken")
    return {"webhookSubscription": _source(made), "userErrors": []}


def delete(_: None, info: Info, id: str) -> Source:  # noqa: A002
    """``webhookSubscriptionDelete``."""
    if info.context.shop.subscriptions.remove(number_in(id, _KIND)):
        return {"deletedWebhookSubscriptionId": id, "userErrors": []}
    fault = {"field": ["id"], "message": "Webhook subscription does not exist"}
    return {"deletedWebhookSubscriptionId": None, "userErrors": [fault]}


def _fault(uri: str) -> str:
    """What is wrong with an address; empty for one that Shopify takes."""
    if not uri:
        return "Address can't be blank"
    if uri.startswith("http://"):
        return "Address protocol http:// is not supported"
    return "" if _ADDRESS.fullmatch(uri) else "Address is invalid"


def _refused(message: str) -> Source:
    return {"webhookSubscription": None, "userErrors": [{"field": _FIELD, "message": message}]}


def _wanted(one: Subscription, args: dict[str, Any]) -> bool:
    topics, uri = args.get("topics"), args.get("uri")
    return (not topics or one.topic in topics) and (not uri or one.uri == uri)


def _source(one: Subscription) -> Source:
    created_at = utc_of(one.created_at)
    return {
        "__typename": _KIND,
        "id": gid(_KIND, one.id),
        "topic": one.topic,
        "uri": one.uri,
        "format": one.format,
        "includeFields": list(one.include_fields),
        "filter": one.filter,
        "createdAt": created_at,
        "updatedAt": created_at,
        "apiVersion": {"handle": one.version, "displayName": one.version, "supported": True},
    }
