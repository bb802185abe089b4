"""A shop's first import, and a later comparison, with real workers; one is killed in the middle."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import msgspec
from sqlalchemy import delete, select, update

from avnu.app import AvnuCelery, create_app
from avnu.clock import SystemClock
from avnu.reconcile.foreground import Foreground
from avnu.reconcile.resources import RESOURCES
from avnu.reconcile.slices import steps_of
from avnu.reconcile.starting import due_now
from avnu.reconcile.watermarks import LEASE_S
from avnu.sandbox.admin import AdminSandbox, World
from avnu.sandbox.shops import shop_named
from avnu.secret import Secret
from avnu.store.market.changes import ResourceKind
from avnu.store.market.tables import products
from avnu.store.tables import watermarks
from tests.faults.conftest import MakeStack
from tests.support.command import runner, told
from tests.support.deliveries import SECRET
from tests.support.programs import Worker
from tests.support.shopify_stack import CLIENT_ID, calling, install
from tests.support.stack import Stack
from tests.support.waiting import wait_until

DOMAIN = "small-goods.myshopify.com"
GONE = 11
SMALL = msgspec.structs.replace(shop_named(DOMAIN), products=12)


@contextmanager
def playing() -> Iterator[AdminSandbox]:
    with AdminSandbox(
        World([SMALL]), SystemClock(), client_id=CLIENT_ID, client_secret=Secret(SECRET.decode())
    ) as sandbox:
        yield sandbox


@contextmanager
def one_more_process(stack: Stack) -> Iterator[AvnuCelery]:
    """To send what beat sends, and to look."""
    app = create_app(stack.settings)
    yield app
    app.runtime.services.get().close()
    app.runtime.connections.close()


def worker(stack: Stack, name: str) -> Worker:
    """With the real handlers."""
    made = Worker(name, stack.folder, stack.environ(), app="avnu")
    stack._programs.append(made)
    return made


def copied(app: AvnuCelery) -> dict[ResourceKind, int]:
    return app.runtime.services.get().market.counts(DOMAIN)


def compared(stack: Stack, app: AvnuCelery) -> bool:
    """Whether all runs have come to their end, and what they put in too. Beat goes on meanwhile."""
    app.send_task("tasks.maintenance.reconcile")
    marks = steps_of(app.runtime).marks.of(DOMAIN)
    return all(mark.ended_at and mark.run_at is None for mark in marks) and stack.open() == 0


def differences(app: AvnuCelery) -> list[str]:
    """What is not as Shopify has it, of every kind."""
    looking = Foreground(steps_of(app.runtime), app.runtime.clock, lambda _: None)
    return [
        f"{name}: {one}"
        for name, resource in RESOURCES.items()
        for page in looking.look_only(DOMAIN, resource, None)
        for one in (*page.differing, *page.in_doubt, *page.gone)
    ]


def forget_leases(app: AvnuCelery) -> None:
    """As if so much time had passed that the owners of runs are taken for dead."""
    with app.runtime.services.get().store.writing() as connection:
        untils = connection.execute(select(watermarks.c.until)).scalars()
        last = max((until for until in untils if until is not None), default=None)
        if last is not None:
            over = last - timedelta(seconds=2 * LEASE_S)
            held = watermarks.c.until.is_not(None)
            connection.execute(update(watermarks).where(held).values(until=over))


def harm(app: AvnuCelery) -> None:
    """Three webhooks never came: of a new product, of one that changed, and of a delete."""
    services = app.runtime.services.get()
    new, changed, other = services.market.keys(DOMAIN, ResourceKind.PRODUCT, after=None, most=3)
    mine = products.c.shop == DOMAIN
    with services.store.writing() as connection:
        connection.execute(delete(products).where(mine, products.c.id == new))
        row = connection.execute(select(products).where(mine, products.c.id == changed)).one()
        connection.execute(
            update(products)
            .where(mine, products.c.id == changed)
            .values(title="Before", digest="before", updated_at=row.updated_at - timedelta(hours=1))
        )
    kept = services.market.product(DOMAIN, int(str(other)))
    assert kept is not None
    services.market.put_products(DOMAIN, [msgspec.structs.replace(kept, id=GONE, variants=())])


def test_an_import_outlives_its_worker_and_what_is_missed_later_is_found(
    make_stack: MakeStack,
) -> None:
    with playing() as sandbox:
        stack = make_stack(settings=calling(sandbox, RECONCILE_EVERY_SECONDS="1"))
        install(stack, sandbox, ["small-goods"])
        with one_more_process(stack) as app:
            due_now(app.runtime.services.get().store, DOMAIN)
            first, second = worker(stack, "first").launch(), worker(stack, "second").launch()
            first.wait_ready()
            sandbox.weather.set("latency", seconds=0.3)
            app.send_task("tasks.maintenance.reconcile")
            marks = steps_of(app.runtime).marks
            wait_until(lambda: any(one.looked for one in marks.of(DOMAIN)), 20, "it has begun")
            first.kill_all()
            assert not all(one.ended_at for one in marks.of(DOMAIN)), "in the middle of it"
            sandbox.weather.clear()
            # Also what the other has: who was taken for dead and is not changes nothing.
            forget_leases(app)
            second.wait_ready()
            wait_until(lambda: compared(stack, app), 60, "everything is imported")
            assert copied(app)[ResourceKind.PRODUCT] == SMALL.products
            assert (
                copied(app)[ResourceKind.LEVEL] >= copied(app)[ResourceKind.ITEM] >= SMALL.products
            )
            assert differences(app) == []
            assert stack.counts()["missed"] == 0, "nothing can have told of it"

            harm(app)
            assert len(differences(app)) == 3
            found = runner(stack.environ())("shops", "resync", DOMAIN, "--resource", "products")
            assert found.exit_code == 0
            wait_until(lambda: stack.open() == 0, 20, "what was missed is handled")
            assert differences(app) == []
            assert stack.counts()["missed"] == 3
            shown = told(runner(stack.environ())("status", "--json"))
            assert shown["missed"]["products"] == 3
            assert (stack.counts()["dead"], stack.counts()["retries"]) == (0, 0)
