"""avnu/run.py: what becomes of each webhook of a batch, and which of them need not run at all."""

import json
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avnu.clock import SystemClock
from avnu.errors import Park
from avnu.inbox.arrival import Stored
from avnu.inbox.turn import Parking, Settlement
from avnu.run import run_batch, runs
from avnu.superseding import superseded_by
from avnu.webhook import Handler, Shop, Webhook
from tests.support.offline import OfflineShop

DOMAIN = "one.myshopify.com"
SHOP = OfflineShop(DOMAIN)
ORDER, PRODUCT = "orders/updated", "products/update"


class Document(msgspec.Struct):
    id: int


def webhook(
    topic: str = ORDER,
    resource: int | None = 1,
    at: int | None = None,
    *,
    body: bytes | None = None,
    **fields: object,
) -> Webhook:
    """A webhook of a resource, changed ``at`` that second of a minute."""
    if body is None:
        document = dict(fields)
        if resource is not None:
            document["id"] = resource
        if at is not None:
            document["updated_at"] = f"2026-01-01T00:00:{at:02}Z"
        body = json.dumps(document).encode()
    return Webhook(Stored(DOMAIN, "id", 1, "orders", topic, 0, "", "", "", body))


def letters(settlement: Settlement) -> str:
    return "".join(verdict.letter for verdict in settlement.verdicts)


class ByHand(SystemClock):
    """Time that a test moves."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


class Seen:
    """Handlers that note what they were given, and then do as they are told."""

    def __init__(self, then: Callable[[Sequence[Webhook]], None] = lambda _: None) -> None:
        self.calls: list[tuple[str, list[Webhook]]] = []
        self._then = then

    def __call__(self, name: str) -> Handler:
        def handler(shop: Shop, webhooks: Sequence[Webhook]) -> None:
            assert shop is SHOP
            self.calls.append((name, list(webhooks)))
            self._then(webhooks)

        return handler

    def handlers(self, *names: str) -> dict[str, Handler]:
        return {name: self(name) for name in names or ("order_changed",)}


# ---- verdicts


def test_what_a_handler_does_not_settle_is_done_when_it_returns() -> None:
    def settle(webhooks: Sequence[Webhook]) -> None:
        webhooks[1].retry("later")
        webhooks[2].reject("never")
        webhooks[3].leave()
        webhooks[4].done()

    batch = [webhook(resource=n) for n in range(5)]
    settlement, raised = run_batch(SHOP, batch, Seen(settle).handlers())
    assert letters(settlement) == "DFXBD"
    assert [verdict.reason for verdict in settlement.verdicts[1:3]] == ["later", "never"]
    assert settlement.parkings == {}
    assert raised == []


def fail(webhooks: Sequence[Webhook]) -> None:
    raise ValueError("a secret in a message")


def test_an_exception_out_of_one_is_its_failed_run() -> None:
    settlement, raised = run_batch(SHOP, [webhook()], Seen(fail).handlers())
    assert letters(settlement) == "F"
    assert "ValueError at test_run.py" in settlement.verdicts[0].reason
    assert [type(fault) for fault in raised] == [ValueError]


def test_after_an_exception_out_of_several_each_runs_by_itself_in_order() -> None:
    seen = Seen(lambda some: fail(some) if some[-1].body == webhook(resource=2).body else None)
    batch = [webhook(resource=2), *(webhook(resource=n) for n in (1, 2, 3)), webhook(resource=2)]
    settlement, raised = run_batch(SHOP, batch, seen.handlers())
    assert letters(settlement) == "FDFDF"
    assert [some for _, some in seen.calls] == [batch, *([one] for one in batch)]
    assert len(raised) == 3


def test_an_exception_leaves_what_was_settled_before_it() -> None:
    def settle_and_fail(webhooks: Sequence[Webhook]) -> None:
        if len(webhooks) > 1:
            webhooks[0].done()
            webhooks[1].reject("never")
        fail(webhooks)

    batch = [webhook(resource=n) for n in range(3)]
    settlement, raised = run_batch(SHOP, batch, Seen(settle_and_fail).handlers())
    assert letters(settlement) == "DXF"
    assert len(raised) == 1


def test_when_half_the_time_is_gone_the_rest_goes_alone() -> None:
    clock = ByHand()
    shop = OfflineShop(DOMAIN, clock, 60.0)
    batch = [webhook(resource=n) for n in range(5)]

    def slow(given: Shop, webhooks: Sequence[Webhook]) -> None:
        clock.now += 14.0
        if len(webhooks) > 1:
            raise ValueError

    settlement, raised = run_batch(shop, batch, {"order_changed": slow})
    assert letters(settlement) == "DDGGG"
    assert settlement.verdicts[-1].reason.startswith("ValueError")
    assert raised == []


def test_a_shop_that_parks_while_they_run_one_by_one_keeps_the_rest() -> None:
    def park(webhooks: Sequence[Webhook]) -> None:
        if len(webhooks) > 1:
            fail(webhooks)
        if webhooks[0].body == webhook(resource=2).body:
            raise Park("budget", 3)

    batch = [webhook(resource=n) for n in (1, 2, 3)]
    settlement, _ = run_batch(SHOP, batch, Seen(park).handlers())
    assert letters(settlement) == "DBB"
    assert settlement.parkings == {DOMAIN: Parking("budget", 3000)}


def test_an_exception_after_everything_was_settled_changes_nothing() -> None:
    def settle_and_fail(webhooks: Sequence[Webhook]) -> None:
        webhooks[0].done()
        fail(webhooks)

    settlement, raised = run_batch(SHOP, [webhook()], Seen(settle_and_fail).handlers())
    assert letters(settlement) == "D"
    assert raised == []


def test_one_that_fails_does_not_touch_another_handlers_webhooks() -> None:
    seen = Seen(lambda some: fail(some) if some[0].topic == ORDER else None)
    batch = [webhook(PRODUCT), webhook(ORDER), webhook(PRODUCT, 2)]
    settlement, raised = run_batch(SHOP, batch, seen.handlers("order_changed", "product_changed"))
    assert letters(settlement) == "DFD"
    assert len(raised) == 1


def test_an_unreadable_body_is_rejected_alone() -> None:
    def read(webhooks: Sequence[Webhook]) -> None:
        for one in webhooks:
            one.decode(Document)

    batch = [webhook(resource=1), webhook(body=b'{"id": "x"}'), webhook(resource=3)]
    settlement, raised = run_batch(SHOP, batch, Seen(read).handlers())
    assert letters(settlement) == "DXD"
    assert "not readable" in settlement.verdicts[1].reason
    assert raised == []
    alone, raised = run_batch(SHOP, [webhook(body=b"[")], Seen(read).handlers())
    assert letters(alone) == "X", "no attempt is spent on what no retry will make readable"
    assert raised == []


def test_no_handler() -> None:
    batch = [webhook("nobody/knows"), webhook(ORDER), webhook("orders/edited", 2)]
    settlement, _ = run_batch(SHOP, batch, Seen().handlers())
    assert letters(settlement) == "NDN"


# ---- parking


@pytest.mark.parametrize(
    ("wait_s", "wait_ms"),
    [(None, 0), (2.5, 2500), (0.0, 1000), (0.0001, 1000), (float("nan"), 0), (float("inf"), 0)],
)
def test_parking_leaves_the_rest_and_names_the_wait(wait_s: float | None, wait_ms: int) -> None:
    def park(webhooks: Sequence[Webhook]) -> None:
        webhooks[0].done()
        raise Park("budget", wait_s)

    seen = Seen(park)
    batch = [webhook(resource=1), webhook(resource=2), webhook(PRODUCT)]
    settlement, raised = run_batch(SHOP, batch, seen.handlers("order_changed", "product_changed"))
    assert letters(settlement) == "DBB"
    assert settlement.parkings == {DOMAIN: Parking("budget", wait_ms)}
    assert raised == []
    assert [name for name, _ in seen.calls] == ["order_changed"], "nothing runs in a parked shop"


# ---- runs of one handler


def test_neighbours_of_one_handler_run_together_in_order() -> None:
    batch = [webhook(ORDER, 1), webhook("orders/create", 2), webhook(PRODUCT), webhook(ORDER, 3)]
    assert [(name, len(some)) for name, some in runs(batch)] == [
        ("order_changed", 2), ("product_changed", 1), ("order_changed", 1),
    ]  # fmt: skip
    assert [one for _, some in runs(batch) for one in some] == batch
    assert list(runs([])) == []


# ---- coalescing


def test_only_the_newest_of_a_resource_runs() -> None:
    seen = Seen()
    batch = [webhook(at=1), webhook("orders/create", at=2), webhook("orders/paid", at=3)]
    settlement, _ = run_batch(SHOP, batch, seen.handlers())
    assert letters(settlement) == "UUD"
    assert seen.calls == [("order_changed", [batch[2]])]


def test_newest_by_its_own_time_not_by_its_place() -> None:
    """A retry of Shopify's brings an old payload late."""
    settlement, _ = run_batch(SHOP, [webhook(at=9), webhook(at=1)], Seen().handlers())
    assert letters(settlement) == "DU"


@pytest.mark.parametrize("verdict", ["retry", "reject", "leave"])
def test_superseded_only_when_the_newer_is_done(verdict: str) -> None:
    def settle(webhooks: Sequence[Webhook]) -> None:
        reasons = [] if verdict == "leave" else ["why"]
        getattr(webhooks[0], verdict)(*reasons)

    settlement, _ = run_batch(SHOP, [webhook(at=1), webhook(at=2)], Seen(settle).handlers())
    assert letters(settlement) == "B" + {"retry": "F", "reject": "X", "leave": "B"}[verdict]


def test_not_superseded_when_the_newer_raised_or_parked() -> None:
    batch = [webhook(at=1), webhook(at=2)]
    assert letters(run_batch(SHOP, batch, Seen(fail).handlers())[0]) == "BF"

    def park(webhooks: Sequence[Webhook]) -> None:
        raise Park("budget")

    batch = [webhook(at=1), webhook(at=2)]
    assert letters(run_batch(SHOP, batch, Seen(park).handlers())[0]) == "BB"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (webhook(resource=1, at=1), webhook(resource=2, at=2)),
        (webhook(at=None), webhook(at=2)),
        (webhook(at=1), webhook(at=None)),
        (webhook(ORDER, at=1), webhook(PRODUCT, at=2)),
        (webhook("orders/edited", at=1), webhook("orders/edited", at=2)),
        (webhook("orders/delete", at=1), webhook("orders/delete", at=2)),
        (webhook(at=1), webhook(body=b"not json")),
        (webhook(at=1, note="a"), webhook(at=1, note="b")),
        (webhook("nobody/knows", at=1), webhook("nobody/knows", at=2)),
    ],
    ids=[
        "other resource", "undated older", "undated newer", "other family", "not a whole resource",
        "a delete", "unreadable", "same second, other bytes", "unknown topic",
    ],
)  # fmt: skip
def test_both_run(older: Webhook, newer: Webhook) -> None:
    assert superseded_by([older, newer]) == {}


def test_same_second_same_bytes_run_once() -> None:
    assert superseded_by([webhook(at=1), webhook(at=1)]) == {0: 1}


def test_times_are_compared_as_instants() -> None:
    east = webhook(body=b'{"id": 1, "updated_at": "2026-01-01T02:00:00+02:00"}')
    west = webhook(body=b'{"id": 1, "updated_at": "2026-01-01T00:00:01Z"}')
    assert superseded_by([west, east]) == {1: 0}


@given(
    st.lists(st.tuples(st.integers(1, 3), st.none() | st.integers(0, 5)), min_size=1, max_size=8)
)
def test_of_each_resource_the_newest_is_left(resources: list[tuple[int, int | None]]) -> None:
    batch = [webhook(resource=resource, at=at) for resource, at in resources]
    older = superseded_by(batch)
    assert not set(older) & set(older.values()), "what stands for another runs itself"
    for resource in {resource for resource, _ in resources}:
        times = [at for other, at in resources if other == resource and at is not None]
        left = [
            at for i, (other, at) in enumerate(resources) if other == resource and i not in older
        ]
        assert [at for at in left if at is not None] == ([max(times)] if times else [])
    for i, newest in older.items():
        assert resources[i][0] == resources[newest][0]
        assert (resources[i][1] or 0) <= (resources[newest][1] or 0)
