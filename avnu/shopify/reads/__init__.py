"""Whole resources, read from the Admin API: the versions that the marketplace's copy keeps.

    products = shop.reads.products([5, 7])      # {id: Product}; what is gone is missing
    for some in shop.reads.products_by_part(ids):           # {id: Product | None}, as they come
        ...
    page = shop.reads.changed(Kind.ORDER, since, after=None)

What is read here equals what the webhook of the same state says (``catalogue_rows``,
``order_rows``) but for ``read_at``, which is when Shopify was asked. Everything raises what
``Admin`` raises.
"""

from avnu.shopify.reads.changed import Page, Seen
from avnu.shopify.reads.reads import Reads

__all__ = ["Page", "Reads", "Seen"]
