"""A run as messages carry it: a slice each, and what makes it wait is noted in its row."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from avnu.app import create_app
from avnu.errors import CallRefused, InboxUnavailable, StoreUnavailable
from avnu.inbox.queries import find
from avnu.reconcile import slices
from avnu.reconcile.slices import run_slice
from avnu.reconcile.starting import begin_due
from avnu.reconcile.steps import Steps
from avnu.reconcile.watermarks import Watermark, time_of
from avnu.runtime import Runtime
from avnu.settings import Settings
from avnu.store.market.changes import ResourceKind
from avnu.store.tables import watermarks
from tests.support.database import database_environ
from tests.support.market import SHOP, at
from tests.support.reconcile import Listed, ListedSteps, Refused, have_app

RESOURCE = "products"


@pytest.fixture
def runtime(settings: Settings, tmp_path: Path) -> Iterator[Runtime]:
    """A worker's process, whose shop is due."""
    known = Settings.load({**settings.to_environ(), **database_environ(tmp_path)})
    made = create_app(known).runtime
    store = made.services.get().store
    have_app(store, SHOP)
    begin_due(store, known, "beat", made.random)
    yield made
    made.services.get().close()
    made.connections.close()


@pytest.fixture
def shopify_has(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Listed:
    reads = Listed(page=1)

    def steps_of(runtime: Runtime) -> Steps:
        store = runtime.services.get().store
        return ListedSteps(runtime.settings, runtime.clock, runtime.inbox, store, reads)

    monkeypatch.setattr(slices, "steps_of", steps_of)
    return reads


@pytest.fixture
def published() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def slice_(
    runtime: Runtime, published: list[tuple[str, str, str]]
) -> Callable[[str], dict[str, int | str]]:
    """A message for this owner comes to a worker."""
    store = runtime.services.get().store
    with store.writing() as connection:
        connection.execute(update(watermarks).values(owner="beat"))

    def run(owner: str = "beat") -> dict[str, int | str]:
        return run_slice(runtime, SHOP, RESOURCE, owner, lambda *message: published.append(message))

    return run


def row_of(runtime: Runtime) -> Watermark:
    marks = slices.steps_of(runtime).marks.of(SHOP)
    return next(one for one in marks if one.resource == RESOURCE)


def free_in_s(runtime: Runtime) -> float:
    """In how many seconds the run is due again, by the clock that says so."""
    row = row_of(runtime)
    assert row.owner is None
    with runtime.services.get().store.writing() as connection:
        return (row.due_at - time_of(connection)).total_seconds()


def test_a_slice_hands_over_to_its_successor_until_the_run_is_over(
    runtime: Runtime,
    shopify_has: Listed,
    slice_: Callable[..., dict[str, int | str]],
    published: list[tuple[str, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slices, "_SLICE_S", 0.0)
    shopify_has.has[ResourceKind.PRODUCT] = {n: at(n) for n in (1, 2)}
    assert slice_()["ended"] == "goes on"
    assert slice_()["ended"] == "lost"
    (message,) = published
    assert message[:2] == (SHOP, RESOURCE)
    assert slice_(message[2])["ended"] == "done"
    assert row_of(runtime).since is not None
    assert free_in_s(runtime) > 3_000
    assert len(published) == 1
    assert len(find(runtime.inbox, state="waiting")) == 2


@pytest.mark.parametrize(
    ("fault", "cause", "least_s", "most_s"),
    [
        (Refused("budget", 47.0), "budget", 37, 47),
        (Refused("platform", None), "platform", 50, 60),
        (Refused("frozen", None), "frozen", 3_000, 20_000),
        (InboxUnavailable("away"), "inbox", 50, 60),
    ],
)
def test_what_makes_a_shop_wait_makes_its_run_wait(
    runtime: Runtime,
    shopify_has: Listed,
    slice_: Callable[..., dict[str, int | str]],
    published: list[tuple[str, str, str]],
    *,
    fault: Exception,
    cause: str,
    least_s: float,
    most_s: float,
) -> None:
    shopify_has.has[ResourceKind.PRODUCT] = {1: at(1)}
    shopify_has.refuses = fault
    assert slice_()["ended"] == cause
    row = row_of(runtime)
    assert (row.waits_for, row.phase, row.since) == (cause, "changed", None)
    assert least_s <= free_in_s(runtime) <= most_s
    assert published == []


def test_a_fault_of_its_own_ends_the_run_and_the_next_one_begins_anew(
    runtime: Runtime, shopify_has: Listed, slice_: Callable[..., dict[str, int | str]]
) -> None:
    shopify_has.refuses = CallRefused(SHOP, "no such field")
    with pytest.raises(CallRefused):
        slice_()
    row = row_of(runtime)
    assert (row.run_at, row.cursor, row.since) == (None, None, None)
    assert row.waits_for is not None
    assert row.waits_for.startswith("CallRefused at reconcile.py")
    assert free_in_s(runtime) > 3_000


def test_a_database_that_is_away_fails_no_task(
    runtime: Runtime,
    shopify_has: Listed,
    slice_: Callable[..., dict[str, int | str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shopify_has.refuses = StoreUnavailable("away")
    assert slice_()["ended"] == "database"

    class Away:
        def take(self, *_: str) -> None:
            raise StoreUnavailable("away")

    class NoSteps:
        marks = Away()

    monkeypatch.setattr(slices, "steps_of", lambda _: NoSteps())
    assert slice_() == {"ended": "database"}
