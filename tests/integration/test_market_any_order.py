"""Any order, repetition, grouping and crash: the end is what Shopify said last.

A history is made up, and what Shopify tells of it: a webhook per state, and deletes. These facts
are delivered shuffled, repeated, in any batches, each of which may be rolled back first; what is
reported as in doubt is read, as the handlers will do. The rows must be those of another shop to
which the same was told once, in its order, and the resources must be as they are in the history.
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import hypothesis
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from sqlalchemy import Connection

from avnu.store.database import Store
from avnu.store.market.changes import Change, ResourceKind, What
from avnu.store.market.market import Market
from avnu.store.market.versions import Key, LevelKey
from tests.support.market import START, Hand, at, level, order, product, refund, rows, shipment

pytest_plugins = ("tests.support.store_fixtures",)

DELETED, READ = at(50), at(100)
NUMBERS = itertools.count(1)

seconds = st.integers(1, 4)
ids = st.sets(st.integers(1, 4), min_size=1).map(sorted)


class Fact(NamedTuple):
    """One thing to tell: a method of Market, and a version, or an id for a delete."""

    method: str
    what: Any


class World(NamedTuple):
    """Facts in the order in which they came true, and what a read of each resource gives."""

    facts: list[Fact]
    reads: dict[tuple[str, Key], Fact]
    end: dict[tuple[str, Key], Any]


class Crash(Exception):
    """The process ends before the commit."""


class Crashing:
    """A store whose next transactions are rolled back."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.crashes = False

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self.store.writing() as connection:
            yield connection
            if self.crashes:
                raise Crash

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@st.composite
def catalogues(draw: st.DrawFn) -> World:
    """Products whose variants come and go, and levels that are connected and disconnected."""
    facts: list[tuple[int, Fact]] = []
    reads: dict[tuple[str, Key], Fact] = {}
    end: dict[tuple[str, Key], Any] = {}
    for number in (1, 2):
        states = [
            product(number, second, *draw(ids), title=f"state {i}")
            for i, second in enumerate(sorted(draw(st.lists(seconds, min_size=1, max_size=4))))
        ]
        last = states[-1]
        for state in states:
            cut = draw(st.booleans()) and len(state.variants) > 1
            told = {"variants": state.variants[:1], "partial": True} if cut else {}
            version = _with(state, **told)
            facts.append((second_of(state), Fact("put_products", version)))
        end["product", number] = last
        reads["put_products", number] = Fact("put_products", _with(last, read_at=READ))
        if draw(st.booleans()):
            facts.append((50, Fact("delete_products", number)))
            end["product", number] = None
    for location in (1, 2):
        states_of = sorted(draw(st.lists(seconds, min_size=1, max_size=4)))
        levels = [
            _with(level(7, location, second, i), gone=draw(st.booleans()))
            for i, second in enumerate(states_of)
        ]
        levels = [_with(one, available=None) if one.gone else one for one in levels]
        facts += [(second_of(one), Fact("put_levels", one)) for one in levels]
        key = LevelKey(7, location)
        end["level", key] = None if levels[-1].gone else levels[-1]
        reads["put_levels", key] = Fact("put_levels", _with(levels[-1], read_at=READ))
    return World([fact for _, fact in sorted(facts, key=lambda one: one[0])], reads, end)


@st.composite
def order_books(draw: st.DrawFn) -> World:
    """Orders with refunds and shipments, which are told of inside, alone, or both."""
    facts: list[tuple[int, Fact]] = []
    reads: dict[tuple[str, Key], Fact] = {}
    end: dict[tuple[str, Key], Any] = {}
    for number in (1, 2):
        refunds = {
            second: refund(100 * number + 10 * second, number, second)
            for second in draw(st.sets(seconds, max_size=2))
        }
        sent = [
            shipment(900 + number, number, second, *draw(ids), name=f"state {i}")
            for i, second in enumerate(sorted(draw(st.lists(seconds, max_size=3))))
        ]
        states = [
            order(number, second, *draw(ids), name=f"state {i}")
            for i, second in enumerate(sorted(draw(st.lists(seconds, min_size=1, max_size=3))))
        ]
        for state in states:
            now = second_of(state)
            there = tuple(one for second, one in refunds.items() if second <= now)
            on_the_way = tuple(one for one in sent if second_of(one) <= now)[-1:]
            inside = draw(st.booleans())
            told = {"refunds": there, "fulfillments": on_the_way} if inside else {}
            facts.append((now, Fact("put_orders", _with(state, **told))))
        facts += [(second, Fact("put_refunds", one)) for second, one in refunds.items()]
        facts += [(second_of(one), Fact("put_fulfillments", one)) for one in sent]
        last = _with(
            states[-1],
            lines=by_id(states[-1].lines),
            refunds=tuple(one for _, one in sorted(refunds.items())),
            fulfillments=tuple(sent[-1:]),
        )
        read = _with(
            last,
            read_at=READ,
            refunds=tuple(_with(one, read_at=READ) for one in last.refunds),
            fulfillments=tuple(_with(one, read_at=READ) for one in last.fulfillments),
        )
        keys = [("put_orders", number), ("put_fulfillments", 900 + number)]
        reads.update(dict.fromkeys(keys, Fact("put_orders", read)))
        end["order", number] = last
        if draw(st.booleans()):
            facts.append((50, Fact("delete_orders", number)))
            end["order", number] = None
    return World([fact for _, fact in sorted(facts, key=lambda one: one[0])], reads, end)


def _with(version: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(version, **fields)


def by_id(parts: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(sorted(parts, key=lambda part: part.id))


def second_of(version: Any) -> int:
    return int((version.updated_at - START).total_seconds())


def tell(market: Market, shop: str, batch: Sequence[Fact], world: World) -> list[Fact]:
    """Gives a batch to the market; answers the reads that it asks for."""
    wanted = []
    for method in sorted({fact.method for fact in batch}):
        what = [fact.what for fact in batch if fact.method == method]
        if method.startswith("delete"):
            getattr(market, method)(shop, what, DELETED)
            continue
        written = getattr(market, method)(shop, what)
        wanted += [world.reads[method, key] for key in written.refetch]
    return wanted


def play(data: st.DataObject, world: World, store: Store) -> None:
    shop, plain = (f"{kind}{next(NUMBERS)}.myshopify.com" for kind in ("mixed", "plain"))
    told: list[Change] = []
    crashing = Crashing(store)
    market = Market(crashing, Hand(), told.extend)  # type: ignore[arg-type]
    again = data.draw(st.lists(st.sampled_from(world.facts), max_size=4))
    left = data.draw(st.permutations(world.facts + again))
    reads: list[Fact] = []
    while left:
        size = data.draw(st.integers(1, len(left)))
        batch, left = left[:size], left[size:]
        if data.draw(st.booleans()):
            crashing.crashes = True
            with pytest.raises(Crash):
                tell(market, shop, batch, world)
            crashing.crashes = False
        reads += tell(market, shop, batch, world)
        if data.draw(st.booleans()):
            tell(market, shop, reads, world)
    assert tell(market, shop, reads, world) == []

    reads = [read for fact in world.facts for read in tell(market, plain, [fact], world)]
    tell(market, plain, reads, world)
    check(market, shop, world)
    assert of_shop(store, shop) == of_shop(store, plain)
    check_told([change for change in told if change.shop == shop], market.counts(shop))


def check(market: Market, shop: str, world: World) -> None:
    """The resources are what they are at the end of the history."""
    for (kind, key), last in world.end.items():
        assert _unread(found(market, shop, kind, key)) == last


def found(market: Market, shop: str, kind: str, key: Key) -> Any:
    if isinstance(key, LevelKey):
        levels = market.levels(shop, key.inventory_item_id)
        return next((one for one in levels if one.key == key), None)
    return market.product(shop, key) if kind == "product" else market.order(shop, key)


def _unread(version: Any) -> Any:
    """Without when it was read, which depends on the order."""
    if version is None:
        return None
    fields: dict[str, Any] = {"read_at": None}
    for name in ("refunds", "fulfillments"):
        if hasattr(version, name):
            fields[name] = tuple(_unread(one) for one in getattr(version, name))
    return _with(version, **fields)


def of_shop(store: Store, shop: str) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [{**row, "shop": ""} for row in found] for name, found in rows(store, shop).items()
    }


def check_told(told: Sequence[Change], counts: dict[ResourceKind, int]) -> None:
    """Who only follows the hook knows what is there, and was never told a thing twice."""
    there: set[tuple[ResourceKind, Key]] = set()
    for change in told:
        key = (change.kind, change.id)
        assert (key in there) == (change.what is not What.CREATED), change
        if change.what is What.DELETED:
            there.remove(key)
        else:
            there.add(key)
    for kind, count in counts.items():
        assert sum(one is kind for one, _ in there) == count, kind


def search(store: Store, worlds: st.SearchStrategy[World], **how: Any) -> None:
    check_all = given(data=st.data(), world=worlds)(lambda data, world: play(data, world, store))
    hypothesis.settings(
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        **how,
    )(check_all)()


def examples(store: Store) -> int:
    """A few on PostgreSQL, which takes three times as long, and the rules are the same."""
    return 8 if store.url.drivername.startswith("postgresql") else 30


def test_products_and_levels(store: Store) -> None:
    search(store, catalogues(), max_examples=examples(store), derandomize=True)


def test_orders_refunds_and_shipments(store: Store) -> None:
    search(store, order_books(), max_examples=examples(store), derandomize=True)


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("worlds", [catalogues(), order_books()], ids=["catalogues", "orders"])
def test_many_histories(store: Store, worlds: st.SearchStrategy[World]) -> None:
    """Other ones each time; what breaks is printed with how to repeat it."""
    search(store, worlds, max_examples=3000, derandomize=False, print_blob=True)
