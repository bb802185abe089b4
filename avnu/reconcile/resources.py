"""What is compared: the kinds of resource, and how a difference of each is put as a webhook.

To add one: a row in ``_EVERY``, with topics whose handlers read it by its ids alone
(``avnu/shopify/topics.py``); and its listing in ``avnu/shopify/reads/``. Shops that are there
already get its row with the next run of the periodic job.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from avnu.shopify.query import gid
from avnu.shopify.topics import TOPICS, Topic
from avnu.store.market.changes import ResourceKind
from avnu.store.market.families import family_of
from avnu.store.market.versions import Key, LevelKey


class Reconciled(msgspec.Struct, frozen=True):
    """One kind of resource. ``changed`` and ``gone`` are the topics that tell of a difference."""

    name: str  # in the table watermarks, and on the command line
    kind: ResourceKind
    changed: Topic
    gone: Topic
    spelt: str = ""  # in a global id; a level's cannot be made from what names it

    @property
    def final(self) -> bool:
        """After a delete nothing of it is taken any more, so it is not asked for again."""
        return family_of(self.kind).final

    def body(self, key: Key) -> bytes:
        """The body of its webhook: what names it, and nothing else."""
        if isinstance(key, LevelKey):
            return msgspec.json.encode(key._asdict())
        return msgspec.json.encode({"id": key, "admin_graphql_api_id": gid(self.spelt, key)})


def text_of(key: Key) -> str:
    """The key as text: ``5``, or ``5.7`` for a level."""
    return ".".join(map(str, key)) if isinstance(key, LevelKey) else str(key)


def key_of(text: str) -> Key:
    """The key that ``text_of`` wrote."""
    item, dot, location = text.partition(".")
    return LevelKey(int(item), int(location)) if dot else int(item)


def _resource(
    name: str, kind: ResourceKind, changed: str, gone: str, spelt: str = ""
) -> Reconciled:
    return Reconciled(name, kind, TOPICS[changed], TOPICS[gone], spelt)


# In the order in which one who asks for all of them sees them: locations are few, orders many.
_EVERY = (
    _resource(
        "locations", ResourceKind.LOCATION, "locations/update", "locations/delete", "Location"
    ),
    _resource("products", ResourceKind.PRODUCT, "products/update", "products/delete", "Product"),
    _resource(
        "items",
        ResourceKind.ITEM,
        "inventory_items/update",
        "inventory_items/delete",
        "InventoryItem",
    ),
    _resource(
        "levels", ResourceKind.LEVEL, "inventory_levels/update", "inventory_levels/disconnect"
    ),
    _resource("orders", ResourceKind.ORDER, "orders/updated", "orders/delete", "Order"),
)

RESOURCES: Mapping[str, Reconciled] = MappingProxyType({one.name: one for one in _EVERY})
