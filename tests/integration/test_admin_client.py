"""The Admin client against the sandbox: pages, batches, mutations, look-ups, and what they cost."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from avnu import errors
from avnu.cache import kinds
from avnu.sandbox.catalog import inventory_item_id, product_id, variant_id
from avnu.services import Services
from avnu.shopify import calls as paced
from avnu.shopify import queries
from avnu.shopify.lookups import BATCH_LOADERS, Lookups, version_ms
from avnu.shopify.query import Connection, Mutation, Payload, Query, gid
from avnu.webhook import Shop, Webhook
from tests.support.deployment import QUICK, SHOP, Deployment
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.shopify_fixtures",)


class _Id(msgspec.Struct, frozen=True):
    id: str


class _Products(msgspec.Struct, frozen=True):
    products: Connection[_Id]


PAGES: Query[_Products] = Query(
    name="Pages",
    text="query Pages($after: String) { products(first: 3, after: $after)"
    " { nodes { id } pageInfo { hasNextPage endCursor } } }",
    answer=_Products,
)


class _Adjusted(Payload, frozen=True, rename="camel"):
    inventory_adjustment_group: _Id | None = None


ADJUST: Mutation[_Adjusted] = Mutation(
    name="Adjust",
    field="inventoryAdjustQuantities",
    text="mutation Adjust($input: InventoryAdjustQuantitiesInput!, $key: String!) {"
    " inventoryAdjustQuantities(input: $input) @idempotent(key: $key)"
    " { inventoryAdjustmentGroup { id } userErrors { field message } } }",
    answer=_Adjusted,
    idempotent=True,
)


class Named:
    """A webhook, as far as keys go."""

    def __init__(self, id: str) -> None:  # noqa: A002
        self.id = id


def ids(n: int, first: int = 0) -> list[int]:
    return [product_id(SHOP, number) for number in range(first, first + n)]


def calls(deployment: Deployment) -> int:
    """Without that of ``know_the_bucket``."""
    report = deployment.sandbox.report()
    return int(report["calls"]) - int(report["operations"].get("KnowTheBucket", 0))


def points(deployment: Deployment) -> int:
    """Spent on all calls, without that of ``know_the_bucket``."""
    report = deployment.sandbox.report()
    return int(report["points_spent"]) - int(report["operations"].get("KnowTheBucket", 0))


def know_the_bucket(deployment: Deployment) -> None:
    """Until the first answer is known, bulk calls of a shop go one at a time."""
    first: Query[Any] = Query(
        name="KnowTheBucket", text="query KnowTheBucket { shop { name } }", answer=dict
    )
    deployment.admin().query(first)
    deployment.client.guards.flush()


def lookups(deployment: Deployment, process: int = 0) -> Lookups:
    while len(deployment.processes) <= process:
        deployment.process()
    client = deployment.processes[process]
    admin = client.admin(deployment.shop, deployment.clock.monotonic() + 60)
    return Lookups(admin, client.cache)


# ---- reading


def test_pages_to_the_end(deployment: Deployment) -> None:
    small = "small-goods.myshopify.com"  # 100 products, as every shop made on demand
    deployment.install(small)
    nodes = deployment.admin(small).pages(PAGES, lambda data: data.products)
    assert len({node.id for node in nodes}) == 100
    assert calls(deployment) == 34


def test_what_came_before_a_page_that_fails_stays_good(deployment: Deployment) -> None:
    nodes = deployment.admin().pages(PAGES, lambda data: data.products)
    first = [next(nodes) for _ in range(3)]
    deployment.sandbox.weather.set("http_503")
    with pytest.raises(errors.PlatformFault):
        next(nodes)
    assert len({node.id for node in first}) == 3


def test_nodes_in_as_few_calls_as_fit(deployment: Deployment) -> None:
    wanted = [*ids(600), 17, *ids(5)]
    found = deployment.admin().nodes(queries.PRODUCTS, wanted)
    assert sorted(found) == sorted(set(ids(600)))
    assert calls(deployment) == 3
    report = deployment.sandbox.report()
    assert report["answered"] == {"ok": 3}
    assert queries.VARIANTS.most == 250


def test_dearer_than_reckoned_is_asked_in_halves(deployment: Deployment) -> None:
    deployment.sandbox.weather.set("max_cost_exceeded", times=1)
    assert len(deployment.admin().nodes(queries.PRODUCTS, ids(9))) == 9
    assert calls(deployment) == 3


def test_a_query_that_is_wrong_spends_an_attempt(deployment: Deployment) -> None:
    wrong: Query[Any] = Query(name="Wrong", text="query Wrong { shop { nonsense } }", answer=dict)
    with pytest.raises(errors.CallRefused, match="nonsense"):
        deployment.admin().query(wrong)


def test_a_partial_answer_only_where_it_is_expected(deployment: Deployment) -> None:
    deployment.sandbox.weather.set("access_denied_partial", text="billingAddress")
    with pytest.raises(errors.ShopForbidden):
        deployment.admin().query(queries.SHOP)
    partial = msgspec.structs.replace(queries.SHOP, partial=True)
    assert deployment.admin().query(partial).shop.billing_address is None


def test_data_of_another_shape_is_not_believed(deployment: Deployment) -> None:
    other: Query[Any] = Query(name="Shop", text=queries.SHOP.text, answer=queries.LocationsAnswer)
    with pytest.raises(errors.UnreadableAnswer, match="locations"):
        deployment.admin().query(other)


# ---- mutations


def test_user_errors_are_raised_with_their_fields(deployment: Deployment) -> None:
    admin, of = deployment.admin(), Named("w-1")
    made = admin.mutate(
        queries.SUBSCRIBE, {"topic": "ORDERS_CREATE", "uri": "https://a.example.com/w"}, of=of
    )
    assert made.webhook_subscription
    with pytest.raises(errors.UserErrors) as refused:
        admin.mutate(queries.SUBSCRIBE, {"topic": "ORDERS_CREATE", "uri": "nowhere"}, of=of)
    assert refused.value.errors[0][0] == "webhookSubscription.callbackUrl"
    assert "webhookSubscription.callbackUrl: " in str(refused.value)


def test_the_same_webhook_s_mutation_is_carried_out_once(deployment: Deployment) -> None:
    shop = SHOP
    change = {
        "delta": 5,
        "inventoryItemId": gid("InventoryItem", inventory_item_id(shop, 1, 0)),
        "locationId": gid("Location", shop.locations[0]),
        "changeFromQuantity": None,
    }
    wanted = {"input": {"reason": "correction", "name": "available", "changes": [change]}}

    def stock() -> int:
        number = variant_id(shop, 1, 0)
        found = deployment.admin().nodes(queries.VARIANTS, [number])[number]
        assert found.inventory_quantity is not None
        return found.inventory_quantity

    before, done = stock(), []
    for id_, part in (("w-1", ""), ("w-1", ""), ("w-1", "again"), ("w-2", "")):
        made = deployment.admin().mutate(ADJUST, wanted, of=Named(id_), part=part)
        assert made.inventory_adjustment_group
        done.append(made.inventory_adjustment_group.id)
    assert done[0] == done[1]
    assert len(set(done)) == 3
    assert stock() == before + 15


# ---- cached


def test_a_batch_of_look_ups_is_one_call(deployment: Deployment) -> None:
    know_the_bucket(deployment)
    wanted = dict.fromkeys(ids(60))
    found = lookups(deployment).get_many(kinds.PRODUCT, wanted)
    assert all(product and product.id == id_ for id_, product in found.items())
    assert calls(deployment) == 1
    more = dict.fromkeys(ids(60, first=30))
    assert None not in lookups(deployment, process=1).get_many(kinds.PRODUCT, more).values()
    assert calls(deployment) == 2
    assert points(deployment) == 90
    assert lookups(deployment).get(kinds.PRODUCT, ids(1)[0])
    assert lookups(deployment).get(kinds.PRODUCT, 17) is None
    assert lookups(deployment).get(kinds.PRODUCT, 17) is None
    assert calls(deployment) == 3


def test_what_came_before_the_points_were_spent_is_kept(deployment: Deployment) -> None:
    """Else a batch that is dearer than the bucket would begin anew each time, and never end."""
    bucket = deployment.sandbox.bucket(deployment.shop)
    with bucket.lock:
        bucket.resize(
            bucket.capacity, 1
        )  # else what is spent is back when this machine stood still
    know_the_bucket(deployment)
    numbers = [variant_id(SHOP, number, 0) for number in range(600)]
    with pytest.raises(errors.BudgetSpent):
        lookups(deployment).get_many(kinds.VARIANT, dict.fromkeys(numbers))
    assert calls(deployment) == 1
    assert (
        None
        not in lookups(deployment)
        .get_many(kinds.VARIANT, dict.fromkeys(numbers[: queries.VARIANTS.most]))
        .values()
    )
    assert calls(deployment) == 1


@pytest.mark.parametrize("changes", [{"updated_at": "soon"}, {"id": "gid://shopify/Product/x"}])
def test_an_id_or_a_time_that_is_none_is_shopify_s_nonsense(changes: dict[str, str]) -> None:
    node = queries.ProductNode("gid://shopify/Product/1", "t", "h", "s", "v", "p", "2026-01-01")
    odd = msgspec.structs.replace(node, **changes)

    class OneNode:
        shop = SHOP.domain

        def nodes(self, *_: object) -> dict[int, queries.ProductNode]:
            return {1: odd}

    admin: Any = OneNode()
    with pytest.raises(errors.UnreadableAnswer):
        BATCH_LOADERS["product"].load(admin, [1])


@pytest.mark.parametrize("kind", [kinds.SHOP, kinds.LOCATIONS, kinds.SUBSCRIPTIONS])
def test_what_a_shop_has_one_of(deployment: Deployment, kind: Any) -> None:
    first = lookups(deployment).get(kind)
    deployment.client.guards.flush()
    assert first is not None
    assert lookups(deployment, process=1).get(kind) == first
    assert calls(deployment) == 1


def test_a_named_version_is_asked_for_anew(deployment: Deployment) -> None:
    (id_,) = ids(1)
    known = lookups(deployment).get(kinds.PRODUCT, id_)
    assert known
    version = version_ms(known.updated_at)
    assert lookups(deployment).get(kinds.PRODUCT, id_, at_least=version) == known
    assert calls(deployment) == 1
    deployment.sandbox.world.shop(deployment.shop).edit(0, version / 1000 + 3600)
    newer = lookups(deployment).get(kinds.PRODUCT, id_, at_least=version + 1)
    assert newer
    assert version_ms(newer.updated_at) == version + 3_600_000
    assert calls(deployment) == 2


def test_what_is_forgotten_is_asked_for_anew(deployment: Deployment) -> None:
    know_the_bucket(deployment)
    one, other = ids(2)
    here, there = lookups(deployment), lookups(deployment, process=1)
    for lookup in (here, there):
        lookup.get_many(kinds.PRODUCT, {one: None, other: None})
    here.forget(kinds.PRODUCT, [one])
    here.forget(kinds.PRODUCT, [])
    here.get_many(kinds.PRODUCT, {one: None, other: None})
    assert points(deployment) == 3
    here.forget(kinds.PRODUCT)
    here.get_many(kinds.PRODUCT, {one: None, other: None})
    assert points(deployment) == 5


@pytest.mark.parametrize(
    ("fault", "hidden"),
    [("http_503", True), ("throttled", True), ("http_402", False), ("http_403", False)],
)
def test_an_old_value_hides_shopify_s_trouble_and_not_the_shop_s(
    deployment: Deployment, fault: str, hidden: bool
) -> None:
    (id_,) = ids(1)
    known = lookups(deployment).get(kinds.PRODUCT, id_)
    deployment.sandbox.weather.set(fault)

    def again() -> Any:
        return lookups(deployment).get(kinds.PRODUCT, id_, ttl_s=0.0)

    if hidden:
        assert again() == known
    else:
        with pytest.raises(errors.CallParked):
            again()


# ---- what a call costs


class Counted:
    """Commands that this thread waits for, by client."""

    def __init__(self, deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commands: list[str] = []
        thread = threading.get_ident()
        for client in (deployment.connections.cache(), deployment.connections.entries()):
            plain: Callable[..., Any] = client.execute_command

            def counting(*args: Any, plain: Callable[..., Any] = plain, **options: Any) -> Any:
                if threading.get_ident() == thread:
                    self.commands.append(str(args[0]))
                return plain(*args, **options)

            monkeypatch.setattr(client, "execute_command", counting)

    def take(self) -> list[str]:
        taken, self.commands = self.commands, []
        return taken


def test_one_round_trip_per_call_and_none_for_a_hit(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = deployment.admin()
    admin.query(queries.SHOP)
    lookups(deployment).get(kinds.LOCATIONS)
    wait_until(lambda: deployment.client.cache.stats().hears, 20, "invalidations are heard")
    lookups(deployment).get(kinds.LOCATIONS)
    counted = Counted(deployment, monkeypatch)
    for _ in range(20):
        admin.query(queries.SHOP)
    asked = counted.take()
    for _ in range(20):
        assert lookups(deployment).get(kinds.LOCATIONS)
    hits = counted.take()
    print(f"\nround trips: {len(asked)} for 20 calls, {len(hits)} for 20 hits in the process")
    assert asked == ["EVALSHA"] * 20
    assert hits == []


def test_the_second_caller_of_a_new_shop_waits_for_the_first_s_answer(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paced, "_MOMENTS", 200)  # however long this machine makes the first take
    deployment.sandbox.weather.set("latency", seconds=0.2)
    first, second = deployment.process(), deployment.process()
    first.guards._background = True
    acquire, has_leave = first.guards.acquire, threading.Event()

    def acquiring(*arguments: Any) -> Any:
        permit = acquire(*arguments)
        has_leave.set()
        return permit

    monkeypatch.setattr(first.guards, "acquire", acquiring)

    def call(client: Services) -> str:
        until_s = deployment.clock.monotonic() + 60
        return client.admin(deployment.shop, until_s).query(queries.SHOP).shop.name

    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(call, first)
        assert has_leave.wait(20)
        assert call(second)
        assert early.result()
    assert calls(deployment) == 2


def test_an_outcome_travels_with_the_next_call(deployment: Deployment) -> None:
    admin = deployment.admin()
    for n in range(1, 6):
        admin.query(queries.SHOP)
        known: Any = deployment.connections.cache()
        told = known.hget(f"{deployment.settings.avnu_namespace}:apic", "ok")
        assert int(told or 0) == n - 1


def test_a_deprecation_is_told_once_a_day_by_one_process(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    know_the_bucket(deployment)
    deployment.sandbox.weather.set("deprecated", text="use something else")
    deployment.process()
    for client in deployment.processes * 3:
        client.admin(deployment.shop, deployment.clock.monotonic() + 60).query(queries.SHOP)
    told = [one for one in caplog.messages if "use something else" in one]
    assert told == ["Shopify will not answer query Shop so for ever: use something else"]


# ---- tokens


def test_twenty_callers_with_an_expired_token_make_one_refresh(deployment: Deployment) -> None:
    know_the_bucket(deployment)
    deployment.install(life_s=0.0)
    deployment.process()

    def call(n: int) -> str:
        client = deployment.processes[n % 2]
        admin = client.admin(deployment.shop, deployment.clock.monotonic() + 60)
        return admin.query(queries.SHOP).shop.name

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(call, range(20)))) == 1
    exchanges = deployment.sandbox.report()["token_exchanges"]
    print(f"\n20 callers in 2 clients with an expired token: {exchanges}")
    assert exchanges == {"refresh_token": 1}


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_no_token_in_any_log(
    deploy: Callable[..., Deployment], everything_logged: pytest.LogCaptureFixture
) -> None:
    deployment = deploy(**QUICK)
    first = deployment.install(life_s=0.0)
    raised: list[Exception] = []

    def handler(shop: Shop, webhooks: Sequence[Webhook]) -> None:
        try:
            shop.cached(kinds.SHOP)
            shop.admin.query(queries.LOCATIONS)
        except errors.AvnuError as fault:
            raised.append(fault)
            raise

    deployment.handle(handler)
    for fault in ("http_401", "http_500", "broken_json", "hang", "reset", "access_denied"):
        deployment.sandbox.weather.set(fault, times=2)
        deployment.handle(handler)
    second = deployment.client.tokens.get(deployment.shop)
    secrets = {first.access_token, first.refresh_token, second.secret.reveal()}
    text = "\n".join(
        [record.getMessage() + str(record.args) for record in everything_logged.records]
        + [str(fault) + repr(fault) + repr(fault.__cause__) for fault in raised]
    )
    assert "query=Shop" in text, "else nothing was logged"
    assert len(raised) >= 5
    assert not [secret for secret in secrets if secret and secret in text]
