"""Late webhooks of redacted customers that stay: dead letters, and bodies that are kept on request.

A late order that is handled leaves nothing. One that dies, or whose body is kept for a while, would
hold the customer for as long; so what rests in the inbox is looked through now and then. What
waits is not: it will be handled.
"""

import logging
from collections import defaultdict
from collections.abc import Callable

from sqlalchemy import select

from avnu.compliance.person import customers_in, skeleton_of
from avnu.compliance.places import Places, waiting
from avnu.inbox.arrival import Stored
from avnu.inbox.resting import Resting
from avnu.logs import about
from avnu.store.database import Store
from avnu.store.tables import redacted_customers

log = logging.getLogger(__name__)


def redact_late_bodies(places: Places, more: Callable[[], bool]) -> int:
    """Replaces or deletes the bodies that name a redacted customer by id; answers how many.

    For as long as ``more`` says; the next call goes on from there.
    """
    redacted = _redacted(places.store)
    if not redacted:
        return 0

    def bare(webhook: Stored) -> bytes | None:
        named = places.subjects.of_ids(webhook.shop, customers_in(webhook.body))
        if redacted[webhook.shop].isdisjoint(named.values()):
            return None
        return skeleton_of(webhook.body)

    with waiting():
        done = Resting(places.bodies).redact(redacted.keys(), bare, more)
    if done.dead + done.kept:
        told = about(dead=done.dead, kept=done.kept)
        log.warning("late webhooks of redacted customers, their bodies removed", extra=told)
    return done.dead + done.kept


def _redacted(store: Store) -> dict[str, set[str]]:
    """Subjects by shop."""
    row = redacted_customers.c
    found: defaultdict[str, set[str]] = defaultdict(set)
    with store.reading() as connection:
        for shop, subject in connection.execute(select(row.shop, row.subject)):
            found[shop].add(subject)
    return dict(found)
