"""How a webhook of the inbox is named on the command line, and told to people and to programs."""

import base64
import re
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from avnu import keys
from avnu.cli.output import duration, moment, show_table
from avnu.inbox.queries import Found

_SHOP = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")

# What each state means to somebody who asks where a webhook is.
_MEANING = {
    "waiting": "It waits in its shop's line for a turn.",
    "parked": "It waits in its shop's line, and the shop rests for now: {cause}.",
    "paused": "It waits in its shop's line; an operator has paused the shop.",
    "leased": "It is with a worker right now, among others of its shop.",
    "solo": "It travels alone, and runs again {due}.",
    "running": "It is with a worker right now, alone.",
    "dead": "It is a dead letter, because {cause}; an operator may replay or drop it.",
    "done": "It is settled: its handler has done it.",
    "superseded": "It is settled: a newer webhook of the same resource was handled instead.",
    "deleted": "It was deleted: by an operator, by its age, or by shop/redact.",
}
_CAUSES = {
    "attempts": "its handler failed QUEUE_ATTEMPTS times",
    "rejected": "its handler cannot use it",
    "poison": "it ended its worker each time it ran, with nothing else beside it",
    "suspected_replay": "its signed bytes were first seen for another shop or topic",
    "unavailable": "its shop could not be served for PARK_MAX_SECONDS",
    "unhandled": "no worker knew its topic for UNHANDLED_SECONDS",
}
CAUSES = tuple(_CAUSES)


class Shop(click.ParamType):  # type: ignore[type-arg]
    """A shop, with or without ``.myshopify.com``; given on as the full domain."""

    name = "shop"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The full domain in lower case; a usage error for what is none."""
        name = keys.short(str(value).strip().lower())
        if not _SHOP.fullmatch(name):
            self.fail("is no shop; give name.myshopify.com, or the name alone", param, ctx)
        return keys.domain(name)


class Ref(click.ParamType):  # type: ignore[type-arg]
    """A webhook as lists show it: ``shop/webhook-id``; given on as (domain, webhook id)."""

    name = "shop/webhook-id"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """The pair; a usage error for anything else."""
        if isinstance(value, tuple):
            return value
        shop, _, webhook_id = str(value).partition("/")
        if not webhook_id:
            self.fail("is no webhook; give shop/webhook-id, as the lists show it", param, ctx)
        return SHOP.convert(shop, param, ctx), webhook_id


SHOP = Shop()
REF = Ref()


def name_of(found: Found) -> str:
    """``name.myshopify.com/webhook-id``: what a REF argument takes."""
    return f"{found.shop}/{found.webhook_id}"


def meaning(found: Found, now_s: float) -> str:
    """One sentence: where the webhook is, and what happens next."""
    wait_s = found.due_ms / 1000 - now_s
    due = f"in {duration(wait_s)}" if wait_s > 0 else "as soon as a worker is free"
    cause = _CAUSES.get(found.cause, found.cause or "the cause was not noted")
    return _MEANING.get(found.state, f"Its state is {found.state}.").format(due=due, cause=cause)


def facts(found: Found) -> dict[str, object]:
    """Everything known of it, for people; what is not known is empty."""
    return {
        "shop": found.shop,
        "webhook id": found.webhook_id,
        "topic": found.topic,
        "area": found.area,
        "state": found.state,
        "cause": found.cause,
        "triggered": moment(found.triggered_ms),
        "accepted": moment(found.accepted_ms),
        "due": moment(found.due_ms) if found.state == "solo" else "",
        "died": moment(found.died_ms),
        "settled": moment(found.settled_ms),
        "failed runs": found.attempts or None,
        "crashes alone": found.crashes or None,
        "suspect": "yes, it runs alone" if found.suspect else "",
        "last error": found.error,
        "api version": found.api_version,
        "event id": found.event_id,
    }


def document(found: Found) -> dict[str, Any]:
    """Everything known of it, for programs: times also as text, the body as text where it is."""
    built: dict[str, Any] = {"ref": name_of(found)}
    built |= msgspec.structs.asdict(found)
    body = built.pop("body")
    for name in ("accepted", "triggered", "settled", "due", "died"):
        built[f"{name}_at"] = moment(built[f"{name}_ms"]) or None
    if body is not None:
        built |= body_as_text(body)
    return built


def body_as_text(body: bytes) -> dict[str, str]:
    """``{"body": …}``, or ``{"body_base64": …}`` where it is not UTF-8."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def show_found(every: Sequence[Found]) -> None:
    """A table with a line for each."""
    show_table(
        ("webhook", "topic", "state", "accepted", "failed runs", "why"),
        [
            (name_of(one), one.topic, one.state, moment(one.accepted_ms), one.attempts, _why(one))
            for one in every
        ],
    )


def _why(found: Found) -> str:
    return ": ".join(part for part in (found.cause, found.error) if part)
