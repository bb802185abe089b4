"""``avnu sizing``: memory, workers, partitions and points for a number of merchants."""

import click
import msgspec

from avnu.cli.output import json_option, show_json
from avnu.cli.sizing_tables import show
from avnu.settings import load_settings
from avnu.sizing import assumed
from avnu.sizing.answer import answer
from avnu.sizing.memory import Load, Server


@click.command()
@click.option("--shops", type=click.IntRange(1, 10_000_000), required=True, help="Merchants.")
@click.option(
    "--rate",
    type=click.FloatRange(0, 1_000_000, min_open=True),
    required=True,
    help="Webhooks per second at the busiest.",
)
@click.option(
    "--payload",
    type=click.IntRange(100, 16 * 2**20),
    default=3_000,
    show_default=True,
    help="Bytes of a payload, on average.",
)
@click.option(
    "--peak-minutes",
    type=click.FloatRange(0, 1440),
    default=60,
    show_default=True,
    help="How long a day it is as busy as that; otherwise it is a tenth.",
)
@click.option(
    "--backlog-hours",
    type=click.FloatRange(0, 168),
    default=4,
    show_default=True,
    help="How long the workers may be down before webhooks are answered 503.",
)
@click.option(
    "--managed",
    is_flag=True,
    help="Redis is a managed service such as ElastiCache, which reserves a quarter of a node.",
)
@json_option
def sizing(
    *,
    shops: int,
    rate: float,
    payload: int,
    peak_minutes: float,
    backlog_hours: float,
    managed: bool,
    as_json: bool,
) -> None:
    """Reckon what a number of merchants needs: memory, workers, partitions, points.

    From measured figures and stated assumptions; asks no server. REDIS_TTL_SECONDS,
    INBOX_FULL_PERCENT and QUEUE_CONCURRENCY are those of your settings.
    """
    settings = load_settings()
    load = Load(shops, rate, payload, peak_minutes)
    server = Server(
        settings.redis_ttl_seconds,
        settings.inbox_full_percent,
        assumed.MANAGED_SHARE if managed else assumed.MAXMEMORY_SHARE,
    )
    found = answer(load, server, backlog_hours, settings.queue_concurrency)
    if as_json:
        show_json(msgspec.to_builtins(found))
    else:
        show(found)
