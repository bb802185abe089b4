"""avnu/shopify/answers.py: whatever comes back means something, and reading it never raises."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avnu.errors import AvnuError, CallRefused, Park, Throttled, UnreadableAnswer
from avnu.guards import OutcomeKind
from avnu.shopify.answers import Cost, Reading, read, said
from avnu.shopify.transport import HttpAnswer

SHOP = "one.myshopify.com"
# JSON knows no infinity: it would arrive as null.
FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
NUMBERS = st.one_of(st.integers(), st.floats(), st.text(max_size=8), st.none(), st.booleans())


def answer(body: Any, status: int = 200, **headers: str) -> Reading:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read(SHOP, HttpAnswer(status, named, raw))


@given(st.integers(100, 999), st.binary(max_size=200), st.text(max_size=10))
def test_any_bytes_with_any_status(status: int, body: bytes, wait: str) -> None:
    reading = answer(body, status, retry_after=wait)
    assert reading.fault is not None
    assert isinstance(reading.fault, Park | CallRefused)
    assert SHOP in str(reading.fault)


@given(st.fixed_dictionaries({}, optional={"data": JSON, "errors": JSON, "extensions": JSON}))
def test_any_json(document: dict[str, Any]) -> None:
    reading = answer(document)
    if reading.fault is None:
        assert isinstance(document["data"], dict)
        assert not document.get("errors")
    outcome = reading.outcome(5.0)
    assert outcome.result
    assert outcome.kind in OutcomeKind


@given(st.fixed_dictionaries(dict.fromkeys(Cost.__struct_fields__, NUMBERS)))
def test_odd_costs_are_not_said(numbers: dict[str, Any]) -> None:
    cost = {
        "requestedQueryCost": numbers["requested"],
        "actualQueryCost": numbers["actual"],
        "throttleStatus": {
            "currentlyAvailable": numbers["available"],
            "maximumAvailable": numbers["maximum"],
            "restoreRate": numbers["restore_rate"],
        },
    }
    found = answer({"data": {}, "extensions": {"cost": cost}}).cost
    for value in msgspec.structs.astuple(found):
        assert value is None or (math.isfinite(value) and value >= 0)
    assert 0 < found.wait_s <= 3600


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [("2.0", 2.0), ("7", 7.0), ("0.25", 0.25), ("", 1.0), ("soon", 1.0), ("-3", 1.0),
     ("nan", 1.0), ("1e9", 3600.0)],
)  # fmt: skip
def test_retry_after_is_a_decimal_number(text: str, wait_s: float) -> None:
    fault = answer(b"", 429, retry_after=text).fault
    assert isinstance(fault, Throttled)
    assert fault.wait_s == wait_s


def test_throttled_waits_for_exactly_what_is_missing() -> None:
    """The figures of a real answer (community.shopify.com/t/throttled/254776)."""
    status = {"maximumAvailable": 1000, "currentlyAvailable": 666, "restoreRate": 50}
    cost = {"requestedQueryCost": 752, "actualQueryCost": None, "throttleStatus": status}
    error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
    reading = answer({"errors": [error], "extensions": {"cost": cost}})
    assert isinstance(reading.fault, Throttled)
    assert reading.fault.wait_s == pytest.approx((752 - 666) / 50)
    outcome = reading.outcome(5.0)
    assert (outcome.throttled, outcome.kind, outcome.actual) == (True, OutcomeKind.IGNORED, 0)
    assert (outcome.requested, outcome.available, outcome.result) == (752, 666, "throttled")


def test_the_weightiest_of_several_errors_counts() -> None:
    def fault(*codes: str) -> AvnuError | None:
        errors = [{"message": code, "extensions": {"code": code}} for code in codes]
        return answer({"data": None, "errors": errors}).fault

    assert type(fault("MAX_COST_EXCEEDED", "THROTTLED")).__name__ == "Throttled"
    assert type(fault("ACCESS_DENIED", "INTERNAL_SERVER_ERROR")).__name__ == "PlatformFault"
    assert type(fault("undefinedField")).__name__ == "CallRefused"


def test_what_was_asked_in_vain_costs_nothing_and_what_is_unknown_is_not_given_back() -> None:
    assert answer(b"", 402).outcome(1.0).actual == 0
    assert answer(b"", 503).outcome(1.0).actual is None
    assert answer(b"{").outcome(1.0).actual is None


def test_foreign_text_is_short_and_printable() -> None:
    assert said("a\x1b[31m\nb" + "c" * 500) == "a [31m b" + "c" * 192
    assert said(None) == said(5) == ""


def test_a_page_is_not_an_answer() -> None:
    assert isinstance(answer(b"<html></html>").fault, UnreadableAnswer)
