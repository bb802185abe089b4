"""The handlers of tasks/ before a real Admin API: the copy says what Shopify has, at what cost."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from avnu.clock import SystemClock
from avnu.sandbox import plan
from avnu.sandbox.admin import AdminSandbox, World
from avnu.sandbox.admin.bucket import LIMITS
from avnu.sandbox.admin.shop_world import ShopWorld
from avnu.sandbox.differences import differences
from avnu.sandbox.shops import Sizes
from avnu.secret import Secret
from avnu.shopify.topics import topic_for
from avnu.store.market.changes import ResourceKind
from avnu.webhook import Webhook
from tests.support.deployment import CLIENT_ID, CLIENT_SECRET, Deployment
from tests.support.followed import letters
from tests.support.told_changes import FILE, NAME

pytest_plugins = ("tests.support.shopify_fixtures", "tests.support.store_fixtures")


SEED, DELIVERIES = 11, 300
SIZES = Sizes(most_products=60, most_variants=120)
FOLLOWED = ("products", "inventory", "orders")
BATCH = 50
LATE_S = 301.0


@pytest.fixture(scope="module")
def world() -> World:
    """A shop on the evening of a day; its first product has more variants than a body holds."""
    return World.played(SEED, 1, DELIVERIES, sizes=SIZES)


@pytest.fixture
def sandbox(world: World) -> Iterator[AdminSandbox]:
    with AdminSandbox(
        world, SystemClock(), client_id=CLIENT_ID, client_secret=Secret(CLIENT_SECRET)
    ) as running:
        yield running


class Played:
    """The shop of the played day, with the app and more points than any test spends."""

    def __init__(self, deployment: Deployment) -> None:
        (self.domain,) = deployment.sandbox.world.domains
        deployment.install(self.domain)
        points, per_second = LIMITS["enterprise"]
        bucket = deployment.sandbox.bucket(self.domain)
        with bucket.lock:
            bucket.resize(points, per_second)
            bucket.available = points
        self.deployment = deployment
        self.world: ShopWorld = deployment.sandbox.world.shop(self.domain)
        self.copy = deployment.client.market

    def told(self, topic: str, body: dict[str, Any] | bytes, **more: Any) -> Webhook:
        return self.deployment.told(topic, body, self.domain, **more)

    def follow(self, *webhooks: Webhook) -> str:
        """One batch; what became of each."""
        settlement, raised = self.deployment.follow(*webhooks)
        assert (settlement.parkings, raised) == ({}, [])
        return letters(settlement)

    def day(self) -> list[Webhook]:
        """Every webhook of the day that is followed, in its order."""
        return [
            self.told(one.topic, one.body)
            for one in plan(SEED, 1, DELIVERIES, sizes=SIZES)
            if (topic := topic_for(one.topic)) and topic.area in FOLLOWED
        ]

    def differences(self) -> list[str]:
        """What the copy says otherwise than the shop, of all that the day touched."""
        store = self.deployment.client.store
        return [str(one) for one in differences(store, [self.world], self.world.start)]

    def calls(self) -> dict[str, int]:
        """What Shopify was asked, by the name of the query."""
        found: dict[str, int] = self.deployment.sandbox.report()["operations"]
        return found


# On a busy machine a large answer takes longer than the tests of trouble allow.
@pytest.fixture
def played(deploy: Callable[..., Deployment]) -> Played:
    return Played(deploy())


@pytest.fixture
def played_on_both(deploy: Callable[..., Deployment], database: Secret) -> Played:
    """On SQLite and on PostgreSQL."""
    return Played(deploy(DATABASE_URL=database.reveal()))


def batches(webhooks: list[Webhook]) -> Iterator[list[Webhook]]:
    """As turns take them: an area's, in their order."""
    for area in FOLLOWED:
        its = [one for one in webhooks if area_of(one) == area]
        yield from (its[start : start + BATCH] for start in range(0, len(its), BATCH))


def area_of(webhook: Webhook) -> str:
    topic = topic_for(webhook.topic)
    return topic.area if topic else ""


def as_reconciled(played: Played, webhook: Webhook) -> Webhook:
    """What a reconciliation puts into the inbox for what a webhook would have told."""
    body = json.loads(webhook.body)
    names = ("id", "inventory_item_id", "location_id", "order_id", "order_edit")
    least = {name: body[name] for name in names if name in body}
    return played.told(webhook.topic, least, reconciled=True)


def test_a_day_with_losses_in_any_order_ends_as_the_shop_is(played_on_both: Played) -> None:
    """10 % come twice, all are shuffled, 5 % never came, and then are found."""
    played = played_on_both
    chance = random.Random(5)
    day = played.day()
    assert len(day) > 0.8 * DELIVERIES
    lost = [one for one in day if chance.random() < 0.05]
    came = [one for one in day if one not in lost]
    came += chance.sample(came, len(came) // 10)
    chance.shuffle(came)
    for batch in batches(came):
        assert set(played.follow(*batch)) <= {"D", "U"}
    assert played.differences(), "what was lost is missing"
    played.deployment.counters.clear()
    for batch in batches([as_reconciled(played, one) for one in lost]):
        assert set(played.follow(*batch)) <= {"D"}
    assert played.differences() == []
    assert any(name.startswith("missed:") for name in played.deployment.counters)


def test_a_day_that_comes_a_day_late_ends_as_the_shop_is(played_on_both: Played) -> None:
    """No payload is believed, so every resource is read, each once for its batch."""
    played = played_on_both
    day = played.day()
    for batch in batches([played.told(one.topic, one.body, late_s=LATE_S) for one in day]):
        played.follow(*batch)
    assert played.differences() == []
    assert sum(played.calls().values()) < len(day) / 3


def test_a_whole_payload_says_what_a_read_would(played: Played) -> None:
    """Told, and then read: nothing is written, as nothing differs."""
    product = next(one for one in played.world.truth().products() if len(one["variants"]) < 5)
    played.follow(played.told("products/update", product))
    stored = played.copy.product(played.domain, product["id"])
    played.follow(played.told("products/update", {"id": product["id"]}, reconciled=True))
    assert played.copy.product(played.domain, product["id"]) == stored
    assert "missed:products" not in played.deployment.counters
    assert played.calls() == {"Shop": 1, "WholeProductsWithMore": 1}


def test_a_body_that_holds_100_of_120_variants_is_made_whole_by_a_read(played: Played) -> None:
    body = played.world.edit(0, played.world.start + 80_000)
    assert (len(body["variants"]), len(body["variant_gids"])) == (100, 120)
    played.follow(played.told("products/update", body))
    stored = played.copy.product(played.domain, body["id"])
    assert stored is not None
    assert (len(stored.variants), stored.partial) == (120, False)


def test_deletes_are_believed_when_shopify_has_no_such_thing(played: Played) -> None:
    first, second = list(played.world.truth().products())[2:4]
    played.follow(*(played.told("products/update", one) for one in (first, second)))
    played.world.delete(played.world.product_number(first["id"]) or -1)
    gone = [played.told("products/delete", {"id": one["id"]}) for one in (first, second)]
    assert played.follow(*gone) == "DD"
    assert played.copy.product(played.domain, first["id"]) is None
    assert played.copy.product(played.domain, second["id"]) is not None
    assert played.copy.counts(played.domain)[ResourceKind.PRODUCT] == 1


def test_the_marketplaces_own_function_is_told_after_the_commit(
    deploy: Callable[..., Deployment], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees on a connection of its own what it is told of."""
    deployment = deploy(MARKET_CHANGED=NAME)
    monkeypatch.setenv(FILE, str(tmp_path / "told"))
    monkeypatch.setenv("DATABASE_URL", deployment.settings.database_url.reveal())
    played = Played(deployment)
    product = next(played.world.truth().products())
    for _ in range(2):
        played.follow(played.told("products/update", product))
    played.world.delete(played.world.product_number(product["id"]) or 0)
    played.follow(played.told("products/delete", {"id": product["id"]}))
    named = f"{played.domain} product {product['id']}"
    assert (tmp_path / "told").read_text().splitlines() == [
        f"{named} created, seen: {product['title']}",
        f"{named} deleted, seen: None",
    ]
