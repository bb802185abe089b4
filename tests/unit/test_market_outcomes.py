"""Which version is the newer: decided from stamps alone, and the digest that they compare."""

from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from avnu.store.market.digest import digest_of
from avnu.store.market.outcomes import Outcome, Stamp, choose, judge
from avnu.store.market.versions import Order, Product
from tests.support.market import at, level, order, product, refund, shipment, variant


def stamp(second: float, read: float | None = None, digest: str = "a", **more: Any) -> Stamp:
    return Stamp(at(second), None if read is None else at(read), digest, **more)


@pytest.mark.parametrize(
    ("put", "row", "outcome"),
    [
        (stamp(2), stamp(1), Outcome.APPLIED),
        (stamp(2), Stamp(None, None, None), Outcome.APPLIED),
        (stamp(1, 9), stamp(2), Outcome.OLDER),
        (stamp(1), stamp(1), Outcome.SAME),
        (stamp(1), stamp(1, 9), Outcome.SAME),
        (stamp(1), stamp(1, digest="b"), Outcome.CONFLICTING),
        (stamp(1, 9), stamp(1, digest="b"), Outcome.APPLIED),
        (stamp(1), stamp(1, 9, "b"), Outcome.OLDER),
        (stamp(1, 10), stamp(1, 9, "b"), Outcome.APPLIED),
        (stamp(1, 9), stamp(1, 10, "b"), Outcome.OLDER),
        (stamp(1, 9), stamp(1, 9, "b"), Outcome.CONFLICTING),
        (stamp(2), Stamp(None, None, None, at(1)), Outcome.GONE),
    ],
)
def test_what_becomes_of_a_version(put: Stamp, row: Stamp, outcome: Outcome) -> None:
    assert judge(put, row, final=True) is outcome


def test_a_tombstone_that_is_not_final_is_a_version() -> None:
    row = stamp(2, deleted_at=at(2))
    assert judge(stamp(3), row, final=False) is Outcome.APPLIED
    assert judge(stamp(1), row, final=False) is Outcome.OLDER
    assert judge(stamp(2, digest="b"), row, final=False) is Outcome.CONFLICTING


def test_a_read_counts_once_no_more_can_happen_in_its_second() -> None:
    assert product(1, 5, read_at=at(6.9)).settled_at is None
    assert product(1, 5, read_at=at(7)).settled_at == at(7)
    assert product(1, 5).settled_at is None


def test_parts_of_a_second_are_dropped() -> None:
    assert product(1, 5.7).updated_at == at(5)


def test_of_a_batch_the_newest_of_each_is_chosen_by_key() -> None:
    chosen = choose([product(2, 1), product(1, 3), product(1, 4), product(1, 2)])
    assert [one.newest.version for one in chosen] == [product(1, 4), product(2, 1)]
    assert not any(one.contradicted for one in chosen)


def test_two_bodies_of_a_second_contradict_unless_something_newer_is_there() -> None:
    two = [product(1, 4), product(1, 4, title="other")]
    [choice] = choose([*two, product(1, 3)])
    assert (choice.newest.version, choice.contradicted) == (two[0], True)
    [choice] = choose([*two, product(1, 5)])
    assert (choice.newest.version, choice.contradicted) == (product(1, 5), False)
    read = product(1, 4, title="read", read_at=at(9))
    [choice] = choose([two[0], read, two[1]])
    assert (choice.newest.version, choice.contradicted) == (read, False)


def changed(version: Any, **fields: Any) -> str:
    return digest_of(msgspec.structs.replace(version, **fields))


def test_the_digest_is_of_what_is_meant() -> None:
    one: Product = product(1, 1, 11, 12, created_at=at(0))
    there = at(0).astimezone(timezone(timedelta(hours=2)))
    same = digest_of(one)
    assert changed(one, updated_at=at(9), read_at=at(20), created_at=there) == same
    assert changed(one, variants=one.variants[::-1]) == same
    longer = msgspec.structs.replace(one.variants[0], price=Decimal("25.2500"))
    assert changed(one, variants=(longer, one.variants[1])) == same
    for other in (
        {"title": "Cup"},
        {"created_at": at(1)},
        {"partial": True},
        {"variants": one.variants[:1]},
        {"variants": (one.variants[0], variant(12, 2))},
    ):
        assert changed(one, **other) != same, other


def test_amounts_beyond_the_context_of_decimal_are_told_apart() -> None:
    long = "123456789012345678.123456789012345671"
    one = msgspec.structs.replace(product(1, 1).variants[0], price=Decimal(long))
    other = msgspec.structs.replace(one, price=Decimal(long[:-1] + "2"))
    assert digest_of(product(1, 1, variants=(one,))) != digest_of(product(1, 1, variants=(other,)))


def test_an_orders_digest_leaves_out_what_has_versions_of_its_own() -> None:
    bare: Order = order(1, 1)
    full = order(1, 1, refunds=(refund(5, 1),), fulfillments=(shipment(6, 1, 2),))
    assert digest_of(bare) == digest_of(full) == changed(bare, utc_offset_min=None)
    assert changed(bare, customer_id=78) != digest_of(bare)


def test_a_level_that_is_gone_is_not_one_without_a_number() -> None:
    nothing = level(1, 2, 3, None)
    assert digest_of(nothing) != changed(nothing, gone=True)
