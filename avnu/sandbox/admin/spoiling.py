"""Good answers made bad: each function changes the JSON of an answer in one way."""

from collections.abc import Callable
from typing import Any

import msgspec

from avnu.sandbox.admin.answer import Answer
from avnu.sandbox.admin.rule import Rule

Document = dict[str, Any]


def broken(answer: Answer, _rule: Rule) -> Answer:
    """Half of the JSON, with a Content-Length that fits."""
    half = answer.body[: len(answer.body) // 2]
    return msgspec.structs.replace(answer, body=half, outcome="broken_json")


def empty(answer: Answer, _rule: Rule) -> Answer:
    """No body."""
    return msgspec.structs.replace(answer, body=b"", outcome="empty")


def listed(answer: Answer, _rule: Rule) -> Answer:
    """The document in a list."""
    return msgspec.structs.replace(answer, body=b"[" + answer.body + b"]", outcome="list_body")


def without_data(answer: Answer, _rule: Rule) -> Answer:
    """``data: null``, no errors."""

    def change(document: Document) -> None:
        document.pop("errors", None)
        document["data"] = None

    return _changed(answer, "null_data", change)


def with_errors_text(answer: Answer, rule: Rule) -> Answer:
    """``errors`` is a text, and there is no data."""

    def change(document: Document) -> None:
        document.pop("data", None)
        document["errors"] = rule.text or "Something went wrong"

    return _changed(answer, "errors_text", change)


def without_cost(answer: Answer, _rule: Rule) -> Answer:
    """No ``extensions``."""
    return _changed(answer, "cost_missing", lambda document: document.pop("extensions", None))


def without_throttle_status(answer: Answer, _rule: Rule) -> Answer:
    """A cost that does not say how the bucket stands, as development stores have answered."""

    def change(document: Document) -> None:
        _cost(document).pop("throttleStatus", None)

    return _changed(answer, "throttle_missing", change)


def numbers_as_text(answer: Answer, _rule: Rule) -> Answer:
    """Every number of the cost in quotes."""

    def change(document: Document) -> None:
        cost = _cost(document)
        for part in (cost, cost.get("throttleStatus", {})):
            for name, value in part.items():
                if isinstance(value, int | float):
                    part[name] = str(value)

    return _changed(answer, "numbers_as_text", change)


def denied(answer: Answer, rule: Rule) -> Answer:
    """A field is null wherever it stands, with an ACCESS_DENIED error for each place."""

    def change(document: Document) -> None:
        data = document.get("data")
        if not data:
            return
        field = rule.text or list(data)[-1]
        paths = _nulled(data, field, [])
        document["errors"] = [*document.get("errors", ()), *(_denial(path) for path in paths)]

    return _changed(answer, "access_denied_partial", change)


def _nulled(value: Any, field: str, path: list[str | int]) -> list[list[str | int]]:
    """Make the field null wherever it stands below ``value``; the paths of those places."""
    rows: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        rows = list(value.items())
    elif isinstance(value, list):
        rows = list(enumerate(value))
    found: list[list[str | int]] = []
    for name, below in rows:
        if name == field:
            value[name] = None
            found.append([*path, name])
        else:
            found += _nulled(below, field, [*path, name])
    return found


def _denial(path: list[str | int]) -> Document:
    return {
        "message": f"Access denied for {path[-1]} field.",
        "path": path,
        "extensions": {
            "code": "ACCESS_DENIED",
            "documentation": "https://shopify.dev/api/usage/access-scopes",
        },
    }


def _cost(document: Document) -> Document:
    cost: Document = document.get("extensions", {}).get("cost", {})
    return cost


def _changed(answer: Answer, outcome: str, change: Callable[[Document], object]) -> Answer:
    """The answer with its document changed; one that holds no JSON object stays as it is."""
    try:
        document = msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.DecodeError:
        return answer
    change(document)
    body = msgspec.json.encode(document)
    return msgspec.structs.replace(answer, body=body, outcome=outcome)
