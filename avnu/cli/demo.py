"""``avnu demo``: everything at once, on real processes, and the accounts from both sides."""

import asyncio
import shutil
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from avnu.cli import programs
from avnu.cli.demo_accounts import Accounts, held_by, reconcile
from avnu.cli.demo_play import Play
from avnu.cli.demo_stage import Stage
from avnu.cli.demo_truth import Truth
from avnu.cli.development import with_secrets
from avnu.cli.output import say, show_table
from avnu.cli.sandbox_shops import install_shops
from avnu.clock import SystemClock
from avnu.embedded import EmbeddedServer, free_port
from avnu.errors import AvnuError, CheckFailed
from avnu.sandbox import ALL_MISCHIEF, Sizes, plan
from avnu.sandbox.delivery import SHOPIFYS_OWN
from avnu.sandbox.store import FIRST_DAY
from avnu.settings import Settings
from avnu.store.database import Store
from avnu.store.schema import upgrade

# A dead worker's webhooks come back after the lease: the shortest there is, so that it is seen.
_LEASE_S = 5
# What a bulk edit has changed is read once more, and the shop's points must suffice for that within
# the demo's minute: from 1,000 products on the sandbox has a shop on Plus.
_SIZES = Sizes(most_products=8_000)


@click.command()
@click.option(
    "--deliveries",
    type=click.IntRange(20, 100_000),
    default=4000,
    show_default=True,
    help="Genuine webhooks; mischief comes on top.",
)
@click.option("--shops", type=click.IntRange(2, 1000), default=40, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
def demo(deliveries: int, shops: int, seed: int) -> None:
    """Play a day of Shopify's webhooks, with mischief and a killed worker, and check the accounts.

    Needs nothing and leaves nothing: server, ports and data are its own, whatever the environment
    says. The last line of stdout holds the totals.

    Exit code 1: a webhook was lost, or the two sides or the auditor disagree.
    """
    programs.end_like_ctrl_c()
    folder = Path(tempfile.mkdtemp(prefix="avnu-demo-"))
    try:
        accounts = _play(folder, deliveries, shops, seed)
    except AvnuError:
        say(f"logs and data are kept in {folder}")
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _tell(accounts)
    if accounts.faults:
        raise CheckFailed(f"the accounts disagree; logs and data are kept in {folder}")
    shutil.rmtree(folder, ignore_errors=True)


def _play(folder: Path, deliveries: int, shops: int, seed: int) -> Accounts:
    clock = SystemClock()
    with ExitStack() as stack:
        say("starting a server, the sandbox, a receiver, a worker and beat …")
        server = stack.enter_context(EmbeddedServer(folder / "valkey"))
        settings = _settings(folder, server)
        with Store(settings.database_url) as store:
            upgrade(store)
        day = (
            *("--seed", str(seed), "--shops", str(shops), "--deliveries", str(deliveries)),
            *("--day", f"{datetime.fromtimestamp(FIRST_DAY, UTC):%Y-%m-%d}"),
            *("--most-products", str(_SIZES.most_products)),
        )
        stage = stack.enter_context(Stage(settings, folder, clock, day))
        stage.start()
        planned = plan(seed, shops, deliveries, ALL_MISCHIEF, sizes=_SIZES)
        truth = Truth(settings, seed=seed, shops=shops, deliveries=deliveries, sizes=_SIZES)
        stage.wait_until_up()
        store = stack.enter_context(Store(settings.database_url))
        install_shops(
            settings,
            truth.begin(store, (one.shop for one in planned if one.kind in SHOPIFYS_OWN)),
        )
        truth.let_leave()
        play = Play(stage, settings, clock)
        stack.enter_context(play.bar)
        ledger = asyncio.run(play.perform(planned))
        play.wait_until_drained()
        # Ended first, so that all its counters are in the inbox.
        stage.stop_receiver()
        held = held_by(stage.inbox)
        play.reconcile(store)
        calls = stage.stop_avnu()
        play.bar.console.print("comparing the copy with the shops …")
        return reconcile(
            ledger, stage.inbox, held,
            calls=calls, in_hand=play.held, different=truth.differences(store),
        )  # fmt: skip


def _settings(folder: Path, server: EmbeddedServer) -> Settings:
    """Settings of the demo alone: neither the environment nor a .env has a say."""
    settings = Settings.load(
        {
            "REDIS_HOST": server.host,
            "REDIS_PORT": str(server.port),
            "AVNU_PORT": str(free_port()),
            "SHOPIFY_API_KEY": "sandbox",
            "SHOPIFY_ADMIN_ORIGIN": f"http://127.0.0.1:{free_port()}",
            "INBOX_LEASE_SECONDS": str(_LEASE_S),
            "RECONCILE_EVERY_SECONDS": "1",
            "DATABASE_URL": f"sqlite:///{folder / 'avnu.db'}",
            "LOG_LEVEL": "INFO",
        }
    )
    return with_secrets(settings, folder)[0]


def _tell(accounts: Accounts) -> None:
    show_table(("", "webhooks", "meaning"), accounts.table())
    for fault in accounts.faults:
        say(f"disagreement: {fault}")
    click.echo(accounts.line())
