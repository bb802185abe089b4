"""``avnu breaker``: what the circuit breakers do, and the operator's word over them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import msgspec

from avnu.breaker.control import BreakerControl, BreakerState
from avnu.breaker.policy import (
    AUTO,
    CLOSED,
    OPEN,
    OVER_WHEN_CLOSED,
    SHOPIFY,
    BreakerPolicy,
)
from avnu.cli.acting import audited
from avnu.cli.guards_session import open_guards_server
from avnu.cli.output import duration, json_option, moment, show_json, show_table, write
from avnu.cli.session import let_go_on
from avnu.errors import NotFound
from avnu.keys import Keys

KNOWN = (SHOPIFY,)


@click.group()
def breaker() -> None:
    """Circuit breakers: while one is open, nobody calls what it guards."""


@breaker.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the breakers with their state, and the calls of the last seconds."""
    with _control() as control:
        states = [control.show(name) for name in control.names(KNOWN)]
    if as_json:
        show_json({"breakers": [_document(state) for state in states]})
        return
    show_table(
        ("breaker", "state", "since", "next", "calls", "failed", "shops", "failing"),
        [
            (
                state.name, state.state, moment(state.since_ms), _next(state),
                state.good_calls + state.bad_calls, state.bad_calls, state.shops,
                state.failing_shops,
            )
            for state in states
        ],
    )  # fmt: skip


def _naming(command: Callable[..., None]) -> Callable[..., None]:
    return click.argument("name", default=SHOPIFY)(command)


@breaker.command("open")
@_naming
@audited
def open_(name: str) -> None:
    """Force NAME open: nobody calls Shopify, and webhooks wait, until `auto` or `close`."""
    _force(name, OPEN, "forced open", "was forced open already")


@breaker.command("close")
@_naming
@audited
def close(name: str) -> None:
    """Force NAME closed: every call is made, whatever comes back, until `auto` or `open`."""
    _force(name, CLOSED, "forced closed", "was forced closed already")


@breaker.command("auto")
@_naming
@audited
def auto(name: str) -> None:
    """Let NAME decide by itself again; after a forced opening it probes first."""
    _force(name, AUTO, "decides by itself", "decided by itself already")


def _force(name: str, word: str, done: str, was_so: str) -> None:
    with _control() as control:
        if name not in control.names(KNOWN):
            raise NotFound(f"no breaker {name!r}; there is {', '.join(control.names(KNOWN))}")
        changed = control.force(name, word)
    write(f"breaker {name}: {done if changed else was_so}")
    if changed and word != OPEN:
        # Shops that were refused wait for longer than the operator does.
        let_go_on(lambda inbox: inbox.unpark_waiting(OVER_WHEN_CLOSED))


@contextmanager
def _control() -> Iterator[BreakerControl]:
    with open_guards_server() as (settings, client):
        keys = Keys(settings.avnu_namespace)
        yield BreakerControl(client, keys, BreakerPolicy.of(settings))


def _next(state: BreakerState) -> str:
    if state.state == OPEN:
        return f"probes in {duration(state.left_ms / 1000)}" if state.left_ms else "probes now"
    if state.state == "half-open":
        return f"{state.good_probes} good, {state.bad_probes} bad of {state.probes} probes"
    return ""


def _document(state: BreakerState) -> dict[str, Any]:
    return msgspec.structs.asdict(state) | {"since_at": moment(state.since_ms) or None}
