"""Whole resources, read from the Admin API: the versions that the marketplace's copy keeps.

    products = shop.reads.products([5, 7])      # {id: Product}; what is gone is missing
    for some in shop.reads.products_by_part(ids):           # {id: Product | None}, as they come
        ...
    page = shop.reads.changed(ResourceKind.ORDER, since, after=None)

What is read here equals what the webhook of the same state says (``catalogue_rows``,
``order_rows``) but for ``read_at``, which is when Shopify was asked. Everything raises what
``Admin`` raises.

Where the real Shopify may say it otherwise than its webhooks, which costs one more read where two
bodies of one second differ, as the one that was read is the last:

- ``body_html`` may be null in a webhook and "" here; the order of ``tags`` is taken to be the same.
- ``shipment_status`` comes from ``displayStatus``: what no carrier has reported is None.
- A line's ``fulfillment_status`` is derived; "not_eligible" (tips) cannot be told.
- ``number`` is taken for ``order_number``, and the number in ``RefundLineItem.id`` for that of the
  webhook; that id may be null by the schema, and then the read parks.
- A refund's transactions are in the presentment currency.
- Times are UTC: the offset of ``created_at`` is known from webhooks alone.
- Lists that are no connections (``refunds``, ``selectedOptions``) are reckoned at a point each, as
  Shopify does not document their price; ``Admin.nodes`` halves a batch that is dearer.
"""

from avnu.shopify.reads.changed import Page, Seen
from avnu.shopify.reads.reads import Reads

__all__ = ["Page", "Reads", "Seen"]
