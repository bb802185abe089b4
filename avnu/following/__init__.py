"""Webhooks followed into the marketplace's copy: put what they say, read what is in doubt.

    PRODUCTS = Followed(name="products", kind=ResourceKind.PRODUCT, put=…, read=…, delete=…)

    changed(shop, PRODUCTS, [Told(webhook, id, version), …])
    deleted(shop, PRODUCTS, [Told(webhook, id), …])

To follow one more resource: its ``put_…`` and ``delete_…`` in ``avnu/store/market/``, its read in
``avnu/shopify/reads/``, a Followed beside its handlers, and in each handler a Told of each webhook.

``followed`` says how a resource is written and read, ``doubt`` decides what must be read (pure),
``run`` does it. What holds for a batch, whatever comes twice, late or out of order:

- Payloads are put first, because that costs no call, and the database then tells which of them it
  knew already or knows better: those are not read, however stale.
- What is in doubt is read together: what a body does not say, what came with a retry of Shopify's
  (it carries the payload of its trigger), what two bodies of one second contradict. Not read is
  what was read since it was triggered: so a flood that waits costs one read of each resource.
- A webhook is settled with the commit that makes its effect last. Where a read parks on its way,
  what came until then is settled; a run that begins again reads only the rest.
- What cannot be known yet, as the second in which it changed is not over, comes again when it is,
  and nothing is spent. It ends: two seconds after a version it is known to be the last or not, and
  what is contradicted after that is a failed run.
- A delete is for ever, so none is believed: it takes effect when Shopify has no such thing.
"""

from avnu.following.followed import Followed, Told, at_once
from avnu.following.run import changed, deleted

__all__ = ["Followed", "Told", "at_once", "changed", "deleted"]
