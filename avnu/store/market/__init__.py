"""The marketplace's own copy of its shops: products, stock and orders, as Shopify last told them.

The doors are ``market``, whose ``Market`` takes versions in, and ``copy``, whose ``Copy`` may only
be read; a ``Market`` is a ``Copy`` too. A version (``versions``) is one resource as it was at its
``updated_at``; ``catalogue_rows`` and ``order_rows`` make them from payloads. ``outcomes`` decides
which of two is newer, ``upsert`` says the same in SQL, ``batches`` writes one kind of resource,
``order_writing`` what belongs to an order, ``redacted`` keeps out customers who must not come back,
``forgetting`` deletes, ``reading`` reads, ``walking`` reads all of a kind. ``changes`` is what a
marketplace's own code is told.

What holds, whatever comes twice, late, out of order or in whatever batches:

- An older version never overwrites a newer one, and the same one changes nothing.
- ``updated_at`` counts whole seconds. Two different bodies of one second cannot be ordered: the
  first stays, the second is reported as ``conflicting``, and the resource must be read from the
  Admin API. Of the versions of a second, one that was read after it (2 s, for clocks) is the last.
- A delete is final for its id: a tombstone stays, without content. The exception is a level, as an
  item may be stocked at a location again: there a delete is a version like any other.
- Variants, lines and other parts are written and pruned with what they are part of, in one
  transaction. A product that does not hold all its variants prunes none.
- A refund or a shipment is a resource of its own, whether it comes alone or inside its order;
  what comes before its order waits for it, and what comes after the order's delete is gone.
"""
