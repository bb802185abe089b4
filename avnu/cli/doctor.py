"""``avnu doctor``: is everything there that Avnu needs, and do the accounts add up."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack

import click
import msgspec

from avnu.cli.doctor_app import app_checks, tokens_check
from avnu.cli.doctor_inbox import accounts_checks
from avnu.cli.doctor_rights import rights_checks
from avnu.cli.doctor_server import capacity_checks
from avnu.cli.output import console, json_option, printable, show_json
from avnu.clock import Clock, SystemClock
from avnu.connections import Connections
from avnu.errors import CheckFailed, InboxUnavailable, SettingsInvalid
from avnu.health.check import Check, State, failed, ok
from avnu.health.facts import Unreached
from avnu.health.gathering import gather
from avnu.health.keeping import Kept, read_kept
from avnu.health.watching import judge
from avnu.inbox import Inbox
from avnu.settings import Settings, load_settings
from avnu.store.database import Store

_SIGNS = {State.OK: "ok", State.WARNING: "look", State.FAILED: "FAIL"}


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check settings, database, servers, workers and the inbox's accounts; say what to do.

    All that the monitor looks at every MONITOR_EVERY_SECONDS, and more. What is a matter of rates
    (errors, retries, slow answers) is told where the monitor runs, as that keeps earlier numbers.

    Writes, reads and deletes keys of its own in each database, and changes nothing else. Exit code
    1: a check failed, be it that the settings cannot be used or that Redis cannot be reached.
    """
    checks = list(_checks(SystemClock()))
    faults = sum(check.state is State.FAILED for check in checks)
    if as_json:
        show_json({"ok": not faults, "checks": msgspec.to_builtins(checks)})
    else:
        _print(checks)
    if faults:
        raise CheckFailed(f"{faults} of {len(checks)} checks failed")


def _checks(clock: Clock) -> Iterator[Check]:
    try:
        settings = load_settings()
    except SettingsInvalid as fault:
        for line in fault.faults:
            yield failed("settings", line, "no part of Avnu starts with it", "correct the setting")
        return
    yield _settings_check(settings)
    yield from app_checks(settings)
    connections = Connections(settings)
    try:
        yield from _health(settings, connections, clock)
    finally:
        connections.close()


def _settings_check(settings: Settings) -> Check:
    try:
        settings.require_receiver()
    except SettingsInvalid as fault:
        return failed(
            "settings", "; ".join(fault.faults), "no signature can be checked without it",
            "set it for the receiver",
        )  # fmt: skip
    return ok("settings", f"{len(settings.given)} set, all can be used")


def _health(settings: Settings, connections: Connections, clock: Clock) -> Iterator[Check]:
    """What the monitor would find, and what takes too long to be looked at every minute."""
    # Late: Celery takes longer to import than most commands take.
    from avnu.app import build_inbox

    inbox = build_inbox(settings, connections, clock)
    with ExitStack() as opened:
        facts = gather(
            connections, inbox,
            lambda: opened.enter_context(Store(settings.database_url)), _kept(inbox),
        )  # fmt: skip
    yield from judge(facts, settings)
    if not isinstance(facts.database, Unreached):
        yield from tokens_check(settings)
    yield from rights_checks(settings, connections, facts, inbox.keys)
    yield from capacity_checks(settings, connections, facts, clock)
    if not isinstance(facts.inbox, Unreached):
        yield from accounts_checks(inbox, facts.inbox.state, clock)


def _kept(inbox: Inbox) -> Kept | None:
    try:
        return read_kept(inbox)
    except InboxUnavailable:
        return None  # the checks of the servers say why


def _print(checks: list[Check]) -> None:
    out = console(sys.stdout)
    for check in checks:
        out.print(printable(f"{_SIGNS[check.state]:<5} {check.name}: {check.found}"))
        if check.state is not State.OK:
            out.print(printable(f"      why it matters: {check.why}"))
            out.print(printable(f"      what to do: {check.todo}"))
