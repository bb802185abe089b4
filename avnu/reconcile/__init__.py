"""Reconciliation: Shopify is asked what changed, in case a webhook never came.

Nothing here writes the marketplace's copy. What differs is put into the inbox as a webhook that
holds only ids (``letters``), and takes the way of every other: in its shop's line, through the
same handler, which reads the resource whole.

A **run** compares one kind of resource of one shop (``resources``), in steps of a page each
(``steps``): what has changed at Shopify since the watermark, less an overlap, with the versions in
the database (``comparing``); then, once a day, all that is in the database with what Shopify still
has, because no ``updated_at`` tells of a delete (``looking``). After each page the row of the run
(``watermarks``) says how far it is, guarded by its owner: a run that is killed goes on there, and
what it had put in already is a duplicate (``posting``).

Who runs: the periodic job takes what is due, a bounded number at a time (``starting``), and
publishes one short slice after another (``slices``); ``avnu shops resync`` takes the same rows in
the foreground (``foreground``).

What holds:

- The watermark moves only over what was asked for, page by page, to the end.
- A difference has one open webhook, however often it is found (``posting``).
- What makes the shop wait (points, breaker, database, a full inbox, a long line of webhooks) makes
  the run wait: nothing is lost, and no worker sleeps.
- A webhook that comes late is no missed one: what changed lately is left to it
  (RECONCILE_GRACE_SECONDS), and the overlap asks for it again next time.
"""
