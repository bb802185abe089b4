"""Choosing dead letters: by name, or by filters, and asking before many are acted on."""

import re
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import msgspec

from avnu.cli.found import CAUSES, SHOP
from avnu.clock import SystemClock
from avnu.inbox import Inbox
from avnu.inbox.queries import Found, find_dead
from avnu.shopify.topics import AREAS

_AGO = re.compile(r"(\d{1,6})(s|min|m|h|d)")
_UNITS = {"s": "seconds", "min": "minutes", "m": "minutes", "h": "hours", "d": "days"}


class Moment(click.ParamType):  # type: ignore[type-arg]
    """A time: ``2h`` ago (s, min, h, d), or ``2026-07-01`` or ``2026-07-01T12:30``, in UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Unix ms; a usage error for what is no time."""
        if isinstance(value, int):
            return value
        ago = _AGO.fullmatch(str(value).strip())
        if ago:
            age = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            return int((SystemClock().time() - age.total_seconds()) * 1000)
        try:
            at = datetime.fromisoformat(str(value).strip())
        except ValueError:
            self.fail("is no time; give 2h, 30min, 7d, or 2026-07-01T12:30 (UTC)", param, ctx)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


class Filters(msgspec.Struct, frozen=True):
    """Which dead letters are meant; None takes all. Times in unix ms, of the death."""

    shop: str | None = None
    topic: str | None = None
    area: str | None = None
    cause: str | None = None
    since: int | None = None
    until: int | None = None

    def given(self) -> bool:
        """Whether anything was narrowed down."""
        return self != Filters()

    def letters(self, inbox: Inbox) -> Iterable[Found]:
        """The dead letters that match, oldest death first, read as they are asked for."""
        dead = find_dead(
            inbox, shop=self.shop, topic=self.topic, since_ms=self.since, until_ms=self.until
        )
        return (letter for letter in dead if self._match(letter))

    def _match(self, letter: Found) -> bool:
        return (self.area is None or letter.area == self.area) and (
            self.cause is None or letter.cause == self.cause
        )


_OPTIONS = (
    click.option("--shop", type=SHOP, help="Of this shop."),
    click.option("--topic", help="Of this topic, e.g. orders/create."),
    click.option("--area", type=click.Choice(AREAS), help="Of this area."),
    click.option("--cause", type=click.Choice(CAUSES), help="Dead for this cause."),
    click.option("--since", type=Moment(), help="Dead since: 2h, 30min, 7d, or a time in UTC."),
    click.option("--until", type=Moment(), help="Dead before: the same."),
)


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """The filters as options; a command takes them as ``**filters`` for ``Filters``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def confirm(question: str, yes: bool) -> None:
    """Ask before many are acted on, unless ``--yes`` was given. Ends the command on a no.

    Where nobody can answer, a missing ``--yes`` is a usage error, not a yes.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is there to be asked; give --yes, or look with --dry-run")
    click.confirm(question, abort=True, err=True)
