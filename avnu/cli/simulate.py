"""``avnu simulate``: be Shopify and send webhooks to a receiver."""

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import IO

import click
import msgspec
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from avnu.cli.output import json_option
from avnu.cli.played_day import played_options, start_of
from avnu.cli.sandbox_shops import install_if_sandboxed, show_day
from avnu.cli.simulate_report import exit_code, show, summarize
from avnu.cli.store_session import unpark
from avnu.clock import SystemClock
from avnu.errors import UnknownPath, UnknownTopic
from avnu.sandbox import (
    ALL_MISCHIEF,
    NO_MISCHIEF,
    Courier,
    Delivery,
    Family,
    Habits,
    Ledger,
    Mischief,
    PlayedDay,
    Sizes,
    plan,
    trigger,
)
from avnu.sandbox.delivery import SHOPIFYS_OWN
from avnu.sandbox.mischief import RATES
from avnu.sandbox.target import is_loopback
from avnu.settings import Settings, load_settings

_PATH = "/webhooks/shopify"


@click.group()
def simulate() -> None:
    """Send webhooks as Shopify does: a whole day of many shops, or a single one.

    They are signed with SHOPIFY_API_SECRET, from the environment or .env.
    """


def _target(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say where deliveries go, the same for every command."""
    for option in (
        click.option("--url", help=f"Receiver; default http://AVNU_HOST:AVNU_PORT{_PATH}."),
        click.option("--allow-remote", is_flag=True, help="Send to another machine as well."),
        click.option(
            "--family",
            type=click.Choice([family.value for family in Family]),
            default=Family.CLASSIC.value,
            show_default=True,
            help="Headers: X-Shopify-*, shopify-*, both at once, or each in turn.",
        ),
        json_option,
    ):
        command = option(command)
    return command


def _rates(command: Callable[..., None]) -> Callable[..., None]:
    """One option for each kind of mischief."""
    for name in reversed(RATES):
        option = "--" + name.replace("_", "-")
        command = click.option(option, name, type=click.FloatRange(0, 1), metavar="RATE")(command)
    return command


def _header_text(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str | None:
    """Refuses what would break out of its header."""
    if text is not None and not (text.isascii() and text.isprintable()):
        raise click.BadParameter("must be printable ASCII")
    return text


@simulate.command()
@_target
@click.option("--shops", type=click.IntRange(1, 10_000), default=25, show_default=True)
@click.option(
    "--deliveries",
    type=click.IntRange(1, 1_000_000),
    default=1000,
    show_default=True,
    help="Genuine webhooks; mischief comes on top. About 3 kB of memory each.",
)
@click.option("--seed", type=click.IntRange(0), help="Repeats a run; default from the time.")
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The first day that is played, UTC; default: the last was yesterday.",
)
@played_options
@click.option("--all-mischief", is_flag=True, help="A share of everything, as the demo has it.")
@_rates
@click.option("--concurrency", type=click.IntRange(1, 512), default=32, show_default=True)
@click.option("--per-second", type=click.FloatRange(0, min_open=True), help="At most so many.")
@click.option(
    "--compression",
    type=click.FloatRange(1),
    default=3600,
    show_default=True,
    help="Shopify's 4 hours of retries pass in 4 h / COMPRESSION.",
)
def run(
    *,
    url: str | None,
    allow_remote: bool,
    family: str,
    as_json: bool,
    shops: int,
    deliveries: int,
    seed: int | None,
    day: datetime | None,
    days: int,
    most_products: int,
    most_variants: int,
    all_mischief: bool,
    concurrency: int,
    per_second: float | None,
    compression: float,
    **rates: float | None,
) -> None:
    """Play a day of many shops and print what the receiver answered.

    Each kind of mischief is a RATE from 0 to 1 of the genuine webhooks. The same --seed and
    --day make the same deliveries, which a receiver that had them before counts as duplicates.

    Exit code 1: a genuine webhook was lost or refused, or one that is not was taken. 5: nothing
    answered.
    """
    settings = _settings()
    now = SystemClock().time()
    seed = int(now) if seed is None else seed
    start = start_of(day, now, days)
    habits = Habits(
        concurrency=concurrency,
        compression=compression,
        per_second=per_second,
        family=Family(family),
        api_version=settings.shopify_api_version,
    )
    courier = _courier(url, allow_remote, settings, habits)
    if deliveries < days:
        raise click.UsageError("--deliveries: each day needs one")
    deliveries_made = plan(
        seed,
        shops,
        deliveries,
        _mischief(all_mischief, rates, settings),
        start,
        sizes=Sizes(most_products, most_variants),
        days=days,
    )
    genuine = (one.shop for one in deliveries_made if one.kind in SHOPIFYS_OWN)
    _install(settings, genuine)
    played_day = PlayedDay(seed, shops, deliveries, start, days, most_products, most_variants)
    show_day(settings, played_day)
    ledger = _deliver(courier, deliveries_made)
    played = f"{datetime.fromtimestamp(start, UTC):%Y-%m-%d}"
    show({"seed": seed, "day": played, **summarize(ledger)}, as_json)
    raise click.exceptions.Exit(exit_code(ledger))


@simulate.command("trigger")
@_target
@click.argument("topic", callback=_header_text)
@click.option(
    "--shop", default="sandbox-shop.myshopify.com", show_default=True, callback=_header_text
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="PATH=VALUE",
    help="A value in the body, e.g. line_items.0.price=12.50; JSON is taken as JSON. Repeatable.",
)
@click.option("--body", type=click.File("rb"), help="JSON body instead of the topic's template.")
@click.option("--webhook-id", callback=_header_text, help="Webhook id instead of a new one.")
def trigger_one(
    *,
    url: str | None,
    allow_remote: bool,
    family: str,
    as_json: bool,
    topic: str,
    shop: str,
    assignments: tuple[str, ...],
    body: IO[bytes] | None,
    webhook_id: str | None,
) -> None:
    """Send one webhook of TOPIC, e.g. orders/create, once.

    Exit code 1: it was not answered 2xx. 5: nothing answered.
    """
    settings = _settings()
    habits = Habits(
        concurrency=1, retries=0, family=Family(family), api_version=settings.shopify_api_version
    )
    courier = _courier(url, allow_remote, settings, habits)
    try:
        payload = msgspec.UNSET if body is None else msgspec.json.decode(body.read())
        delivery = trigger(
            topic,
            shop,
            SystemClock().time(),
            random.SystemRandom(),
            assignments=assignments,
            payload=payload,
        )
    except (UnknownTopic, UnknownPath) as fault:
        raise click.UsageError(str(fault)) from fault
    except msgspec.DecodeError as fault:
        raise click.UsageError(f"--body: {fault}") from fault
    if webhook_id is not None:
        delivery = msgspec.structs.replace(delivery, webhook_id=webhook_id)
    _install(settings, [shop])
    ledger = courier.deliver([delivery])
    answer = ledger.attempts()[0].answer
    shown = {
        "topic": topic,
        "shop": shop,
        "webhook_id": delivery.webhook_id,
        "body_bytes": len(delivery.body),
        "answer": answer.status or answer.fault,
        "latency_ms": round(ledger.latency_ms(0.5), 1),
    }
    show(shown, as_json)
    raise click.exceptions.Exit(exit_code(ledger))


def _settings() -> Settings:
    """The settings, with a secret to sign with; raises SettingsInvalid without."""
    settings = load_settings()
    settings.require_receiver()
    return settings


def _courier(url: str | None, allow_remote: bool, settings: Settings, habits: Habits) -> Courier:
    url = url or _own_receiver(settings)
    try:
        local = is_loopback(url)
        courier = Courier(url, settings.shopify_api_secret.reveal(), SystemClock(), habits)
    except ValueError as fault:
        raise click.UsageError(f"--url: {fault}") from fault
    if not local and not allow_remote:
        raise click.UsageError(f"{url} is not this machine; give --allow-remote if that is meant")
    return courier


def _own_receiver(settings: Settings) -> str:
    """Where the receiver of these settings listens; one that listens everywhere does here too."""
    everywhere = settings.avnu_host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    host = "127.0.0.1" if everywhere else settings.avnu_host
    return f"http://{host}:{settings.avnu_port}{_PATH}"


def _install(settings: Settings, shops: Iterable[str]) -> None:
    """In the sandbox a shop that sends webhooks has the app; what waited for its token goes on."""
    installed = install_if_sandboxed(settings, shops)
    if installed:
        unpark(installed)


def _mischief(everything: bool, rates: dict[str, float | None], settings: Settings) -> Mischief:
    """The preset with the rates that were given; oversized is what this receiver refuses."""
    chosen = {name: rate for name, rate in rates.items() if rate is not None}
    base = ALL_MISCHIEF if everything else NO_MISCHIEF
    too_large = settings.webhook_max_bytes + 1
    return msgspec.structs.replace(base, oversize_bytes=too_large, **chosen)


def _deliver(courier: Courier, deliveries: list[Delivery]) -> Ledger:
    """Deliver with a progress bar on stderr, where there is a terminal to see it."""
    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("delivering", total=len(deliveries))
        return courier.deliver(deliveries, lambda over, _total: bar.update(task, completed=over))
