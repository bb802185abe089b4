import importlib
import json
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avnu.handlers import Area
from avnu.shopify.topics import AREAS, TOPICS, Topic, resource_version, topic_for
from tests.support import payloads

ids = st.integers(1, 2**63 - 1)
OWN = payloads.own()
WHOLE = [topic for topic in TOPICS.values() if topic.whole]


def task_area(name: str) -> Area:
    area = importlib.import_module(f"tasks.{name}").area
    assert isinstance(area, Area)
    return area


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize("name", AREAS)
def test_the_table_and_the_task_module_name_the_same_handlers(name: str) -> None:
    routed = {topic.handler for topic in TOPICS.values() if topic.area == name}
    assert set(task_area(name).handlers) == routed
    assert task_area(name).name == name


def test_every_topic_has_an_area_and_a_body_of_our_own() -> None:
    assert {topic.area for topic in TOPICS.values()} == set(AREAS)
    assert set(TOPICS) == set(OWN)


def test_a_topic_is_found_by_the_exact_name_only() -> None:
    assert topic_for("orders/create") is TOPICS["orders/create"]
    for name in ("orders/CREATE", "orders", "", "orders/create/", "carts/update"):
        assert topic_for(name) is None


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_what_may_be_coalesced_says_by_what(topic: Topic) -> None:
    assert topic.whole == bool(topic.resource)
    assert not (topic.whole and topic.destructive)
    fields = json.loads(OWN[topic.name])
    for name in topic.resource:
        assert isinstance(fields[name], int)
    assert not topic.whole or fields["updated_at"]


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_what_may_supersede_another_has_its_handler(topic: Topic) -> None:
    peers = {peer.handler for peer in WHOLE if peer.family == topic.family}
    assert len(peers) <= 1


def test_what_destroys_is_marked() -> None:
    endings = ("/delete", "/disconnect", "/uninstalled", "/redact")
    assert {name for name in TOPICS if name.endswith(endings)} == {
        topic.name for topic in TOPICS.values() if topic.destructive
    }


def test_a_body_that_names_its_shop_is_known_to() -> None:
    named = ("shop_domain", "myshopify_domain")
    for topic in TOPICS.values():
        there = [name for name in named if name in json.loads(OWN[topic.name])]
        assert there == ([topic.names_shop] if topic.names_shop else [])


def key_of(topic: Topic, body: bytes) -> str | None:
    version = resource_version(topic, body)
    return version.key if version else None


@given(number=ids, extra=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=5))
def test_the_key_holds_the_exact_id_whatever_stands_around_it(
    number: int, extra: dict[str, str]
) -> None:
    extra.pop("updated_at", None)
    for name in ("orders/create", "orders/paid"):
        assert key_of(TOPICS[name], body(**{**extra, "id": number})) == f"orders:{number}"


@given(ids, ids)
def test_versions_of_one_resource_share_a_key_and_others_do_not(one: int, other: int) -> None:
    create, update = TOPICS["products/create"], TOPICS["products/update"]
    same = key_of(create, body(id=one)) == key_of(update, body(id=other))
    assert same == (one == other)


@given(ids, ids, ids)
def test_a_stock_level_is_named_by_item_and_location(item: int, place: int, other: int) -> None:
    topic = TOPICS["inventory_levels/update"]
    key = key_of(topic, body(location_id=place, inventory_item_id=item))
    assert key == f"inventory_levels:{item}:{place}"
    moved = key_of(topic, body(inventory_item_id=item, location_id=other))
    assert (key == moved) == (place == other)
    assert key_of(topic, body(inventory_item_id=item)) is None


@given(ids)
def test_one_number_in_two_families_is_two_resources(number: int) -> None:
    both = body(id=number, inventory_item_id=number, location_id=number)
    keys = {key_of(topic, both) for topic in WHOLE}
    assert None not in keys
    assert len(keys) == len({topic.family for topic in WHOLE})


@given(ids)
def test_parts_and_deletes_are_never_coalesced(number: int) -> None:
    both = body(id=number, inventory_item_id=number, location_id=number, order_id=number)
    for topic in TOPICS.values():
        assert (key_of(topic, both) is None) == (not topic.whole)


@given(st.binary() | st.sampled_from(sorted(OWN.values())).map(lambda own: own[: len(own) // 2]))
def test_what_cannot_be_read_has_no_key(junk: bytes) -> None:
    for topic in WHOLE:
        assert key_of(topic, junk) is None


@pytest.mark.parametrize(
    "odd",
    [
        b'{"id":null}',
        b'{"id":true}',
        b'{"id":1.5}',
        b'{"id":"1"}',
        b'{"id":1,"updated_at":"yesterday"}',
        b'{"id":1,"updated_at":"2026-07-01T00:00:00"}',  # no offset: cannot be compared
        b'{"id":1,"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"id":"\xff"}',
        b'{"id":1,"updated_at":"\xff"}',
    ],
    ids=repr,
)
def test_odd_bodies_are_left_to_the_handler(odd: bytes) -> None:
    assert key_of(TOPICS["orders/create"], odd) is None


@given(st.datetimes(), st.integers(-12 * 60, 14 * 60), st.datetimes(), st.integers(-720, 840))
def test_versions_compare_as_instants_not_as_texts(
    one: Any, one_offset: int, other: Any, other_offset: int
) -> None:
    topic = TOPICS["orders/updated"]
    times = [
        moment.replace(year=2026, tzinfo=timezone(timedelta(minutes=offset)))
        for moment, offset in ((_no_leap_day(one), one_offset), (_no_leap_day(other), other_offset))
    ]
    first, second = (
        resource_version(topic, body(id=1, updated_at=moment.isoformat())) for moment in times
    )
    assert first
    assert second
    assert first.updated_at
    assert second.updated_at
    assert (first.updated_at < second.updated_at) == (times[0] < times[1])


def _no_leap_day(moment: Any) -> Any:
    return moment.replace(day=min(moment.day, 28))


def test_an_id_alone_names_a_resource_but_no_version() -> None:
    version = resource_version(TOPICS["orders/updated"], b'{"id":820982911946154508}')
    assert version
    assert version.key == "orders:820982911946154508"
    assert version.updated_at is None
