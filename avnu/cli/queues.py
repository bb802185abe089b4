"""``avnu queues``: the areas and what is paused."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import click

from avnu import keys
from avnu.cli.acting import audited
from avnu.cli.found import SHOP
from avnu.cli.output import duration, json_option, show_facts, show_json, show_table, write
from avnu.cli.session import open_inbox
from avnu.connections import Connections
from avnu.inbox import Inbox
from avnu.inbox.overview import Overview, overview
from avnu.inbox.reach import reaching
from avnu.shopify.topics import AREAS, TOPICS

KINDS = ("area", "topic", "shop")


@click.group()
def queues() -> None:
    """Queues: one per area. What is paused is accepted and kept, and not run."""


@queues.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the areas with what waits, the Celery messages about it, and what is paused."""
    with open_inbox() as inbox:
        state, messages = overview(inbox), _messages(inbox)
    paused = _paused(state)
    if as_json:
        areas = [
            {
                "area": area.area,
                "paused": area.area in paused["area"],
                "backlog": area.backlog,
                "parked": area.parked,
                "oldest_s": area.oldest_s,
                "messages": messages[area.area],
            }
            for area in state.areas
        ]
        show_json({"areas": areas, "paused": paused})
        return
    show_table(
        ("area", "state", "backlog", "parked", "oldest", "messages"),
        [
            (
                area.area, "paused" if area.area in paused["area"] else "runs", area.backlog,
                area.parked, duration(area.oldest_s), messages[area.area],
            )
            for area in state.areas
        ],
    )  # fmt: skip
    show_facts({f"paused {kind}s": ", ".join(names) for kind, names in paused.items()})


def _naming(command: Callable[..., None]) -> Callable[..., None]:
    command = click.argument("name")(command)
    return click.argument("kind", type=click.Choice(KINDS))(command)


@queues.command()
@_naming
@audited
def pause(kind: str, name: str) -> None:
    """Pause an area, a topic or a shop: its webhooks are accepted and kept, and not run."""
    name = _checked(kind, name)
    with open_inbox() as inbox:
        changed = inbox.pause(kind, name)
    write(f"{kind} {name}: {'paused' if changed else 'was paused already'}")


@queues.command()
@_naming
@audited
def resume(kind: str, name: str) -> None:
    """Resume what was paused: what was kept runs now."""
    name = _checked(kind, name)
    with open_inbox() as inbox:
        changed = inbox.resume(kind, name)
    write(f"{kind} {name}: {'resumed' if changed else 'was not paused'}")


def _checked(kind: str, name: str) -> str:
    """The name as the inbox has it; a usage error for one that nothing can have."""
    if kind == "shop":
        return SHOP.convert(name, None, None)
    known = AREAS if kind == "area" else tuple(TOPICS)
    if name not in known:
        near = get_close_matches(name, known, n=3) or known
        raise click.UsageError(f"no {kind} {name!r}; there is {', '.join(near)}")
    return name


def _messages(inbox: Inbox) -> dict[str, int]:
    """How many Celery messages wait in each area's queue."""
    # Late: Celery takes longer to import than most commands take.
    from avnu.app import key_prefix

    connections = Connections(inbox.settings)
    prefix = key_prefix(inbox.settings)
    try:
        with reaching(), connections.queue().pipeline(transaction=False) as pipe:
            for area in inbox.areas:
                pipe.llen(f"{prefix}{area}")
            lengths: list[Any] = pipe.execute()
    finally:
        connections.close()
    return dict(zip(inbox.areas, lengths, strict=True))


def _paused(state: Overview) -> dict[str, list[str]]:
    """Names that are paused, by kind; shops as full domains."""
    paused: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for what in state.paused:
        kind, _, name = what.partition(":")
        paused[kind].append(keys.domain(name) if kind == "shop" else name)
    return paused
