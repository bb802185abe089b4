"""What differs, as webhooks that hold only ids. Pure.

Their ids are made from what they tell of, so that the same difference found twice is known to the
inbox. Their bytes are no evidence of a replay, so they carry no signature.
"""

from datetime import UTC

from avnu.inbox.arrival import IMPORT, RECONCILE, Arrival
from avnu.reconcile.looking import Found
from avnu.reconcile.resources import Reconciled, text_of
from avnu.shopify.reads import Seen
from avnu.store.market.versions import Key


def letters(shop: str, resource: Reconciled, found: Found, *, importing: bool) -> list[Arrival]:
    """One for each difference of a page. ``importing``: no webhook could have told of them."""

    def letter(key: Key, *, version: str, gone: bool) -> Arrival:
        topic = resource.gone if gone else resource.changed
        return Arrival(
            shop=shop,
            webhook_id=f"reconcile-{resource.name}-{text_of(key)}-{version}",
            topic=topic.name,
            area=topic.area,
            destructive=topic.destructive,
            mac=b"",
            body=resource.body(key),
            name=IMPORT if importing else RECONCILE,
        )

    changed = (*found.differing, *found.in_doubt)
    return [
        *(letter(one.key, version=_version(one), gone=False) for one in changed),
        *(letter(key, version="gone", gone=True) for key in found.gone),
    ]


def _version(seen: Seen) -> str:
    return f"{seen.updated_at.astimezone(UTC):%Y%m%dT%H%M%S}"
