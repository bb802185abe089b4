"""What each webhook leaves behind in the state of its shop. To add a topic: a row in ``_KEPT``.

The topics products/* have none: products are changed where their bodies are written, with
``ShopState.revise`` and ``remove``.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from avnu.sandbox.encoding import Payload
from avnu.sandbox.state import ShopState


def remember(state: ShopState, topic: str, body: Payload) -> None:
    """Take in what a webhook tells."""
    keep = _KEPT.get(topic)
    if keep is not None:
        keep(state, body)


_KEPT: Mapping[str, Callable[[ShopState, Payload], None]] = MappingProxyType(
    {
        "inventory_items/create": ShopState.put_item,
        "inventory_items/update": ShopState.put_item,
        "inventory_items/delete": ShopState.drop_item,
        "inventory_levels/connect": ShopState.put_level,
        "inventory_levels/update": ShopState.put_level,
        "inventory_levels/disconnect": ShopState.drop_level,
        "locations/create": ShopState.put_location,
        "locations/update": ShopState.put_location,
        "locations/activate": ShopState.put_location,
        "locations/deactivate": ShopState.put_location,
        "locations/delete": ShopState.drop_location,
        "orders/create": ShopState.put_order,
        "orders/updated": ShopState.put_order,
        "orders/paid": ShopState.put_order,
        "orders/cancelled": ShopState.put_order,
        "orders/fulfilled": ShopState.put_order,
        "orders/partially_fulfilled": ShopState.put_order,
        "orders/delete": ShopState.drop_order,
    }
)
