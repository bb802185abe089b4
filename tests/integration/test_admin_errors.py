"""Every error class and every malformed answer of the sandbox: the right error and what follows.

TABLE is the table: the sandbox's fault, the error of the call, why the shop parks ("" for a failed
run of the webhook), and what it says to the breaker.
"""

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

from avnu import errors
from avnu.budget import Budget, BudgetPolicy
from avnu.errors import AvnuError
from avnu.inbox.turn import Letter
from avnu.keys import Keys
from avnu.sandbox.admin.faults import FAULTS
from avnu.services import Unparking
from avnu.shopify import queries
from avnu.webhook import Shop, Webhook
from tests.support.deployment import QUICK, Deployment

pytest_plugins = ("tests.support.shopify_fixtures",)


GOOD, BAD, NEITHER = "good", "bad", "neither"


class Row(NamedTuple):
    """``wait_ms``: how long the shop waits; 0 for the default that doubles."""

    fault: str
    error: type[AvnuError] | None
    cause: str = ""
    breaker: str = NEITHER
    wait_ms: int = 0


TABLE = (
    Row("http_401", errors.TokenRejected, "unauthorised"),
    Row("http_402", errors.ShopFrozen, "frozen"),
    Row("http_403", errors.ShopForbidden, "forbidden"),
    Row("http_404", errors.ShopNotFound, "not found"),
    Row("http_423", errors.ShopLocked, "locked"),
    Row("http_429", errors.Throttled, "throttled", wait_ms=2000),
    Row("http_430", errors.SecurityRejected, "security"),
    Row("http_500", errors.PlatformFault, "platform", BAD),
    Row("http_502", errors.PlatformFault, "platform", BAD),
    Row("http_503", errors.PlatformFault, "platform", BAD),
    Row("http_504", errors.PlatformFault, "platform", BAD),
    Row("http_520", errors.PlatformFault, "platform", BAD),
    Row("http_530", errors.PlatformFault, "platform", BAD),
    Row("access_denied", errors.ShopForbidden, "forbidden"),
    Row("access_denied_partial", errors.ShopForbidden, "forbidden"),
    Row("internal_server_error", errors.PlatformFault, "platform", BAD),
    Row("shop_inactive", errors.ShopFrozen, "frozen"),
    Row("max_cost_exceeded", errors.TooDear),
    Row("throttled", errors.Throttled, "throttled", wait_ms=1000),
    Row("reset", errors.PlatformFault, "platform", BAD),
    Row("lost", errors.PlatformFault, "platform", BAD),
    Row("cut", errors.PlatformFault, "platform", BAD),
    Row("slow_body", errors.PlatformFault, "platform", BAD),
    Row("endless", errors.PlatformFault, "platform", BAD),
    Row("hang", errors.PlatformFault, "platform", BAD),
    Row("broken_json", errors.UnreadableAnswer, "unreadable"),
    Row("empty", errors.UnreadableAnswer, "unreadable"),
    Row("html", errors.UnreadableAnswer, "unreadable"),
    Row("list_body", errors.UnreadableAnswer, "unreadable"),
    Row("null_data", errors.UnreadableAnswer, "unreadable"),
    Row("errors_text", errors.UnreadableAnswer, "unreadable"),
    Row("cost_missing", None, breaker=GOOD),
    Row("throttle_missing", None, breaker=GOOD),
    Row("numbers_as_text", None, breaker=GOOD),
    Row("deprecated", None, breaker=GOOD),
    Row("latency", None, breaker=GOOD),
)


# What is waited for until the time is up.
SILENT = ("slow_body", "endless", "hang")


def ask_for_the_shop(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    shop.admin.query(queries.SHOP)


def test_the_table_has_every_fault() -> None:
    assert sorted(row.fault for row in TABLE) == sorted(FAULTS)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.fault)
def test_an_answer_and_what_follows(deploy: Callable[..., Deployment], row: Row) -> None:
    deployment = deploy(**(QUICK if row.fault in SILENT else {}))
    deployment.install()
    deployment.sandbox.weather.set(row.fault)
    if row.error is not None:
        with pytest.raises(row.error) as raised:
            deployment.admin().query(queries.SHOP)
        assert type(raised.value) is row.error
        assert deployment.shop in str(raised.value)
    else:
        assert deployment.admin().query(queries.SHOP).shop.currency_code
    assert said_to_the_breaker(deployment) == row.breaker

    settlement, failed = deployment.handle(ask_for_the_shop)
    (verdict,) = settlement.verdicts
    if row.cause:
        parking = settlement.parkings[deployment.shop]
        assert (verdict.letter, parking.cause, failed) == (Letter.BACK, row.cause, [])
        assert parking.wait_ms == row.wait_ms
    elif row.error is not None:
        assert (verdict.letter, dict(settlement.parkings)) == (Letter.FAILED, {})
        assert isinstance(failed[0], row.error)
    else:
        assert (verdict.letter, failed) == (Letter.DONE, [])

    deployment.sandbox.weather.clear()
    state = deployment.breaker()
    assert state.state == "closed", "one shop's errors never open the platform's breaker"


def said_to_the_breaker(deployment: Deployment) -> str:
    state = deployment.breaker()
    if state.bad_calls:
        return BAD
    return GOOD if state.good_calls else NEITHER


def test_nothing_listens(deployment: Deployment) -> None:
    deployment.sandbox.close()
    with pytest.raises(errors.PlatformFault):
        deployment.admin().query(queries.SHOP)
    assert deployment.breaker().bad_calls == 1


def test_our_own_short_time_is_not_told_against_the_platform(deployment: Deployment) -> None:
    deployment.sandbox.weather.set("hang")
    with pytest.raises(errors.PlatformFault):
        deployment.admin(left_s=3.0).query(queries.SHOP)
    assert deployment.breaker().bad_calls == 0
    with pytest.raises(errors.OutOfTime):
        deployment.admin(left_s=0.1).query(queries.SHOP)
    settlement, _ = deployment.handle(_out_of_time)
    assert settlement.parkings[deployment.shop].cause == "time"


def _out_of_time(shop: Shop, webhooks: Sequence[Webhook]) -> None:
    raise errors.OutOfTime


def test_a_slow_answer_is_used_and_told_against_the_platform(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy(BREAKER_SLOW_MS="100")
    deployment.install()
    deployment.sandbox.weather.set("latency", seconds=0.15)
    assert deployment.admin().query(queries.SHOP).shop.name
    assert said_to_the_breaker(deployment) == BAD


def test_a_new_token_that_is_refused_too_is_reported(deployment: Deployment) -> None:
    deployment.sandbox.weather.set("http_401")
    with pytest.raises(errors.TokenRejected):
        deployment.admin().query(queries.SHOP)
    found = deployment.standing()
    assert (found.status, found.reason) == ("unauthorised", "Shopify refuses even a new token")
    assert deployment.sandbox.report()["token_exchanges"] == {"refresh_token": 1}


def test_a_frozen_shop_is_noted_and_thaws(deployment: Deployment) -> None:
    deployment.sandbox.change(deployment.shop, frozen=True)
    with pytest.raises(errors.ShopFrozen):
        deployment.admin().query(queries.SHOP)
    assert deployment.standing().status == "frozen"
    deployment.sandbox.change(deployment.shop, frozen=False)
    deployment.admin().query(queries.SHOP)
    assert deployment.standing().status == "installed"


def test_a_refused_token_is_refreshed_and_the_call_made_again(deployment: Deployment) -> None:
    deployment.sandbox.tokens.expire(deployment.shop)
    deployment.admin().query(queries.SHOP)
    report = deployment.sandbox.report()
    assert report["token_exchanges"] == {"refresh_token": 1}
    assert deployment.unparked == [(deployment.shop, ("unauthorised", "token"))]
    assert deployment.counted() == {"unauthorised": 1, "ok": 1, "points": pytest.approx(4, abs=2)}


def test_an_uninstalled_shop_parks_until_it_is_back(deployment: Deployment) -> None:
    deployment.sandbox.change(deployment.shop, uninstalled=True)
    settlement, _ = deployment.handle(ask_for_the_shop)
    assert settlement.parkings[deployment.shop].cause == "unauthorised"
    assert deployment.standing().status == "unauthorised"
    deployment.sandbox.change(deployment.shop, uninstalled=False)
    deployment.install()
    settlement, _ = deployment.handle(ask_for_the_shop)
    assert settlement.verdicts[0].letter is Letter.DONE


def test_a_shop_that_nobody_added_parks(deployment: Deployment) -> None:
    stranger = "stranger.myshopify.com"
    with pytest.raises(errors.UnknownShop) as raised:
        deployment.admin(stranger).query(queries.SHOP)
    assert raised.value.cause == "unauthorised"
    assert deployment.sandbox.report()["calls"] == 0


def test_less_time_than_usual_does_not_hide_an_outage(deployment: Deployment) -> None:
    deployment.sandbox.close()
    with pytest.raises(errors.PlatformFault):
        deployment.admin(left_s=5.0).query(queries.SHOP)
    assert deployment.breaker().bad_calls == 1


def test_an_outage_at_the_token_endpoint_is_told_to_the_breaker(deployment: Deployment) -> None:
    deployment.install(life_s=0.0)
    deployment.sandbox.weather.set("http_503", on="token")
    with pytest.raises(errors.TokenUnavailable):
        deployment.admin().query(queries.SHOP)
    assert said_to_the_breaker(deployment) == BAD
    names = Keys(deployment.settings.avnu_namespace)
    policy = BudgetPolicy.of(deployment.settings)
    budget = Budget(deployment.connections.cache(), names, policy).show(deployment.shop)
    assert (budget.reserved, budget.reservations) == (0, 0), "the points were given back"


def test_a_breaker_that_closes_does_not_make_its_call_wait() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def unpark() -> None:
        asked.set()
        go_on.wait(10)

    listener = Unparking(unpark)
    listener.turned(None, "half-open", "open")
    assert not asked.is_set()
    listener.turned(None, "half-open", "closed")
    assert asked.wait(20)
    go_on.set()
