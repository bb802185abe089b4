"""``avnu shops resync SHOP``: compare a shop with Shopify now, and see to what differs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click

from avnu.cli.acting import audited, took_effect
from avnu.cli.choosing import Moment
from avnu.cli.found import SHOP
from avnu.cli.output import json_option, moment, say, show_json, show_table, write
from avnu.cli.session import place
from avnu.errors import (
    CallRefused,
    CannotReach,
    CheckFailed,
    InboxUnavailable,
    Park,
    StoreUnavailable,
)
from avnu.reconcile.foreground import Foreground
from avnu.reconcile.looking import Found
from avnu.reconcile.resources import RESOURCES, text_of
from avnu.reconcile.slices import steps_of
from avnu.reconcile.watermarks import SWEEP, Watermark, Watermarks
from avnu.runtime import Runtime
from avnu.settings import load_settings
from avnu.store.columns import instant
from avnu.store.database import Store
from avnu.store.schema import require_schema
from avnu.store.shops import Shops, Status

_NAMED = 5
_COUNTED = ("resource", "looked", "differing", "in_doubt", "gone")
_TOLD_EVERY_S = 2.0


@click.command()
@click.argument("shop", type=SHOP)
@click.option(
    "--resource", "names", type=click.Choice(list(RESOURCES)), multiple=True,
    help="Only this kind of resource; may be given several times.",
)  # fmt: skip
@click.option(
    "--since", type=Moment(),
    help="Only what changed since: 2h, 30min, 7d, or a time in UTC. Deletes have no time.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only compare and show; change nothing.")
@json_option
@audited
def resync(
    shop: str, names: tuple[str, ...], since: int | None, dry_run: bool, as_json: bool
) -> None:
    """Compare what is stored of SHOP with Shopify; what differs is put in as webhooks.

    They hold only ids, and run like any other: see `avnu status`. Cut short, it goes on where it
    was when it is called again. It keeps to the shop's API points, and waits for them.

    Exit code 1: a comparison of some of it is under way already, or Shopify refuses to be asked.
    """
    chosen = [name for name in RESOURCES if not names or name in names]
    rows: list[dict[str, Any]] = []
    with _opened() as runtime:
        _require_installed(runtime, shop)
        for name in chosen:
            with _going_on_without(name):
                rows.append((_compared if dry_run else _resynced)(runtime, shop, name, since))
                took_effect()
    if as_json:
        show_json({"shop": shop, "dry_run": dry_run, "resources": rows})
    else:
        _show(rows, dry_run=dry_run)
    if len(rows) < len(chosen):
        raise CheckFailed(
            f"{len(chosen) - len(rows)} of {len(chosen)} were not compared to the end"
        )


@contextmanager
def _going_on_without(name: str) -> Iterator[None]:
    """What keeps one kind of resource from being compared need not keep the others."""
    try:
        yield
    except StoreUnavailable:
        raise
    except (Park, CallRefused, CheckFailed) as fault:
        say(f"{name}: {fault}")


def _show(rows: Sequence[Mapping[str, Any]], *, dry_run: bool) -> None:
    if not rows:
        return
    head = ["resource", "looked at", "differ", "in doubt", "gone"]
    lines = [[row[name] for name in _COUNTED] for row in rows]
    if dry_run:
        head.append("first of them")
        lines = [[*line, ", ".join(row["first"])] for line, row in zip(lines, rows, strict=True)]
    show_table(head, lines)
    if not dry_run:
        write("what differs runs as webhooks now; see: avnu status")


def comparisons(store: Store, shop: str) -> dict[str, dict[str, str | None]]:
    """Per kind of resource: when it was last compared to the end, and why the next one waits."""
    marks = {mark.resource: mark for mark in Watermarks(store, 0).of(shop)}
    return {
        name: {"ended_at": _moment(marks[name].ended_at), "waits_for": marks[name].waits_for}
        for name in RESOURCES
        if name in marks
    }


def comparisons_text(found: Mapping[str, Mapping[str, str | None]]) -> str:
    """The same for people."""
    return ", ".join(
        f"{name} {one['ended_at'] or 'not yet'}"
        + (f" (waits: {one['waits_for']})" if one["waits_for"] else "")
        for name, one in found.items()
    )


def _moment(at: datetime | None) -> str | None:
    return None if at is None else moment(int(at.timestamp() * 1000))


@contextmanager
def _opened() -> Iterator[Runtime]:
    """What a worker's process has. Exit code 5 where Redis does not answer."""
    # Late: Celery takes longer to import than most commands take.
    from avnu.app import create_app

    settings = load_settings()
    runtime = create_app(settings).runtime
    services = runtime.services.get()
    try:
        require_schema(services.store)
        yield runtime
    except InboxUnavailable as fault:
        raise CannotReach(f"the inbox at {place(settings)} cannot be reached: {fault}") from fault
    finally:
        services.close()
        runtime.connections.close()


def _require_installed(runtime: Runtime, shop: str) -> None:
    """Raises UnknownShop, and CheckFailed for one that has no token."""
    standing = Shops(runtime.services.get().store, runtime.clock).get(shop)
    if standing.status is Status.UNINSTALLED:
        raise CheckFailed(f"{shop} has uninstalled the app, so Shopify cannot be asked")


# ---- for good


def _resynced(runtime: Runtime, shop: str, name: str, since: int | None) -> dict[str, Any]:
    steps = steps_of(runtime)
    asked_from = None if since is None else instant(since / 1000)
    mark = steps.marks.seize(shop, name, runtime.new_owner(), asked_from)
    if mark is None:
        raise CheckFailed("they are being compared already; try again in a while")
    progress = _Progress(runtime, name)
    if mark.looked:
        say(f"{name}: goes on after {mark.looked:,} looked at")
    running = Foreground(steps, runtime.clock, progress.waits)
    end = running.run_to_end(mark, lambda row: progress.tell(_far(row)))
    return {
        "resource": name, "looked": end.looked, "differing": end.differing,
        "in_doubt": end.in_doubt, "gone": end.gone,
    }  # fmt: skip


def _far(mark: Watermark) -> str:
    what = "looked at, also for deletes" if mark.phase == SWEEP else "looked at"
    return f"{mark.looked:,} {what}, {mark.differing + mark.gone:,} differ"


# ---- only looked


def _compared(runtime: Runtime, shop: str, name: str, since: int | None) -> dict[str, Any]:
    steps, progress = steps_of(runtime), _Progress(runtime, name)
    asked_from = None if since is None else instant(since / 1000)
    row: dict[str, Any] = {
        "resource": name, "looked": 0, "differing": 0, "in_doubt": 0, "gone": 0, "first": [],
    }  # fmt: skip
    looking = Foreground(steps, runtime.clock, progress.waits)
    for found in looking.look_only(shop, RESOURCES[name], asked_from):
        row["looked"] += found.looked
        row["differing"] += len(found.differing)
        row["in_doubt"] += len(found.in_doubt)
        row["gone"] += len(found.gone)
        row["first"] = [*row["first"], *_named(found)][:_NAMED]
        progress.tell(f"{row['looked']:,} looked at, {row['differing'] + row['gone']:,} differ")
    return row


def _named(found: Found) -> list[str]:
    keys = (*(one.key for one in found.differing), *found.gone)
    return [text_of(key) for key in keys[:_NAMED]]


class _Progress:
    """A line on stderr every other second, so that one who waits sees that it goes on."""

    def __init__(self, runtime: Runtime, name: str) -> None:
        self._clock = runtime.clock
        self._name = name
        self._next_s = runtime.clock.monotonic() + _TOLD_EVERY_S

    def tell(self, text: str) -> None:
        if self._clock.monotonic() >= self._next_s:
            say(f"{self._name}: {text}")
            self._next_s = self._clock.monotonic() + _TOLD_EVERY_S

    def waits(self, park: Park) -> None:
        """Why it does not go on just now."""
        self.tell(f"waits: {park}")
