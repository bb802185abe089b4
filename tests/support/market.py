"""Versions to put into the marketplace's database, and the rows that they left there."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select, true

from avnu.store.database import Store
from avnu.store.market import tables
from avnu.store.market.versions import (
    FulfilledLine,
    Fulfillment,
    Level,
    Order,
    OrderLine,
    Product,
    Refund,
    RefundLine,
    RefundTransaction,
    Variant,
)
from tests.support.moved_clock import MovedClock

SHOP, OTHER = "one.myshopify.com", "two.myshopify.com"
START = datetime(2026, 7, 1, 18, tzinfo=UTC)
BIG = 2**63 - 1

# What depends on when and how often something was written, and on nothing that Shopify said.
BOOKKEEPING = frozenset({"written_at", "existed", "read_at"})


class Hand(MovedClock):
    """Begins at START."""

    def __init__(self) -> None:
        super().__init__(START.timestamp())


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def product(number: int, second: float, *variants: int, **more: Any) -> Product:
    """Its body tells its second; without ``variants`` it has one."""
    content: dict[str, Any] = {
        "title": f"Mug {second}",
        "currency": "EUR",
        "variants": tuple(variant(one, second) for one in variants or (10 * number,)),
    }
    return Product(id=number, updated_at=at(second), **{**content, **more})


def variant(number: int, second: float = 0) -> Variant:
    return Variant(id=number, sku=f"S-{number}", price=Decimal(100 + int(second)) / 4, position=1)


def level(item: int, location: int, second: float, available: int | None = 1) -> Level:
    return Level(
        inventory_item_id=item, location_id=location, updated_at=at(second), available=available
    )


def order(number: int, second: float, *lines: int, **more: Any) -> Order:
    """Its body tells its second; without ``lines`` it has one."""
    content: dict[str, Any] = {
        "customer_id": 77,
        "financial_status": f"at {second}",
        "created_at": START,
        "utc_offset_min": 120,
        "currency": "EUR",
        "total": Decimal("34.90"),
        "lines": tuple(OrderLine(id=one, quantity=int(second)) for one in lines or (10 * number,)),
    }
    return Order(id=number, updated_at=at(second), **{**content, **more})


def refund(number: int, order_id: int, second: float = 5) -> Refund:
    return Refund(
        id=number,
        updated_at=at(second),
        order_id=order_id,
        lines=(RefundLine(id=number + 1, line_item_id=10 * order_id, subtotal=Decimal("12.50")),),
        transactions=(RefundTransaction(id=number + 2, kind="refund", amount=Decimal("12.60")),),
    )


def shipment(number: int, order_id: int, second: float, *lines: int, **more: Any) -> Fulfillment:
    content: dict[str, Any] = {
        "status": f"at {second}",
        "tracking_company": "DHL",
        "tracking_numbers": ("JD0146",),
        "tracking_urls": (),
        "lines": tuple(FulfilledLine(id=one, quantity=1) for one in lines or (10 * order_id,)),
    }
    return Fulfillment(id=number, updated_at=at(second), order_id=order_id, **{**content, **more})


def rows(store: Store, shop: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, or a shop's, by key; without what is only bookkeeping."""
    with store.reading() as connection:
        return {
            table.name: [
                {name: value for name, value in row.items() if name not in BOOKKEEPING}
                for row in connection.execute(
                    select(table)
                    .where(true() if shop is None else table.c.shop == shop)
                    .order_by(*table.primary_key.columns)
                ).mappings()
            ]
            for table in tables.EVERY
        }
