"""``avnu cache``: what the cache saves, what it holds of a shop, and forgetting it."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import msgspec
import redis

from avnu.cache import Cache
from avnu.cache.counters import ENDS, SAVED, Name, Outcome
from avnu.cache.kinds import KINDS
from avnu.cache.peek import Peeked, counts, peek
from avnu.cli.acting import audited
from avnu.cli.found import SHOP
from avnu.cli.output import (
    duration,
    json_option,
    moment,
    say,
    show_facts,
    show_json,
    show_table,
    write,
)
from avnu.clock import SystemClock
from avnu.connections import Connections
from avnu.errors import CacheEntryUnreadable, CannotReach, NotFound
from avnu.keys import Keys
from avnu.settings import Settings, load_settings


@click.group()
def cache() -> None:
    """Cache: what Shopify answered, in each process and on Redis."""


@cache.command()
@json_option
def stats(as_json: bool) -> None:
    """Show how often each kind was asked for, and how many calls to Shopify that saved.

    Sums over all processes; each hands in what it counted about once a second.
    """
    with _reaching() as (settings, client):
        found = counts(client, Keys(settings.avnu_namespace))
    events: Counter[str] = Counter()
    for (_, outcome), n in found.items():
        events[outcome] += n
    if as_json:
        show_json({"kinds": {name: _row(found, name) for name in KINDS}, "events": dict(events)})
        return
    show_table(
        ("kind", *ENDS, "saved"),
        [
            (name, *(row[end] for end in ENDS), _percent(row))
            for name in KINDS
            if (row := _row(found, name))
        ],
    )
    show_facts(
        {
            outcome.value.replace("_", " "): events[outcome]
            for outcome in Outcome
            if outcome not in ENDS and events[outcome]
        }
    )


@cache.command()
@click.argument("shop", type=SHOP)
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("id", default="")
@json_option
def show(shop: str, kind: str, id: str, as_json: bool) -> None:  # noqa: A002 - Shopify's word
    """Show one entry as it stands on Redis. Kinds of which a shop has one need no ID."""
    try:
        with _reaching() as (settings, client):
            found = peek(client, Keys(settings.avnu_namespace), KINDS[kind], shop, id)
    except ValueError as fault:
        raise click.UsageError(str(fault)) from fault
    except CacheEntryUnreadable as fault:
        raise NotFound(f"what is there cannot be read: {fault}") from fault
    if found is None:
        raise NotFound(f"no {kind} {id} of {shop} is cached".replace("  ", " "))
    if as_json:
        show_json(_document(found))
    else:
        show_facts(_facts(found))
        write(msgspec.json.format(msgspec.json.encode(found.value), indent=2).decode())


@cache.command()
@click.argument("shop", type=SHOP, required=False)
@click.argument("tags", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Everything of every shop.")
@audited
def drop(shop: str | None, tags: tuple[str, ...], everything: bool) -> None:
    """Forget what is cached of SHOP, or only what has one of TAGS (product:5, locations …).

    Every process forgets it too. The next to ask loads it from Shopify.
    """
    if everything == (shop is not None):
        raise click.UsageError("give a shop, or --all")
    with _reaching() as (settings, client):
        dropping = Cache(settings, client, SystemClock(), random.SystemRandom())
        try:
            done = dropping.invalidate(shop, tags) if shop else dropping.invalidate_everything()
        except ValueError as fault:
            raise click.UsageError(str(fault)) from fault
        finally:
            dropping.close()
    if not done:
        raise CannotReach("Redis did not answer, or refused; nothing was forgotten")
    say(f"forgotten: {' '.join(tags) or 'everything'} of {shop or 'every shop'}")


@contextmanager
def _reaching() -> Iterator[tuple[Settings, "redis.Redis"]]:
    """Settings and a client of the cache's database; CannotReach for what Redis raises inside."""
    settings = load_settings()
    connections = Connections(settings)
    try:
        yield settings, connections.cache()
    except (redis.RedisError, OSError) as fault:
        raise CannotReach(f"the cache cannot be reached: {type(fault).__name__}") from fault
    finally:
        connections.close()


def _row(found: dict[Name, int], kind: str) -> dict[str, int]:
    return {
        outcome.value: found.get((kind, outcome.value), 0)
        for outcome in Outcome
        if outcome in ENDS or found.get((kind, outcome.value))
    }


def _percent(row: dict[str, int]) -> str:
    asked = sum(row[end] for end in ENDS)
    return f"{100 * sum(row[end] for end in SAVED) / asked:.1f} %" if asked else ""


def _facts(found: Peeked) -> dict[str, object]:
    entry = found.entry
    left_s = entry.fresh_ms / 1000 - found.age_s
    return {
        "loaded": f"{moment(entry.started_ms)}, {duration(max(0.0, found.age_s))} ago",
        "took": f"{entry.cost_ms} ms",
        "state": "outdated" if found.outdated else "fresh" if left_s > 0 else "stale",
        "fresh for": duration(left_s) if left_s > 0 else "",
        "version": entry.version or "",
        "tags": " ".join(entry.tags),
        "bytes": len(entry.data),
        "lease": found.lease,
    }


def _document(found: Peeked) -> dict[str, Any]:
    entry = found.entry
    return {
        "value": msgspec.to_builtins(found.value),
        "loaded_ms": entry.started_ms,
        "age_s": round(found.age_s, 3),
        "fresh_s": entry.fresh_ms / 1000,
        "keep_s": entry.keep_ms / 1000,
        "took_ms": entry.cost_ms,
        "version": entry.version,
        "tags": list(entry.tags),
        "bytes": len(entry.data),
        "outdated": found.outdated,
        "lease": found.lease,
    }
