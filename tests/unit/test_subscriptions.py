"""Which webhooks there should be, what an audit makes of what there is, and what silence is."""

import tomllib
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from avnu.settings import Settings
from avnu.settings.shopify import Subscriptions
from avnu.shopify.queries import SubscriptionNode
from avnu.shopify.topics import TOPICS
from avnu.store.columns import instant
from avnu.subscriptions.findings import Compared, Elsewhere, compare, silent
from avnu.subscriptions.habits import Habit, grown
from avnu.subscriptions.wanted import COMPLIANCE, WANTED, api_name
from tests.support.payloads import ROOT

HERE, THERE = "https://avnu.example.com/webhooks/shopify", "https://old.example.com/hooks"
NOW = instant(1_790_000_000)
HOUR_S, DAY_S = 3600.0, 86_400.0


def node(topic: str, uri: str = HERE) -> SubscriptionNode:
    return SubscriptionNode(id="gid://shopify/WebhookSubscription/1", topic=topic, uri=uri)


def all_but(*missing: str) -> list[SubscriptionNode]:
    return [node(api_name(topic)) for topic in WANTED if topic not in missing]


# ---- the app's own declaration


@pytest.fixture(scope="module")
def declared() -> dict[str, Any]:
    return tomllib.loads((ROOT / "deploy" / "shopify.app.toml").read_text())


def test_the_app_declares_every_routed_topic_and_no_other(declared: dict[str, Any]) -> None:
    every = declared["webhooks"]["subscriptions"]
    topics = [topic for one in every for topic in one.get("topics", ())]
    private = [topic for one in every for topic in one.get("compliance_topics", ())]
    assert sorted(topics) == sorted(WANTED)
    assert sorted(private) == ["customers/data_request", "customers/redact", "shop/redact"]
    assert sorted([*topics, *private]) == sorted(TOPICS)


def test_the_app_s_addresses_and_version_are_the_receiver_s(declared: dict[str, Any]) -> None:
    assert declared["webhooks"]["api_version"] == Settings.load({}).shopify_api_version
    paths = {urlsplit(one["uri"]).path for one in declared["webhooks"]["subscriptions"]}
    assert paths == {"/webhooks/shopify"}
    for one in declared["webhooks"]["subscriptions"]:
        assert ("topics" in one) != ("compliance_topics" in one), "the CLI refuses both in one"


def test_the_three_privacy_topics_are_the_app_s_alone() -> None:
    assert set(COMPLIANCE) == {"customers/data_request", "customers/redact", "shop/redact"}
    assert set(WANTED) | set(COMPLIANCE) == set(TOPICS)


def test_topics_are_spelt_as_the_admin_api_has_them() -> None:
    assert api_name("inventory_levels/connect") == "INVENTORY_LEVELS_CONNECT"
    assert api_name("customer.tags_added") == "CUSTOMER_TAGS_ADDED"


# ---- what there is


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (all_but(), Compared((), (), ())),
        ([], Compared(WANTED, (), ())),
        (all_but("orders/create"), Compared(("orders/create",), (), ())),
        ([*all_but(), node("CARTS_UPDATE", THERE)], Compared((), (), ())),
        ([*all_but(), node("ORDERS_CREATE")], Compared((), (), ("orders/create",))),
        (
            [*all_but("shop/update"), node("SHOP_UPDATE", THERE)],
            Compared(("shop/update",), (Elsewhere("shop/update", THERE),), ()),
        ),
    ],
)  # fmt: skip
def test_of_each_shop(nodes: list[SubscriptionNode], expected: Compared) -> None:
    assert compare(nodes, Subscriptions.SHOP, HERE) == expected


@pytest.mark.parametrize(
    ("nodes", "address", "expected"),
    [
        ([], HERE, Compared((), (), ())),
        ([node("ORDERS_CREATE")], HERE, Compared((), (), ("orders/create",))),
        ([node("ORDERS_CREATE", THERE)], "", Compared((), (), ("orders/create",))),
        (
            [node("ORDERS_CREATE", THERE)], HERE,
            Compared((), (Elsewhere("orders/create", THERE),), ()),
        ),
    ],
)  # fmt: skip
def test_of_the_app_what_a_shop_has_beside_comes_twice(
    nodes: list[SubscriptionNode], address: str, expected: Compared
) -> None:
    assert compare(nodes, Subscriptions.APP, address) == expected


# ---- silence


def habit(silent_s: float, gap_s: float, seen: int = 20) -> Habit:
    return Habit("orders/create", seen, NOW - timedelta(seconds=silent_s), gap_s)


@pytest.mark.parametrize(
    ("one", "is_silent"),
    [
        (habit(0.9 * DAY_S, gap_s=60), False),
        (habit(1.1 * DAY_S, gap_s=60), True),
        (habit(1.1 * DAY_S, gap_s=60, seen=19), False),
        (habit(7 * DAY_S, gap_s=60 * HOUR_S), False),
        (habit(8 * DAY_S, gap_s=60 * HOUR_S), True),
    ],
)
def test_a_topic_is_silent_after_far_longer_than_its_habit(one: Habit, is_silent: bool) -> None:
    assert bool(silent([one], NOW)) is is_silent


def ms(hours: float) -> int:
    return int((NOW.timestamp() + hours * HOUR_S) * 1000)


def test_the_habit_is_the_longest_gap_and_fades() -> None:
    one = grown(None, "orders/create", 5, ms(0), ms(0.1))
    assert (one.seen, one.gap_s) == (5, 0)
    one = grown(one, "orders/create", 1, ms(60.1), ms(60.1))
    assert (one.seen, one.gap_s) == (6, 60 * HOUR_S)
    for hour in range(61, 61 + 30 * 24):
        one = grown(one, "orders/create", 10, ms(hour), ms(hour))
    assert one.gap_s == pytest.approx(30 * HOUR_S, rel=0.01), "half of it after 30 days"
    assert one.last_at == instant(ms(61 + 30 * 24 - 1) / 1000)


def test_a_webhook_that_was_handled_late_is_no_gap_and_not_the_last() -> None:
    one = grown(None, "orders/create", 1, ms(10), ms(10))
    late = grown(one, "orders/create", 1, ms(2), ms(2))
    assert (late.last_at, late.gap_s, late.seen) == (one.last_at, 0, 2)


def test_a_shop_that_is_quiet_at_weekends_is_not_called_silent() -> None:
    one = grown(None, "orders/create", 1, ms(0), ms(0))
    alarms = 0
    for hour in range(1, 24 * 7 * 8):
        if hour % 168 < 24 * 5 and hour % 24 in range(8, 20):
            one = grown(one, "orders/create", 3, ms(hour), ms(hour))
        alarms += hour > 168 + 8 and bool(silent([one], NOW + timedelta(hours=hour)))
    assert alarms == 0, "once it has had a weekend"
