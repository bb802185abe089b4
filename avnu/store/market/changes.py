"""What a marketplace's own code is told: which resource changed, and to which version.

    MARKET_CHANGED=shop_feed.avnu:market_changed

    def market_changed(changes: Sequence[Change]) -> None:
        for change in changes:
            publish(change.shop, change.kind, change.id, change.what, change.version)

The module is imported by workers and by commands that write, and stands on their ``PYTHONPATH``
or in the folder that they are started in.

The hook is called after the commit, once per transaction, with everything that it changed and
never with nothing. It may be called from several threads. What it raises is logged and undoes
nothing; and a process may end between the commit and the call, so **the hook alone loses
changes**. A marketplace that must lose none treats it as a hurry-up, and also looks, every minute
or so, for rows with ``written_at`` since its last look minus a minute (for clocks, and for
transactions that were open): the column is indexed, tombstones are rows, and what the marketplace
then does is idempotent by (kind, id, version).
"""

import enum
import importlib
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from avnu.errors import SettingsInvalid
from avnu.store.market.versions import Key

_log = logging.getLogger(__name__)


class ResourceKind(enum.StrEnum):
    """Which kind of resource."""

    PRODUCT = "product"
    ITEM = "inventory_item"
    LEVEL = "inventory_level"
    LOCATION = "location"
    ORDER = "order"
    REFUND = "refund"
    FULFILLMENT = "fulfillment"
    SHOP = "shop"  # all that there was of it; ``id`` is 0


class What(enum.StrEnum):
    """What happened to it, as seen from the database."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


class Change(msgspec.Struct, frozen=True):
    """A resource changed, with its parts. ``version`` is ``updated_at``, or when it was deleted.

    A refund or shipment is told of like any other, also when it goes with its order.
    """

    shop: str
    kind: ResourceKind
    id: Key
    what: What
    version: datetime


Changed = Callable[[Sequence[Change]], object]


def tell(changed: Changed | None, changes: Sequence[Change]) -> None:
    """Calls the hook, if there is one and something to say. Raises nothing."""
    if changed is None or not changes:
        return
    try:
        changed(changes)
    except Exception:  # noqa: BLE001 - the marketplace's own code, and the write is done
        _log.exception("%s changes were written, and the hook failed", len(changes))


def hook_named(name: str) -> Changed | None:
    """The function that MARKET_CHANGED names; its module is imported. None for an empty name.

    Raises SettingsInvalid for what cannot be imported or called.
    """
    if not name:
        return None
    module, _, function = name.partition(":")
    try:
        found: Changed = getattr(importlib.import_module(module), function)
    except Exception as fault:
        said = f"{type(fault).__name__}: {fault}"
        raise SettingsInvalid(
            [f"MARKET_CHANGED={name!r} cannot be imported ({said}); give a function that can"]
        ) from fault
    if not callable(found):
        raise SettingsInvalid([f"MARKET_CHANGED={name!r} is no function; give one"])
    return found
