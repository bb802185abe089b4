"""The days that ``simulate run`` plays and ``sandbox serve`` shows the last evening of."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import click

from avnu.sandbox.shops import FEWEST_PRODUCTS, MOST_VARIANTS, USUAL_SIZES

T = TypeVar("T")


def played_options(command: Callable[..., T]) -> Callable[..., T]:
    """How much is played, the same for both sides: days, and the largest shop's catalogue."""
    for option in (
        click.option(
            "--days",
            type=click.IntRange(1, 366),
            default=1,
            show_default=True,
            help="Spread over so many days that follow each other.",
        ),
        click.option(
            "--most-products",
            type=click.IntRange(FEWEST_PRODUCTS, 1_000_000),
            default=USUAL_SIZES.most_products,
            show_default=True,
            help="Of the largest shop.",
        ),
        click.option(
            "--most-variants",
            type=click.IntRange(1, MOST_VARIANTS),
            default=USUAL_SIZES.most_variants,
            show_default=True,
            help="Of the largest shop's first product.",
        ),
    ):
        command = option(command)
    return command


def start_of(day: datetime | None, now: float, days: int = 1) -> float:
    """Midnight UTC of that day, by default so that the last of ``days`` is the one before ``now``.

    Both in unix seconds.
    """
    if day is None:
        day = datetime.fromtimestamp(now, UTC) - timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
