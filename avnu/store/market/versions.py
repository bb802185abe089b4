"""What goes into the marketplace's database, and comes out of it: one struct per resource.

A version is a resource as it was at ``updated_at``. Where it comes from does not matter: what is
made from a webhook and from the Admin API's answer for the same state must be equal but for
``read_at``. Fields are named like the columns they go to. Times are aware, and kept in UTC.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

# A second, as Shopify counts no finer, and another for the difference between two hosts' clocks.
SETTLED_AFTER = timedelta(seconds=2)


class LevelKey(NamedTuple):
    """What names an inventory level in a shop."""

    inventory_item_id: int
    location_id: int


# What names any other resource is its 64-bit id.
Key = int | LevelKey


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What every version says of itself; parts of a second are dropped from ``updated_at``.

    ``read_at`` is when the Admin API was asked, before the call; None for a webhook's. Within
    ``SETTLED_AFTER`` of ``updated_at`` it counts for nothing, as more may follow in that second.
    """

    updated_at: datetime
    read_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.updated_at.microsecond:
            msgspec.structs.force_setattr(
                self, "updated_at", self.updated_at.replace(microsecond=0)
            )

    @property
    def settled_at(self) -> datetime | None:
        """``read_at`` if no later version can have the same ``updated_at``, else None."""
        if self.read_at is None or self.read_at - self.updated_at < SETTLED_AFTER:
            return None
        return self.read_at

    @property
    def gone_at(self) -> datetime | None:
        """Set where the version is that there is nothing any more."""
        return None


class Version(Standing, frozen=True, kw_only=True):
    """A resource with an id."""

    id: int

    @property
    def key(self) -> int:
        """What names it in its shop."""
        return self.id


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs to a version and has none of its own."""

    id: int


class Variant(Part, frozen=True, kw_only=True):
    """A variant of a product; prices in the product's currency."""

    inventory_item_id: int | None = None
    position: int | None = None
    title: str | None = None
    sku: str | None = None
    barcode: str | None = None
    option1: str | None = None
    option2: str | None = None
    option3: str | None = None
    price: Decimal | None = None
    compare_at_price: Decimal | None = None
    inventory_policy: str | None = None
    taxable: bool | None = None


class Product(Version, frozen=True, kw_only=True):
    """A product with its variants; ``partial``: with some of them, and the others are not known."""

    title: str | None = None
    handle: str | None = None
    body_html: str | None = None
    vendor: str | None = None
    product_type: str | None = None
    status: str | None = None
    tags: str | None = None
    currency: str | None = None
    created_at: datetime | None = None
    published_at: datetime | None = None
    partial: bool = False
    variants: tuple[Variant, ...] = ()


class Item(Version, frozen=True, kw_only=True):
    """An inventory item; ``cost`` in ``currency``."""

    sku: str | None = None
    cost: Decimal | None = None
    currency: str | None = None
    tracked: bool | None = None
    requires_shipping: bool | None = None
    country_code_of_origin: str | None = None
    harmonized_system_code: str | None = None
    created_at: datetime | None = None


class Level(Standing, frozen=True, kw_only=True):
    """The stock of an item at a location; ``gone``: it is not stocked there any more."""

    inventory_item_id: int
    location_id: int
    available: int | None = None
    gone: bool = False

    @property
    def key(self) -> LevelKey:
        """What names it in its shop."""
        return LevelKey(self.inventory_item_id, self.location_id)

    @property
    def gone_at(self) -> datetime | None:
        """When it was found not to be stocked there."""
        return self.updated_at if self.gone else None


class Location(Version, frozen=True, kw_only=True):
    """A place that holds stock."""

    name: str | None = None
    active: bool | None = None
    legacy: bool | None = None
    country_code: str | None = None
    province_code: str | None = None
    created_at: datetime | None = None


class OrderLine(Part, frozen=True, kw_only=True):
    """A line of an order; amounts in ``currency``."""

    product_id: int | None = None
    variant_id: int | None = None
    sku: str | None = None
    title: str | None = None
    quantity: int | None = None
    current_quantity: int | None = None
    fulfillable_quantity: int | None = None
    fulfillment_status: str | None = None
    price: Decimal | None = None
    discount: Decimal | None = None
    currency: str | None = None


class RefundLine(Part, frozen=True, kw_only=True):
    """Pieces of an order's line that were refunded; amounts in ``currency``."""

    line_item_id: int | None = None
    location_id: int | None = None
    quantity: int | None = None
    restock_type: str | None = None
    subtotal: Decimal | None = None
    tax: Decimal | None = None
    currency: str | None = None


class RefundTransaction(Part, frozen=True, kw_only=True):
    """Money that went back; ``currency`` None is the order's own."""

    kind: str | None = None
    status: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    created_at: datetime | None = None


class Refund(Version, frozen=True, kw_only=True):
    """A refund. It never changes, so ``updated_at`` is when it was created."""

    order_id: int
    processed_at: datetime | None = None
    lines: tuple[RefundLine, ...] = ()
    transactions: tuple[RefundTransaction, ...] = ()


class FulfilledLine(Part, frozen=True, kw_only=True):
    """How many pieces of an order's line are in a shipment; ``id`` is the line's."""

    quantity: int | None = None


class Fulfillment(Version, frozen=True, kw_only=True):
    """A shipment of an order."""

    order_id: int
    location_id: int | None = None
    name: str | None = None
    status: str | None = None
    shipment_status: str | None = None
    created_at: datetime | None = None
    tracking_company: str | None = None
    tracking_numbers: tuple[str, ...] | None = None
    tracking_urls: tuple[str, ...] | None = None
    lines: tuple[FulfilledLine, ...] = ()


class Order(Version, frozen=True, kw_only=True):
    """An order with its lines, and with the refunds and shipments that it names.

    Those are versions of their own, and the order's digest leaves them out: naming none deletes
    none. Amounts are in ``currency``, the shop's. ``utc_offset_min`` is what ``created_at`` was
    sent with, None where the source says UTC for every shop; it is no part of the digest.
    """

    customer_id: int | None = None
    name: str | None = None
    number: int | None = None
    test: bool | None = None
    created_at: datetime | None = None
    utc_offset_min: int | None = None
    processed_at: datetime | None = None
    cancelled_at: datetime | None = None
    closed_at: datetime | None = None
    cancel_reason: str | None = None
    financial_status: str | None = None
    fulfillment_status: str | None = None
    currency: str | None = None
    subtotal: Decimal | None = None
    shipping: Decimal | None = None
    tax: Decimal | None = None
    discounts: Decimal | None = None
    total: Decimal | None = None
    current_total: Decimal | None = None
    presentment_currency: str | None = None
    presentment_total: Decimal | None = None
    lines: tuple[OrderLine, ...] = ()
    refunds: tuple[Refund, ...] = ()
    fulfillments: tuple[Fulfillment, ...] = ()
