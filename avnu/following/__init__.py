"""Webhooks followed into the marketplace's copy: put what they say, read what is in doubt.

    PRODUCTS = Resource(name="products", put=…, read=…, existing=…, delete=…)

    changed(shop, PRODUCTS, [Told(webhook, id, version), …])
    deleted(shop, PRODUCTS, [Told(webhook, id), …])

To follow one more resource: its ``put_…`` and ``delete_…`` in ``avnu/store/market/``, its read in
``avnu/shopify/reads/``, a Resource beside its handlers, and in each handler a Told of each webhook.

``resource`` says what is followed, ``doubt`` decides what must be read (pure), ``turn`` does it.
What holds for a batch, whatever comes twice, late or out of order:

- Payloads are put first, because that costs no call, and the database then tells which of them it
  knew already or knows better: those are not read, however stale.
- One call reads all that is in doubt: what a body does not say, what came with a retry of
  Shopify's (it carries the payload of its trigger), what two bodies of one second contradict.
- Nothing is put twice that the database has, so a run that is cut short, and begins again, reads
  at most what it would have read.
- What cannot be known yet, as the second in which it changed is not over, comes again when it is.
  Nothing is spent, and each time the version in question is older: from two seconds on it is sure.
- A delete is for ever, so none is believed: it takes effect when Shopify has no such thing.
"""

from avnu.following.resource import Resource, Told, at_once
from avnu.following.turn import changed, deleted

__all__ = ["Resource", "Told", "at_once", "changed", "deleted"]
