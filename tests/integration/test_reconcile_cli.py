"""``avnu shops resync`` before a real Admin API: compared, put in, shown; and what is counted."""

from collections import Counter
from datetime import timedelta

import msgspec
import pytest

from avnu.clock import SystemClock
from avnu.connections import Connections
from avnu.inbox import Inbox
from avnu.inbox.arrival import IMPORT, RECONCILE
from avnu.inbox.queries import find
from avnu.metrics import render
from avnu.reconcile.watermarks import Watermarks
from avnu.store.market.changes import ResourceKind
from avnu.store.market.versions import Product
from avnu.store.shops import Shops
from avnu.webhook import Shop
from tests.support.command import Run, runner, told
from tests.support.deployment import PLENTY_S, SHOP, Deployment
from tests.support.inbox import check, new_owner, open_inbox

pytest_plugins = ("tests.support.shopify_fixtures",)


DOMAIN = SHOP.domain
GONE = 11
# What the smallest plan gives bulk calls at once: of 2,000 points all but 30 %.
BULK_POINTS = 1_400


@pytest.fixture
def inbox(deployment: Deployment) -> Inbox:
    return open_inbox(deployment.settings)


@pytest.fixture
def avnu(deployment: Deployment) -> Run:
    return runner({**deployment.settings.to_environ(), "RECONCILE_OPEN": "100000"})


@pytest.fixture
def marks(deployment: Deployment) -> Watermarks:
    return Watermarks(deployment.client.store, 600)


def put_in(inbox: Inbox) -> Counter[str]:
    return Counter(one.topic for one in find(inbox, limit=100_000))


def names_of(inbox: Inbox) -> set[str]:
    """In place of the subscription's name: who put the webhooks in."""
    keys = inbox.client.scan_iter(match=inbox.keys.of("record", "*"), count=1000)
    heads = [inbox.client.get(key).split(b"\n")[0] for key in keys]
    return {head.split(b"\t")[-1].decode() for head in heads}


def shop_of(deployment: Deployment) -> Shop:
    clock = deployment.clock
    return Shop(DOMAIN, clock, clock.monotonic() + PLENTY_S, lambda: deployment.client)


def copy_some(deployment: Deployment, n: int) -> list[Product]:
    """The first products by version, read whole and stored, and what is not at Shopify."""
    shop = shop_of(deployment)
    page = shop.reads.changed(ResourceKind.PRODUCT, None, None)
    found = list(shop.reads.products([one.key for one in page.seen[:n]]).values())  # type: ignore[misc]
    older = msgspec.structs.replace(
        found[0], title="Before", updated_at=found[0].updated_at - timedelta(seconds=10)
    )
    fleeting = msgspec.structs.replace(found[1], read_at=None)
    missing = msgspec.structs.replace(found[2], id=GONE)
    shop.market.put_products(DOMAIN, [older, fleeting, missing, *found[3:]])
    # What the calls came to is known to the command, as if they were long over.
    deployment.client.guards.flush()
    return found


def test_a_dry_run_tells_what_differs_and_changes_nothing(
    avnu: Run, inbox: Inbox, deployment: Deployment, marks: Watermarks
) -> None:
    copied = copy_some(deployment, 10)
    shown = avnu("shops", "resync", DOMAIN, "--resource", "products", "--dry-run", "--json")
    assert shown.exit_code == 0
    (row,) = told(shown)["resources"]
    # 7 are stored as they are; one is older, one in doubt, one was never stored.
    assert row["differing"] == SHOP.products - 8
    assert (row["in_doubt"], row["gone"], row["looked"]) == (1, 1, SHOP.products + 10)
    assert row["first"][0] == str(copied[0].id)
    assert len(row["first"]) == 5
    assert put_in(inbox) == Counter()
    assert marks.of(DOMAIN) == []


def test_what_differs_is_put_in_once_within_the_shop_s_points(
    avnu: Run, inbox: Inbox, deployment: Deployment
) -> None:
    copy_some(deployment, 10)
    for _ in range(2):
        shown = avnu("shops", "resync", DOMAIN, "--resource", "products", "--json")
        (row,) = told(shown)["resources"]
        assert (row["in_doubt"], row["gone"]) == (1, 1)
        assert put_in(inbox) == {"products/update": SHOP.products - 7, "products/delete": 1}
    check(inbox, waiting=SHOP.products - 6)
    spent = deployment.sandbox.report()
    assert spent["points_spent"] > BULK_POINTS, "it had to wait for points"
    assert spent["throttled"] == 0


def test_a_first_run_imports_and_later_ones_find_what_was_missed(
    avnu: Run, inbox: Inbox, deployment: Deployment
) -> None:
    assert avnu("shops", "resync", DOMAIN, "--resource", "locations").exit_code == 0
    assert names_of(inbox) == {IMPORT}
    inbox.client.flushdb()
    assert avnu("shops", "resync", DOMAIN, "--resource", "locations").exit_code == 0
    assert names_of(inbox) == {RECONCILE}


def test_what_did_not_change_since_is_not_asked_for(avnu: Run, inbox: Inbox) -> None:
    shown = avnu(
        "shops", "resync", DOMAIN, "--resource", "products", "--since", "2099-01-01", "--json"
    )
    assert told(shown)["resources"][0]["looked"] == 0
    assert put_in(inbox) == Counter()


def test_a_second_one_at_the_same_time_says_that_one_runs(
    avnu: Run, marks: Watermarks, inbox: Inbox
) -> None:
    assert marks.seize(DOMAIN, "products", new_owner(), None) is not None
    both = ("--resource", "products", "--resource", "locations")
    second = avnu("shops", "resync", DOMAIN, *both, "--json")
    assert second.exit_code == 1
    assert "products: they are being compared already" in second.stderr
    # The others are not held up by that.
    assert [row["resource"] for row in told(second)["resources"]] == ["locations"]
    assert put_in(inbox).keys() == {"locations/update"}


def test_one_that_shopify_stops_goes_on_where_it_was(
    avnu: Run, deployment: Deployment, marks: Watermarks, inbox: Inbox
) -> None:
    mark = marks.seize(DOMAIN, "products", "killed", None)
    assert mark is not None
    page = shop_of(deployment).reads.changed(ResourceKind.PRODUCT, None, None)
    deployment.client.guards.flush()
    noted = marks.save(mark, cursor=page.after, looked=len(page.seen))
    assert noted is not None
    assert marks.let_go(noted, 3600, None) is not None
    deployment.sandbox.weather.set("http_423")
    stopped = avnu("shops", "resync", DOMAIN, "--resource", "products")
    assert stopped.exit_code == 1
    assert "goes on after 250 looked at" in stopped.stderr
    deployment.sandbox.weather.clear()
    shown = avnu("shops", "resync", DOMAIN, "--resource", "products", "--json")
    assert "goes on after 250 looked at" in shown.stderr
    assert told(shown)["resources"][0]["looked"] == SHOP.products
    # The first page was noted as put in, so it was not asked for again.
    assert put_in(inbox) == {"products/update": SHOP.products - 250}


def test_exit_codes_are_those_of_every_command(avnu: Run, deployment: Deployment) -> None:
    assert avnu("shops", "resync", "nobody").exit_code == 3
    assert avnu("shops", "resync", DOMAIN, "--resource", "carts").exit_code == 2
    assert avnu("shops", "resync", DOMAIN, "--since", "soon").exit_code == 2
    Shops(deployment.client.store, SystemClock()).uninstall(DOMAIN)
    left = avnu("shops", "resync", DOMAIN)
    assert (left.exit_code, "uninstalled" in left.stderr) == (1, True)


def test_an_inbox_out_of_reach_is_exit_code_5(deployment: Deployment) -> None:
    environ = {**deployment.settings.to_environ(), "REDIS_CACHE_HOST": "127.0.0.1"}
    environ |= {"REDIS_CACHE_PORT": environ["REDIS_PORT"], "REDIS_PORT": "9"}
    ended = runner(environ)("shops", "resync", DOMAIN, "--resource", "locations")
    assert (ended.exit_code, "cannot be reached" in ended.stderr) == (5, True)


def test_a_shop_shows_when_it_was_compared_and_what_that_waits_for(
    avnu: Run, marks: Watermarks
) -> None:
    assert told(avnu("shops", "show", DOMAIN, "--json"))["compared"] == {}
    avnu("shops", "resync", DOMAIN, "--resource", "locations")
    mark = marks.seize(DOMAIN, "orders", "me", None)
    assert mark is not None
    marks.let_go(mark, 60, "forbidden")
    compared = told(avnu("shops", "show", DOMAIN, "--json"))["compared"]
    assert compared["locations"]["ended_at"].startswith("20")
    assert compared["orders"] == {"ended_at": None, "waits_for": "forbidden"}
    assert "orders not yet (waits: forbidden)" in avnu("shops", "show", DOMAIN).stdout


def test_missed_webhooks_are_counted_for_operators(avnu: Run, inbox: Inbox) -> None:
    inbox.flush_counters({"missed:orders": 3, "missed:by nobody": 1, "asked:orders": 9})
    connections = Connections(inbox.settings)
    lines = render(inbox, connections).decode().splitlines()
    connections.close()
    assert 'avnu_webhooks_missed_total{resource="orders"} 3.0' in lines
    assert 'avnu_webhooks_missed_total{resource="levels"} 0.0' in lines
    assert told(avnu("status", "--json"))["missed"]["orders"] == 3
    assert "orders 3" in avnu("status").stdout
    check(inbox)
