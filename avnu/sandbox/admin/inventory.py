"""``inventoryAdjustQuantities``: the mutation that must not run twice.

Facts (shopify.dev changelog 2025-12, and what shops answer since): from API 2026-04 on
``@idempotent`` and ``changeFromQuantity`` (which may be null) are mandatory when the mutation runs,
though the schema does not say so.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from graphql import get_directive_values

from avnu.sandbox.admin.asked import Asked, Info
from avnu.sandbox.admin.gids import gid, number_in
from avnu.sandbox.admin.once import KeyMismatch
from avnu.sandbox.admin.refusal import bad_request, refusal, too_many
from avnu.sandbox.admin.shop_fields import location_node
from avnu.sandbox.admin.source import Source
from avnu.sandbox.admin.stock_fields import item_node
from avnu.sandbox.admin.written import utc_of
from avnu.sandbox.encoding import steady_id

MOST_CHANGES = 250
_REASONS = frozenset(
    {
        "correction", "cycle_count_available", "damaged", "movement_canceled", "movement_created",
        "movement_received", "movement_updated", "other", "promotion", "quality_control",
        "received", "reservation_created", "reservation_deleted", "reservation_updated", "restock",
        "safety_stock", "shrinkage",
    }
)  # fmt: skip


def adjust(_: None, info: Info, input: dict[str, Any]) -> Source:  # noqa: A002
    """``inventoryAdjustQuantities``: all changes, or none and ``userErrors``."""
    call = info.context
    key = _key(info)
    if key is None and call.careful:
        raise bad_request(
            "The @idempotent directive is required for this mutation but was not provided."
        )
    _check(call, info, input["changes"])
    if key is None:
        return _adjust(call, input)
    parameters = b"inventoryAdjustQuantities" + msgspec.json.encode(input, order="sorted")
    try:
        result: Source = call.shop.once.run(key, parameters, lambda: _adjust(call, input))
    except KeyMismatch:
        message = "The same idempotency key cannot be used with different operation parameters."
        return _refused([_error(None, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH", message)])
    return result


def _key(info: Info) -> str | None:
    directive = info.schema.get_directive("idempotent")
    assert directive is not None
    values = get_directive_values(directive, info.field_nodes[0], info.variable_values)
    return values["key"] if values else None


def _check(call: Asked, info: Info, changes: Sequence[dict[str, Any]]) -> None:
    """What Shopify refuses before it looks at a value."""
    if len(changes) > MOST_CHANGES:
        path = [info.field_name, "input", "changes"]
        raise too_many(len(changes), MOST_CHANGES, info.field_nodes, path)
    if call.careful and any("changeFromQuantity" not in change for change in changes):
        message = "InventoryChangeInput must include the following argument: changeFromQuantity."
        raise refusal(message, "INVALID_FIELD_ARGUMENTS")


def _adjust(call: Asked, asks: dict[str, Any]) -> Source:
    with call.shop.lock:
        errors = _errors(call, asks)
        if errors:
            return _refused(errors)
        changes = [_change(call, asks["name"], change) for change in asks["changes"]]
    own_id = steady_id(call.shop.shop.domain, "adjustment", call.at, str(asks))
    group = {
        "__typename": "InventoryAdjustmentGroup",
        "id": gid("InventoryAdjustmentGroup", own_id),
        "createdAt": utc_of(call.at),
        "reason": asks["reason"],
        "referenceDocumentUri": asks.get("referenceDocumentUri"),
        "changes": changes,
    }
    return {"inventoryAdjustmentGroup": group, "userErrors": []}


def _change(call: Asked, name: str, change: dict[str, Any]) -> Source:
    item_id, location_id = _ids(change)
    call.shop.adjust(item_id, location_id, change["delta"], call.at)
    return {
        "name": name,
        "delta": change["delta"],
        "quantityAfterChange": call.shop.quantity(item_id, location_id),
        "item": item_node(call.shop, item_id),
        "location": location_node(call.shop, location_id),
    }


def _errors(call: Asked, asks: dict[str, Any]) -> list[Source]:
    errors = []
    if asks["reason"] not in _REASONS:
        message = "The specified reason is invalid."
        errors.append(_error(["input", "reason"], "INVALID_REASON", message))
    if asks["name"] != "available":
        message = "The specified quantity name is invalid."
        errors.append(_error(["input", "name"], "INVALID_QUANTITY_NAME", message))
    for number, change in enumerate(asks["changes"]):
        errors += _errors_of(call, change, ["input", "changes", str(number)])
    return errors


def _errors_of(call: Asked, change: dict[str, Any], field: list[str]) -> list[Source]:
    item_id, location_id = _ids(change)
    if call.shop.item_place(item_id) is None:
        message = "The specified inventory item could not be found."
        return [_error([*field, "inventoryItemId"], "INVALID_INVENTORY_ITEM", message)]
    if call.shop.state.location(location_id) is None:
        message = "The specified location could not be found."
        return [_error([*field, "locationId"], "INVALID_LOCATION", message)]
    believed = change.get("changeFromQuantity")
    if believed is not None and believed != call.shop.quantity(item_id, location_id):
        message = "The changeFromQuantity argument no longer matches the persisted quantity."
        return [_error([*field, "changeFromQuantity"], "CHANGE_FROM_QUANTITY_STALE", message)]
    return []


def _ids(change: dict[str, Any]) -> tuple[int, int]:
    item_id = number_in(change["inventoryItemId"], "InventoryItem")
    return item_id, number_in(change["locationId"], "Location")


def _error(field: list[str] | None, code: str, message: str) -> Source:
    return {"field": field, "code": code, "message": message}


def _refused(errors: list[Source]) -> Source:
    return {"inventoryAdjustmentGroup": None, "userErrors": errors}
