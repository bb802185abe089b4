"""Everything that a shop has, as bodies of webhooks, for comparing a copy of it with."""

from collections.abc import Iterator

from avnu.sandbox.encoding import Payload, unix_time
from avnu.sandbox.state import LevelKey, ShopState


class Truth:
    """The resources of one shop that changed at or after ``since`` (unix seconds; None: all).

    A body is what a webhook of that resource would hold now, but that a product has all of its
    variants. Each method makes them one at a time, as a large shop has many; nothing may change
    meanwhile.
    """

    def __init__(self, state: ShopState, since: float | None = None) -> None:
        self._state = state
        self._since = None if since is None else int(since)

    def products(self) -> Iterator[Payload]:
        """Products, by their number in the catalogue."""
        for number in self._state.numbers():
            if self._since is None or int(self._state.revision(number).at) >= self._since:
                yield self._state.product(number)

    def items(self) -> Iterator[Payload]:
        """Inventory items, by the place of their variant."""
        for place in self._state.places():
            yield from self._recent(self._state.item(place))

    def levels(self) -> Iterator[Payload]:
        """Where each item is stocked."""
        for place in self._state.places():
            for level in self._state.levels_of(place):
                yield from self._recent(level)

    def locations(self) -> Iterator[Payload]:
        """Locations, also inactive ones, by id."""
        for location_id in self._state.location_ids():
            location = self._state.location(location_id)
            assert location is not None
            yield from self._recent(location)

    def orders(self) -> Iterator[Payload]:
        """Orders with their refunds and fulfilments, in the order in which they were made."""
        for order in self._state.all_orders():
            yield from self._recent(order)

    @property
    def deleted(self) -> dict[str, frozenset[int | LevelKey]]:
        """What is gone, whenever it went: "products", "items", "levels", "locations", "orders".

        Levels are named by their item and their location; those of an item that is gone went
        with it.
        """
        return {kind: frozenset(ids) for kind, ids in self._state.gone.items()}

    def _recent(self, body: Payload) -> Iterator[Payload]:
        if self._since is None or unix_time(body["updated_at"]) >= self._since:
            yield body
