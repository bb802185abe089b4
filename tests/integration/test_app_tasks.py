"""tasks/app.py on a real sandbox and database: who has left, who is back, what a shop may do."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from avnu.cache import Loaded, kinds
from avnu.cache.values import ShopProfile
from avnu.errors import ShopUninstalled
from avnu.inbox.arrival import Stored
from avnu.inbox.turn import Letter, Settlement
from avnu.keys import Keys
from avnu.run import run_batch
from avnu.shopify import queries
from avnu.shopify.topics import TOPICS
from avnu.store.shops import Status
from avnu.webhook import Shop, Webhook
from tasks.app import area
from tests.support.deployment import PLENTY_S, Deployment
from tests.support.payloads import own

pytest_plugins = ("tests.support.shopify_fixtures",)


STRANGER = "stranger.myshopify.com"
UNINSTALLED, SCOPES, SHOP_UPDATE = "app/uninstalled", "app/scopes_update", "shop/update"
LATER = timedelta(minutes=5)
PROFILE = ShopProfile(name="One", plan="Plus", currency="EUR", timezone="Europe/Lisbon")


def deliver(
    deployment: Deployment, topic: str, *bodies: Any, shop: str = "", at: datetime | None = None
) -> Settlement:
    """One batch of the area, as a worker's turn runs it."""
    shop = shop or deployment.shop
    triggered_ms = 0 if at is None else int(at.timestamp() * 1000)
    accepted_ms = int((datetime.now(UTC) + LATER).timestamp() * 1000)
    batch = [
        Webhook(Stored(shop, f"id-{n}", accepted_ms, "app", topic, triggered_ms, "", "", "", body))
        for n, body in enumerate(map(encoded, bodies or (json.loads(own()[topic]),)))
    ]
    until_s = deployment.clock.monotonic() + PLENTY_S
    given = Shop(shop, deployment.clock, until_s, lambda: deployment.client)
    settlement, raised = run_batch(given, batch, area.handlers)
    assert raised == []
    return settlement


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


def letters(settlement: Settlement) -> str:
    return "".join(verdict.letter for verdict in settlement.verdicts)


def budget_keys(deployment: Deployment) -> list[bytes]:
    names = Keys(deployment.settings.avnu_namespace)
    client: Any = deployment.connections.cache()
    return [key for name in ("budget", "budget_leases") for key in client.keys(names.of(name, "*"))]


# ---- app/uninstalled


def test_a_shop_that_has_left_is_put_away(deployment: Deployment) -> None:
    loads = deployment.client.cache.get
    deployment.admin().query(queries.SHOP)
    deployment.client.guards.flush()
    assert loads(kinds.LOCATIONS, deployment.shop, "", lambda: _loaded(())) == ()
    assert budget_keys(deployment) != []
    deployment.sandbox.change(deployment.shop, uninstalled=True)
    assert letters(deliver(deployment, UNINSTALLED)) == "D"
    found = deployment.standing()
    assert (found.status, found.has_access_token, found.has_refresh_token) == (
        Status.UNINSTALLED, False, False,
    )  # fmt: skip
    assert deployment.unparked[-1] == (deployment.shop, ())
    assert loads(kinds.LOCATIONS, deployment.shop, "", lambda: _loaded(None)) is None
    for process in deployment.processes:
        process.guards.flush()
    assert budget_keys(deployment) == []
    with pytest.raises(ShopUninstalled):
        deployment.admin().query(queries.SHOP)


def _loaded(value: Any) -> Any:
    return Loaded(value)


def test_what_waits_for_a_shop_that_has_left_is_done_without_effect(deployment: Deployment) -> None:
    deployment.sandbox.change(deployment.shop, uninstalled=True)
    deliver(deployment, UNINSTALLED)
    settlement, raised = deployment.handle(_ask_for_the_shop, n=3)
    assert (letters(settlement), raised, dict(settlement.parkings)) == ("DDD", [], {})
    assert deployment.counters == {"put_away:orders": 3}


def test_what_the_law_asks_for_is_not_done_without_effect(deployment: Deployment) -> None:
    deployment.sandbox.change(deployment.shop, uninstalled=True)
    deliver(deployment, UNINSTALLED)
    asked = Webhook(
        Stored(deployment.shop, "id", 1, "compliance", "shop/redact", 0, "", "", "", b"{}")
    )
    given = Shop(
        deployment.shop, deployment.clock, deployment.clock.monotonic() + PLENTY_S,
        lambda: deployment.client,
    )  # fmt: skip
    settlement, _ = run_batch(given, [asked], {"shop_redacted": _ask_for_the_shop})
    assert letters(settlement) == "B"
    assert settlement.parkings[deployment.shop].cause == "unauthorised"


def _ask_for_the_shop(shop: Shop, webhooks: Any) -> None:
    shop.admin.query(queries.SHOP)


def test_an_uninstall_that_is_not_true_changes_nothing(deployment: Deployment) -> None:
    assert letters(deliver(deployment, UNINSTALLED)) == "D"
    assert deployment.standing().status is Status.INSTALLED
    assert deployment.unparked == []
    # Nor where a scope is missing: who may not do it is known all the same.
    deployment.sandbox.weather.set("http_403")
    assert letters(deliver(deployment, UNINSTALLED)) == "D"
    assert deployment.standing().status is Status.INSTALLED


@pytest.mark.parametrize("before", [timedelta(0), timedelta(hours=2)])
def test_an_uninstall_as_old_as_the_install_asks_nobody(
    deployment: Deployment, before: timedelta
) -> None:
    installed_at = deployment.standing().installed_at
    at = installed_at.replace(microsecond=installed_at.microsecond // 1000 * 1000) - before
    deployment.sandbox.change(deployment.shop, uninstalled=True)
    assert letters(deliver(deployment, UNINSTALLED, at=at)) == "D"
    assert deployment.sandbox.report()["calls"] == 0
    assert deployment.standing().status is Status.INSTALLED


def test_a_reinstall_while_the_uninstall_is_confirmed_stays(deployment: Deployment) -> None:
    at = datetime.now(UTC)
    deployment.sandbox.change(deployment.shop, uninstalled=True)
    shops = deployment.client.shops
    uninstall = shops.uninstall

    def reinstalled_just_before(domain: str, triggered_at: datetime | None = None) -> bool:
        deployment.sandbox.change(deployment.shop, uninstalled=False)
        deployment.install()
        return uninstall(domain, triggered_at)

    shops.uninstall = reinstalled_just_before  # type: ignore[method-assign]
    assert letters(deliver(deployment, UNINSTALLED, at=at)) == "D"
    assert deployment.standing().status is Status.INSTALLED
    assert deployment.admin().query(queries.SHOP).shop.name


def test_an_uninstall_of_a_shop_that_is_back_and_gone_again(deployment: Deployment) -> None:
    deployment.sandbox.change(deployment.shop, uninstalled=True)
    deliver(deployment, UNINSTALLED)
    first = deployment.standing().uninstalled_at
    assert letters(deliver(deployment, UNINSTALLED)) == "D"
    assert deployment.standing().uninstalled_at == first, "a second delivery changes nothing"
    deployment.sandbox.change(deployment.shop, uninstalled=False)
    deployment.install()
    deployment.sandbox.change(deployment.shop, uninstalled=True)
    deliver(deployment, UNINSTALLED)
    assert deployment.standing().status is Status.UNINSTALLED


def test_an_uninstall_that_cannot_be_confirmed_waits_alone(deployment: Deployment) -> None:
    deployment.sandbox.weather.set("http_503")
    settlement = deliver(deployment, UNINSTALLED)
    assert (letters(settlement), dict(settlement.parkings)) == (Letter.ALONE, {})
    assert deployment.standing().status is Status.INSTALLED


def test_an_uninstall_of_a_shop_that_nobody_added(deployment: Deployment) -> None:
    body = json.loads(own()[UNINSTALLED])
    assert letters(deliver(deployment, UNINSTALLED, body, shop=STRANGER)) == "D"
    assert deployment.unparked == [(STRANGER, ())]
    assert deployment.sandbox.report()["calls"] == 0


# ---- app/scopes_update and shop/update


def scopes(*names: str, at: str) -> dict[str, Any]:
    return {"previous": [], "current": names, "updated_at": f"2026-07-01T00:00:{at}Z"}


def test_scopes_are_noted_by_their_version_and_what_waits_for_one_goes_on(
    deployment: Deployment,
) -> None:
    newest, older = scopes("read_products", "read_orders", at="20"), scopes("read_all", at="10")
    deliver(deployment, SCOPES, newest, older)
    deliver(deployment, SCOPES, older)
    assert deployment.standing().scopes == ("read_products", "read_orders")
    assert deployment.unparked[0] == (deployment.shop, ("forbidden",))
    deliver(deployment, SCOPES, scopes("read_products", at="30"))
    assert deployment.standing().scopes == ("read_products",)


def profile(plan: str, at: str) -> dict[str, Any]:
    return {
        **json.loads(own()[SHOP_UPDATE]),
        "plan_display_name": plan,
        "updated_at": f"2026-07-01T00:00:{at}Z",
    }


def test_the_plan_is_noted_by_its_version_and_no_call_is_made(deployment: Deployment) -> None:
    kept = deployment.client.cache.get
    assert kept(kinds.SHOP, deployment.shop, "", lambda: _loaded(None)) is None
    deliver(deployment, SHOP_UPDATE, profile("Plus", "20"))
    deliver(deployment, SHOP_UPDATE, profile("Basic", "10"))
    assert deployment.standing().plan == "Plus"
    deliver(deployment, SHOP_UPDATE, profile("Advanced", "30"))
    assert deployment.standing().plan == "Advanced"
    assert deployment.sandbox.report()["calls"] == 0
    again = kinds.SHOP, deployment.shop, ""
    assert kept(*again, lambda: _loaded(PROFILE)) == PROFILE, "what was cached is outdated"


def test_scopes_and_plan_have_versions_of_their_own(deployment: Deployment) -> None:
    deliver(deployment, SHOP_UPDATE, profile("Plus", "50"))
    deliver(deployment, SCOPES, scopes("read_products", at="10"))
    assert (deployment.standing().plan, deployment.standing().scopes) == (
        "Plus", ("read_products",),
    )  # fmt: skip


def test_what_is_older_than_the_install_tells_nothing_of_it(deployment: Deployment) -> None:
    deployment.client.shops.describe(deployment.shop, scopes=("read_products",))
    deployment.install(scopes=("write_products",))
    deliver(deployment, SCOPES, scopes("read_all", at="10"))
    assert deployment.standing().scopes == ("write_products",)


@pytest.mark.parametrize("topic", [SCOPES, SHOP_UPDATE])
def test_nothing_waits_for_a_shop_that_nobody_added(
    deploy: Callable[..., Deployment], topic: str
) -> None:
    deployment = deploy()
    body = json.loads(own()[topic])
    assert letters(deliver(deployment, topic, body, shop=STRANGER)) == "D"


def test_every_topic_of_the_area_is_tried_here() -> None:
    assert {one.name for one in TOPICS.values() if one.area == "app"} == {
        UNINSTALLED, SCOPES, SHOP_UPDATE,
    }  # fmt: skip
