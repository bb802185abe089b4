"""``avnu doctor``: is everything there that Avnu needs, and do the accounts add up."""

import sys
from collections.abc import Iterator

import click
import msgspec

from avnu.cli.check import Check, State, failed, ok
from avnu.cli.doctor_inbox import inbox_checks
from avnu.cli.doctor_server import role_check, server_checks
from avnu.cli.doctor_shopify import breaker_check, shopify_checks
from avnu.cli.output import console, json_option, printable, show_json
from avnu.clock import Clock, SystemClock
from avnu.connections import Connections, Role
from avnu.errors import CheckFailed, SettingsInvalid
from avnu.settings import Settings, load_settings

_SIGNS = {State.OK: "ok", State.WARNING: "look", State.FAILED: "FAIL"}


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check settings, database, servers, workers and the inbox's accounts; say what to do.

    Writes, reads and deletes one key in each database, and changes nothing else. Exit code 1: a
    check failed, be it that the settings cannot be used or that Redis cannot be reached.
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
    yield from shopify_checks(settings, clock)
    connections = Connections(settings)
    try:
        yield from _server_side(settings, connections, clock)
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


def _server_side(settings: Settings, connections: Connections, clock: Clock) -> Iterator[Check]:
    reached = set()
    # Not ENTRIES: the cache's database once more, with shorter limits.
    for role in (Role.INBOX, Role.QUEUE, Role.CACHE):
        check = role_check(settings, connections, role, clock)
        if check.state is not State.FAILED:
            reached.add(role)
        yield check
    if Role.CACHE in reached:
        yield breaker_check(settings, connections.cache())
    yield from server_checks(settings, connections, reached, clock)
    if Role.INBOX in reached:
        yield from inbox_checks(settings, connections, clock)


def _print(checks: list[Check]) -> None:
    out = console(sys.stdout)
    for check in checks:
        out.print(printable(f"{_SIGNS[check.state]:<5} {check.name}: {check.found}"))
        if check.state is not State.OK:
            out.print(printable(f"      why it matters: {check.why}"))
            out.print(printable(f"      what to do: {check.todo}"))
