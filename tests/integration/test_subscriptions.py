"""The audit of webhook subscriptions on a real sandbox, and how often shops send."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from avnu.errors import PlatformFault
from avnu.inbox.arrival import OWN, Stored
from avnu.secret import Secret
from avnu.shopify import queries
from avnu.store.database import Store
from avnu.store.tables import habits, subscription_audits
from avnu.subscriptions.audit import Audits, audited
from avnu.subscriptions.findings import Elsewhere, Findings
from avnu.subscriptions.habits import Habits
from avnu.subscriptions.wanted import WANTED, api_name
from tests.support.command import runner, told
from tests.support.deployment import Deployment

pytest_plugins = ("tests.support.shopify_fixtures", "tests.support.store_fixtures")


HERE, THERE = "https://avnu.example.com/webhooks/shopify", "https://old.example.com/hooks"
OF_SHOPS = {"SHOPIFY_SUBSCRIPTIONS": "shop", "SHOPIFY_WEBHOOK_ADDRESS": HERE}
NOW = datetime.now(UTC)
SHOP = "one-goods.myshopify.com"


class _Me:
    id = "test"


def audits(deployment: Deployment) -> Audits:
    client = deployment.client
    return Audits(
        deployment.settings, client.store, deployment.clock, random.Random(1),
        habits=client.habits, admin=client.admin,
    )  # fmt: skip


def run(deployment: Deployment, left_s: float = 60) -> dict[str, int]:
    return audits(deployment).run(deployment.clock.monotonic() + left_s)


def subscribe(deployment: Deployment, topic: str, address: str) -> None:
    asked = {"topic": api_name(topic), "uri": address}
    deployment.admin().mutate(queries.SUBSCRIBE, asked, of=_Me())


def listed(deployment: Deployment) -> list[tuple[str, str]]:
    nodes = deployment.admin().pages(queries.SUBSCRIPTIONS, lambda data: data.webhook_subscriptions)
    return sorted((one.topic, one.uri) for one in nodes)


def found(deployment: Deployment, shop: str = SHOP) -> Findings:
    [one] = audited(deployment.client.store, shop)
    return one.found


def make_due(deployment: Deployment) -> None:
    with deployment.client.store.writing() as connection:
        connection.execute(update(subscription_audits).values(due_at=NOW))


@pytest.fixture
def of_shops(deploy: Callable[..., Deployment]) -> Deployment:
    made = deploy(**OF_SHOPS)
    made.install()
    return made


# ---- of each shop


def test_what_is_missing_is_made_anew(of_shops: Deployment) -> None:
    subscribe(of_shops, "orders/create", HERE)
    subscribe(of_shops, "shop/update", THERE)
    assert run(of_shops) == {
        "shops": 1, "later": 0, "created": len(WANTED) - 1, "elsewhere": 1,
    }  # fmt: skip
    ours = [(api_name(topic), HERE) for topic in WANTED]
    assert listed(of_shops) == sorted([*ours, ("SHOP_UPDATE", THERE)])
    assert found(of_shops).elsewhere == (Elsewhere("shop/update", THERE),)
    assert run(of_shops) == {"shops": 0, "later": 0}, "each shop has its own day"
    make_due(of_shops)
    assert run(of_shops) == {"shops": 1, "later": 0, "elsewhere": 1}


def test_what_shopify_refuses_is_told_with_its_word(of_shops: Deployment) -> None:
    with_fault = audits(of_shops)
    of_shops.sandbox.weather.set("access_denied", times=2)
    # The first answer is that of the list: who may not even see it is looked at later.
    assert with_fault.run(of_shops.clock.monotonic() + 60) == {"shops": 0, "later": 1}
    of_shops.sandbox.weather.clear()
    make_due(of_shops)
    admin = of_shops.client.admin

    def then_denied(shop: str, until_s: float) -> Any:
        made = admin(shop, until_s)
        pages = made.pages

        def pages_then_denied(*asked: Any, **more: Any) -> Any:
            yield from pages(*asked, **more)
            of_shops.sandbox.weather.set("access_denied", times=1)

        made.pages = pages_then_denied  # type: ignore[method-assign]
        return made

    with_fault._admin = then_denied
    did = with_fault.run(of_shops.clock.monotonic() + 60)
    assert (did["refused"], did["created"]) == (1, len(WANTED) - 1)
    [refused] = found(of_shops).refused
    assert refused.topic == WANTED[0]


# ---- of the app


def test_of_the_app_nothing_is_made_and_doubles_are_told(deployment: Deployment) -> None:
    subscribe(deployment, "orders/create", HERE)
    before = listed(deployment)
    assert run(deployment) == {"shops": 1, "later": 0, "doubled": 1}
    assert found(deployment) == Findings(doubled=("orders/create",))
    assert listed(deployment) == before


def test_a_silent_topic_is_told(deployment: Deployment) -> None:
    rows = [
        {"topic": "orders/create", "seen": 500, "last_at": NOW - timedelta(days=3), "gap_s": 3600},
        {"topic": "orders/updated", "seen": 500, "last_at": NOW, "gap_s": 3600},
    ]
    with deployment.client.store.writing() as connection:
        connection.execute(insert(habits).values([{"shop": SHOP, **row} for row in rows]))
    assert run(deployment)["silent"] == 1
    [quiet] = found(deployment).silent
    assert quiet.topic == "orders/create"


# ---- shops that cannot be asked


def test_one_that_cannot_be_asked_now_is_asked_later_and_keeps_what_was_found(
    deployment: Deployment,
) -> None:
    subscribe(deployment, "orders/create", HERE)
    deployment.install("two-goods.myshopify.com")
    run(deployment)
    make_due(deployment)
    deployment.sandbox.change(deployment.shop, frozen=True)
    assert run(deployment) == {"shops": 1, "later": 1}
    assert found(deployment).doubled == ("orders/create",)
    assert run(deployment) == {"shops": 0, "later": 0}


def test_while_shopify_is_down_the_run_ends_and_no_shop_stands_before_the_others(
    deployment: Deployment,
) -> None:
    deployment.install("two-goods.myshopify.com")
    deployment.sandbox.weather.set("http_503", shop=deployment.shop)
    with pytest.raises(PlatformFault):
        run(deployment)
    assert run(deployment) == {"shops": 1, "later": 0}


def test_without_time_nothing_is_begun(deployment: Deployment) -> None:
    calls = deployment.sandbox.report()["calls"]
    assert run(deployment, left_s=0.1) == {"shops": 0, "later": 0}
    assert deployment.sandbox.report()["calls"] == calls


# ---- how often shops send


def stored(topic: str, accepted: datetime, name: str = "") -> Stored:
    accepted_ms = int(accepted.timestamp() * 1000)
    return Stored(SHOP, "id", accepted_ms, "orders", topic, 0, "", "", name, b"{}")


def test_how_often_a_shop_sends_is_brought_to_the_database(store: Store) -> None:
    one, other = Habits(store), Habits(store)
    begin = datetime(2026, 7, 1, tzinfo=UTC)
    one.note(SHOP, [stored("orders/create", begin)] * 3)
    ours = [stored("orders/edited", begin, name) for name in OWN]
    one.note(SHOP, [stored("orders/updated", begin), *ours])
    assert one.of(SHOP) == []
    one.flush()
    other.note(SHOP, [stored("orders/create", begin + timedelta(hours=5))] * 2)
    other.close()
    one.flush()
    assert [(habit.topic, habit.seen, habit.gap_s) for habit in one.of(SHOP)] == [
        ("orders/create", 5, 18_000), ("orders/updated", 1, 0),
    ]  # fmt: skip
    one.close()


def test_many_shops_in_some_transactions(store: Store) -> None:
    every = Habits(store)
    for n in range(450):
        every.note(f"shop-{n}.myshopify.com", [stored("orders/create", NOW)])
    every.flush()
    assert [len(every.of(f"shop-{n}.myshopify.com")) for n in (0, 199, 200, 449)] == [1] * 4
    every.close()


def test_while_the_database_is_away_it_is_remembered(tmp_path: Path) -> None:
    away = Habits(Store(Secret(f"sqlite:///{tmp_path / 'not-there.db'}")))
    away.note(SHOP, [stored("orders/create", NOW)])
    assert away._flush_step(), "there is something left to do"
    away.note(SHOP, [stored("orders/create", NOW)])
    assert away._processes.get().by_key[SHOP, "orders/create"][0] == 2
    away.close()


# ---- the command


def test_the_command_tells_what_was_found(of_shops: Deployment) -> None:
    avnu = runner(of_shops.settings.to_environ())
    assert avnu("shops", "subscriptions", SHOP).exit_code == 3
    subscribe(of_shops, "shop/update", THERE)
    run(of_shops)
    shown = avnu("shops", "subscriptions")
    assert "was missing: created" in shown.stdout
    assert THERE in shown.stdout
    [document] = told(avnu("shops", "subscriptions", SHOP, "--json"))
    assert document["shop"] == SHOP
    assert document["elsewhere"] == [{"topic": "shop/update", "address": THERE}]
    assert len(document["created"]) == len(WANTED)
