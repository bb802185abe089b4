"""The truth of a played world is what its webhooks have told; see test_sandbox_truth_api.py."""

import json
from collections import Counter
from typing import Any

import pytest

from avnu.sandbox import ALL_MISCHIEF, plan
from avnu.sandbox.admin import World
from avnu.sandbox.catalog import TOLD_VARIANTS, told
from avnu.sandbox.shops import Sizes
from avnu.sandbox.store import FIRST_DAY
from tests.support.told import WHOLE, Told, truth_of, without_stock

DAY = {"seed": 5, "shops": 8, "deliveries": 3000, "sizes": Sizes(500, 300), "days": 2}


@pytest.fixture(scope="module")
def world() -> World:
    return World.played(**DAY)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def webhooks() -> Told:
    return Told(plan(mischief=ALL_MISCHIEF, **DAY))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", WHOLE)
def test_the_truth_is_what_webhooks_told_last(world: World, webhooks: Told, kind: str) -> None:
    """Nothing else changed on these days, and what changed is as its last webhook says."""
    truth = truth_of(world, kind, since=FIRST_DAY)
    last = webhooks.last[kind]
    assert truth.keys() == still_there(world, kind, last).keys()
    for key, body in truth.items():
        if kind == "products":
            assert without_stock(told(body)) == without_stock(last[key])
        else:
            assert body == last[key]


def still_there(
    world: World, kind: str, last: dict[tuple[str, Any], Any]
) -> dict[tuple[str, Any], Any]:
    """Without the stock of items that are gone: no webhook says that it went with them."""
    if kind != "levels":
        return last
    return {
        (domain, key): body
        for (domain, key), body in last.items()
        if key[0] not in world.shop(domain).truth().deleted["items"]
    }


@pytest.mark.parametrize("kind", WHOLE)
def test_what_is_gone_was_told_to_be(world: World, webhooks: Told, kind: str) -> None:
    gone = {
        (domain, key)
        for domain in world.domains
        for key in world.shop(domain).truth().deleted[kind]
    }
    assert gone == webhooks.gone[kind]
    assert gone or kind == "locations"
    assert not gone & truth_of(world, kind).keys()


@pytest.mark.parametrize("kind", ["refunds", "fulfillments"])
def test_orders_hold_what_followed_them(world: World, webhooks: Told, kind: str) -> None:
    held = {
        (domain, part["id"]): part
        for (domain, _), order in truth_of(world, "orders").items()
        for part in order[kind]
    }
    orders_gone = webhooks.gone["orders"]
    assert held == {
        (domain, key): body
        for (domain, key), body in webhooks.last[kind].items()
        if (domain, body["order_id"]) not in orders_gone
    }
    assert len(held) > 5


@pytest.mark.parametrize("kind", WHOLE)
def test_what_nobody_touched_is_older(world: World, webhooks: Told, kind: str) -> None:
    older = truth_of(world, kind).keys() - truth_of(world, kind, since=FIRST_DAY).keys()
    assert not older & webhooks.last[kind].keys()
    assert bool(older) == (kind != "orders")


def test_the_day_has_what_makes_copies_differ(webhooks: Told, world: World) -> None:
    """Products of which a webhook tells a part, and two bodies of one second."""
    products = webhooks.last["products"].values()
    assert any(len(one["variant_gids"]) > len(one["variants"]) == TOLD_VARIANTS for one in products)
    deliveries = plan(**DAY)  # type: ignore[arg-type]
    bodies = {(one.shop, one.topic.partition("/")[0], one.body) for one in deliveries}
    seconds = Counter(
        (shop, area, json.loads(body)["id"], json.loads(body)["updated_at"])
        for shop, area, body in bodies
        if area in ("products", "orders") and b'"updated_at"' in body and b"order_edit" not in body
    )
    assert {area for (_, area, _, _), count in seconds.items() if count > 1} == {
        "products", "orders",
    }  # fmt: skip
