"""``avnu sandbox``: be Shopify's Admin API on this machine, and make it misbehave."""

import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from avnu.cli.output import json_option, say, show_facts, show_json, show_table, write
from avnu.cli.played_day import played_options, start_of
from avnu.cli.programs import end_like_ctrl_c
from avnu.cli.sandbox_asked import ask_sandbox
from avnu.clock import SystemClock
from avnu.sandbox.admin import FAULTS, AdminSandbox, World
from avnu.sandbox.shops import Sizes, make_shops
from avnu.settings import Settings, load_settings

_origin = click.option(
    "--origin", metavar="URL", help="What `serve` has printed; default SHOPIFY_ADMIN_ORIGIN."
)


@click.group()
def sandbox() -> None:
    """Serve a small Shopify Admin API for development, and control it."""


@sandbox.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Default: a free one.")
@click.option("--seed", type=click.IntRange(0), help="Serve the shops of `simulate run --seed`.")
@click.option("--shops", type=click.IntRange(1, 10_000), default=25, show_default=True)
@click.option(
    "--deliveries",
    type=click.IntRange(1, 1_000_000),
    help="Their day's so many webhooks have happened; needs --seed.",
)
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The first day that was played, UTC; default: the last was yesterday.",
)
@played_options
@click.option(
    "--latency-ms",
    nargs=2,
    type=click.FloatRange(0),
    metavar="MIN MAX",
    help="How long each GraphQL call takes.",
)
@click.option(
    "--keep",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps the tokens from one run to the next.",
)
def serve(
    *,
    port: int,
    seed: int | None,
    shops: int,
    deliveries: int | None,
    day: datetime | None,
    days: int,
    most_products: int,
    most_variants: int,
    latency_ms: tuple[float, float] | None,
    keep: Path | None,
) -> None:
    """Answer Admin API calls on loopback until Ctrl-C or SIGTERM.

    The shop is named by the Host header; any *.myshopify.com is one. Tokens are got at
    /admin/oauth/access_token with SHOPIFY_API_KEY, SHOPIFY_API_SECRET and any code.
    """
    settings = _settings()
    world = _world(
        seed=seed,
        shops=shops,
        deliveries=deliveries,
        start=start_of(day, SystemClock().time(), days),
        sizes=Sizes(most_products, most_variants),
        days=days,
    )
    clock = SystemClock()
    try:
        served = AdminSandbox(
            world,
            clock,
            client_id=settings.shopify_api_key,
            client_secret=settings.shopify_api_secret,
            rng=random.SystemRandom(),
            port=port,
        )
    except OSError as fault:
        raise click.UsageError(f"cannot listen on port {port}: {fault.strerror}") from fault
    if latency_ms:
        least, most = latency_ms
        served.weather.set("latency", seconds=least / 1000, most_seconds=most / 1000)
    end_like_ctrl_c()
    with served, _kept(served, keep), suppress(KeyboardInterrupt):
        write(f"sandbox's Admin API at {served.origin}")
        threading.Event().wait()


@sandbox.command()
@_origin
@click.argument("name", type=click.Choice([*FAULTS, "clear", "release"]), metavar="NAME")
@click.option("--shop", help="For this shop alone.")
@click.option("--times", type=click.IntRange(1), help="For so many calls; default until changed.")
@click.option("--probability", type=click.FloatRange(0, 1), default=1.0, show_default=True)
@click.option("--on", type=click.Choice(["graphql", "token", "all"]), default="graphql")
@click.option("--seconds", type=click.FloatRange(0), help="Latency, Retry-After, between bytes.")
@click.option("--most-seconds", type=click.FloatRange(0), help="The end of a range of latency.")
@click.option("--text", help="What the fault says, or the field that it spoils.")
@json_option
def weather(*, origin: str | None, as_json: bool, **rule: Any) -> None:
    """Set the fault NAME, `clear` them all, or `release` what hangs.

    A wrong NAME gets the list of those that there are.
    """
    told = ask_sandbox("POST", f"{_found(origin)}/sandbox/weather", rule)
    if as_json:
        show_json(told)
        return
    head = ("fault", "shop", "times", "probability", "on")
    rows = [[one["name"], one["shop"] or "all", one["times"] or "always",
             one["probability"], one["on"]] for one in told["rules"]]  # fmt: skip
    show_table(head, rows)


@sandbox.command()
@_origin
@json_option
def report(*, origin: str | None, as_json: bool) -> None:
    """Show what has been asked and answered, and what it cost."""
    told = ask_sandbox("GET", f"{_found(origin)}/sandbox/report")
    if as_json:
        show_json(told)
        return
    parts = ("answered", "operations", "token_exchanges")
    facts: dict[str, object] = {
        name: value for name, value in told.items() if isinstance(value, int)
    }
    for part in parts:
        facts[part] = ", ".join(f"{name or '-'} {count}" for name, count in told[part].items())
    show_facts({name.replace("_", " "): value for name, value in facts.items()})
    head = ("shop", "calls", "throttled", "points requested", "points spent")
    show_table(head, [[shop, *counts.values()] for shop, counts in told["shops"].items()])


@contextmanager
def _kept(served: AdminSandbox, path: Path | None) -> Iterator[None]:
    """Tokens that an earlier run gave out are good, and those of this one will be."""
    if path is not None and path.exists():
        try:
            served.tokens.load(path.read_bytes())
        except msgspec.MsgspecError:
            say(f"{path} holds no tokens of a sandbox, and is written anew")
    yield
    if path is not None:
        # Ctrl-C reaches the whole terminal, and then `avnu up` asks once more.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        path.touch(mode=0o600)
        path.write_bytes(served.tokens.dump())


def _settings() -> Settings:
    """The settings, with an app to be; raises SettingsInvalid without."""
    settings = load_settings()
    settings.require_app("the sandbox gives tokens to the app that it names")
    return settings


def _world(
    *, seed: int | None, shops: int, deliveries: int | None, start: float, sizes: Sizes, days: int
) -> World:
    """The shops, on the evening of their last day or as they were made."""
    if seed is None:
        if deliveries is not None:
            raise click.UsageError("--deliveries needs the --seed that made them")
        return World(start=start)
    if deliveries is None:
        return World(make_shops(seed, shops, sizes), start=start)
    if deliveries < days:
        raise click.UsageError("--deliveries: each day needs one")
    return World.played(seed, shops, deliveries, start, sizes=sizes, days=days)


def _found(origin: str | None) -> str:
    """The sandbox that is meant; raises UsageError when nobody says which."""
    known = origin or load_settings().shopify_admin_origin
    if not known:
        raise click.UsageError("give --origin, or --env-file .avnu/env for that of `avnu up`")
    return known
