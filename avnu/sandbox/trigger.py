"""One webhook of any topic from a template, with some values set by hand."""

import difflib
import random
from collections.abc import Iterable
from typing import Any

import msgspec

from avnu.errors import UnknownPath, UnknownTopic
from avnu.sandbox.chance import draw_id
from avnu.sandbox.delivery import Delivery
from avnu.sandbox.encoding import encode, triggered_at
from avnu.sandbox.shops import shop_named
from avnu.sandbox.templates import TEMPLATES


def trigger(
    topic: str,
    shop: str,
    at: float,
    rng: random.Random,
    *,
    assignments: Iterable[str] = (),
    payload: Any = msgspec.UNSET,
) -> Delivery:
    """One genuine webhook, ready for a ``Courier``; its ids are drawn from ``rng``.

    ``shop`` is a full domain, ``at`` unix seconds. An assignment is ``path=value``; the path is
    fields and list indexes joined by dots, ``line_items.0.price=12.50``, and must be in the body.
    ``payload`` is taken for the body instead of the topic's template, and then any topic goes.
    Raises UnknownTopic and UnknownPath, which name what there is.
    """
    if payload is msgspec.UNSET:
        payload = _template(topic)(shop_named(shop), at)
    for assignment in assignments:
        assign(payload, assignment)
    return Delivery(
        number=0,
        shop=shop,
        webhook_id=draw_id(rng),
        topic=topic,
        body=encode(payload),
        event_id=draw_id(rng),
        triggered_at=triggered_at(at),
    )


def _template(topic: str) -> Any:
    try:
        return TEMPLATES[topic]
    except KeyError:
        near = difflib.get_close_matches(topic, TEMPLATES, n=3)
        raise UnknownTopic(topic, near or sorted(TEMPLATES)) from None


def assign(payload: Any, assignment: str) -> None:
    """Set one value in place, e.g. ``customer.email=a@example.com``.

    A value that is JSON is taken as such (numbers, true, null, objects), any other text as a
    string. Where the body has a string, a number stays the text it was written as: money is a
    string, and ``12.50`` must not lose its zero.
    """
    path, equals, text = assignment.partition("=")
    if not equals or not path:
        raise UnknownPath(f"{assignment!r} is not path=value")
    *parents, last = path.split(".")
    place = payload
    for step in parents:
        place = place[_key(place, step, path)]
    key = _key(place, last, path)
    place[key] = _typed(text, place[key])


def _key(place: Any, step: str, path: str) -> str | int:
    """``step`` as a key of ``place``; raises UnknownPath saying what there is."""
    if isinstance(place, dict):
        if step in place:
            return step
        raise UnknownPath(f"{path}: no {step!r} here; there is {', '.join(place)}")
    if isinstance(place, list):
        if step.isascii() and step.isdigit() and int(step) < len(place):
            return int(step)
        there = f"0 to {len(place) - 1}" if place else "nothing, the list is empty"
        raise UnknownPath(f"{path}: no {step!r} in this list; there is {there}")
    raise UnknownPath(f"{path}: nothing lies below, {step!r} was asked of {place!r}")


def _typed(text: str, present: Any) -> Any:
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return text if isinstance(present, str) and is_number else value
