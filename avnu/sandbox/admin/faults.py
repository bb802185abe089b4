"""Everything that can go wrong with an answer: one table, ``FAULTS``.

To add a fault: a row. It does one of three things: ``instead`` makes an answer while nothing runs
and no points are taken; ``spoil`` changes the good answer of a call that has run; ``wait`` holds a
call while its points are taken. A row may read ``rule.seconds``, ``rule.most_seconds`` and
``rule.text``, and says what they are.
"""

import random
from collections.abc import Callable, Mapping
from threading import Event
from types import MappingProxyType

import msgspec

from avnu.sandbox.admin import spoiling
from avnu.sandbox.admin.answer import Answer, Manner, refused, told
from avnu.sandbox.admin.refusal import DOCUMENTATION
from avnu.sandbox.admin.rule import Rule


class Fault(msgspec.Struct, frozen=True):
    """One row; exactly one of the three functions is there."""

    says: str
    instead: Callable[[Rule], Answer] | None = None
    spoil: Callable[[Answer, Rule], Answer] | None = None
    wait: Callable[[Rule, random.Random, Event], None] | None = None


def _status(status: int, errors: str, **headers: str) -> Fault:
    def answer(rule: Rule) -> Answer:
        made = refused(status, errors if rule.text is None else rule.text)
        return msgspec.structs.replace(made, headers={**made.headers, **headers})

    return Fault(f"HTTP {status}; text: the errors", instead=answer)


def _too_fast(rule: Rule) -> Answer:
    errors = "Exceeded 2 calls per second for api client. Reduce request rates to resume."
    seconds = 2.0 if rule.seconds is None else rule.seconds
    made = refused(429, errors)
    return msgspec.structs.replace(made, headers={**made.headers, "Retry-After": str(seconds)})


def _page(status: int, title: str) -> Fault:
    """What stands before Shopify answers, and in HTML."""

    def answer(_rule: Rule) -> Answer:
        return _html(status, title, f"http_{status}")

    return Fault(f"HTTP {status} and an HTML page", instead=answer)


def _html(status: int, title: str, outcome: str) -> Answer:
    body = f"<!DOCTYPE html><html><head><title>{title}</title></head><body></body></html>\n"
    headers = {"Content-Type": "text/html; charset=utf-8"}
    return Answer(status=status, body=body.encode(), outcome=outcome, headers=headers)


def _error(code: str, message: str) -> Fault:
    """An error in the body of a 200; nothing is said about cost."""

    def answer(rule: Rule) -> Answer:
        extensions = {"code": code, "documentation": DOCUMENTATION}
        error = {"message": rule.text or message, "extensions": extensions}
        return told(200, {"errors": [error]}, code.lower())

    return Fault(f"error {code}, HTTP 200, no data; text: the message", instead=answer)


def _reset(_rule: Rule) -> Answer:
    return Answer(status=0, body=b"", outcome="reset", manner=Manner.NONE)


def _sent(outcome: str, manner: Manner, gap_s: float = 0.0) -> Callable[[Answer, Rule], Answer]:
    """The good answer, sent otherwise; ``seconds`` of the rule is the time between bytes."""

    def spoil(answer: Answer, rule: Rule) -> Answer:
        gap = gap_s if rule.seconds is None else rule.seconds
        return msgspec.structs.replace(answer, manner=manner, gap_s=gap, outcome=outcome)

    return spoil


def _html_200(answer: Answer, _rule: Rule) -> Answer:
    page = _html(200, "Just a moment…", "html")
    return msgspec.structs.replace(page, requested=answer.requested, spent=answer.spent)


def _deprecated(answer: Answer, rule: Rule) -> Answer:
    reason = rule.text or "https://shopify.dev/api/usage/versioning#deprecation-practices"
    headers = {**answer.headers, "X-Shopify-API-Deprecated-Reason": reason}
    return msgspec.structs.replace(answer, headers=headers)


def _latency(rule: Rule, rng: random.Random, released: Event) -> None:
    least = 0.1 if rule.seconds is None else rule.seconds
    most = least if rule.most_seconds is None else max(least, rule.most_seconds)
    released.wait(rng.uniform(least, most))


def _hang(rule: Rule, _rng: random.Random, released: Event) -> None:
    released.wait(rule.seconds)


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "http_401": _status(
            401, "[API] Invalid API key or access token (unrecognized login or wrong password)"
        ),
        "http_402": _status(402, "Unavailable Shop"),
        "http_403": _status(403, "[API] This action requires merchant approval."),
        "http_404": _status(404, "Not Found"),
        "http_423": _status(423, "This shop is unavailable"),
        "http_429": Fault("HTTP 429; seconds: Retry-After, default 2.0", instead=_too_fast),
        "http_430": _status(430, "Shopify Security Rejection"),
        "http_500": _status(500, "Internal Server Error"),
        "http_502": _page(502, "502 Bad Gateway"),
        "http_503": _status(503, "Service Unavailable"),
        "http_504": _page(504, "504 Gateway Timeout"),
        "http_520": _page(520, "Web server is returning an unknown error"),
        "http_530": _page(530, "Origin DNS error"),
        "access_denied": _error(
            "ACCESS_DENIED",
            "Access denied for products field. Required access: `read_products` access scope.",
        ),
        "internal_server_error": _error(
            "INTERNAL_SERVER_ERROR", "Internal error. Looks like something went wrong on our end."
        ),
        "shop_inactive": _error("SHOP_INACTIVE", "This shop is inactive."),
        "max_cost_exceeded": _error(
            "MAX_COST_EXCEEDED",
            "Query cost is 2002, which exceeds the single query max cost limit (1000).",
        ),
        "throttled": _error("THROTTLED", "Throttled"),
        "reset": Fault("the connection is reset before anything runs", instead=_reset),
        "lost": Fault(
            "the call runs, then the connection is reset", spoil=_sent("lost", Manner.NONE)
        ),
        "access_denied_partial": Fault(
            "data with nulls beside ACCESS_DENIED errors; text: the field that is null, default "
            "the last field of the query's root",
            spoil=spoiling.denied,
        ),
        "broken_json": Fault("200 and half of the JSON", spoil=spoiling.broken),
        "empty": Fault("200 and no body", spoil=spoiling.empty),
        "html": Fault("200 and an HTML page", spoil=_html_200),
        "list_body": Fault("200 and a JSON list", spoil=spoiling.listed),
        "null_data": Fault("data: null without errors", spoil=spoiling.without_data),
        "errors_text": Fault(
            "errors is a text, no list; text: that text", spoil=spoiling.with_errors_text
        ),
        "cost_missing": Fault("no extensions.cost", spoil=spoiling.without_cost),
        "throttle_missing": Fault("no throttleStatus", spoil=spoiling.without_throttle_status),
        "numbers_as_text": Fault("the cost's numbers are texts", spoil=spoiling.numbers_as_text),
        "cut": Fault("half of what Content-Length promises", spoil=_sent("cut", Manner.CUT)),
        "slow_body": Fault(
            "a byte now and then; seconds: between two bytes, default 0.5",
            spoil=_sent("slow_body", Manner.SLOW, 0.5),
        ),
        "endless": Fault(
            "a body without end; seconds: between two bytes, default 0.05",
            spoil=_sent("endless", Manner.ENDLESS, 0.05),
        ),
        "deprecated": Fault("X-Shopify-API-Deprecated-Reason; text: the reason", spoil=_deprecated),
        "latency": Fault(
            "takes longer; seconds: default 0.1, most_seconds: the end of a range", wait=_latency
        ),
        "hang": Fault(
            "no answer until it is released; seconds: or until they have passed", wait=_hang
        ),
    }
)
