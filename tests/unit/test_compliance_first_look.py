"""The quick look at a body overlooks nothing that reading it to its last string finds."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avnu.compliance.first_look import FirstLook
from avnu.compliance.person import Person
from avnu.shopify.payloads.compliance import Customer

ID, ORDER = 7_103_928_004, 5_678_123_456
ANN = Customer(id=ID, email="Ann@Example.com", phone="+49 (30) 5550-1234")
QUOTED, IN_ARABIC = Customer(email='"a b"@example.com'), Customer(phone="٠٣٠ ٥٥٥٠ ١٢٣٤")
NEGATIVE, LIKE_AN_ESCAPE = Customer(id=-5), Customer(phone="5550 0026 12")
PEOPLE = (ANN, QUOTED, IN_ARABIC, NEGATIVE, LIKE_AN_ESCAPE, Customer(email="a&b@example.com"))

pieces = st.sampled_from(
    [
        *("ann@EXAMPLE.com", "ANN@example.com.au", "änn@example.com", "ÄNN@EXAMPLE.COM"),
        *("ann@example.com".replace("n", "\N{LATIN SMALL LETTER LONG S}"), "a&b@example.com"),
        *('"a b"@example.com', "030", "5550", "1234", "٥٥٥٠", "00", "26", "12", "-", " ", "&", "<"),
        *("gid://shopify/Customer/", "gid://shopify/Order/", str(ID), str(ORDER), "\u2028", "\n"),
        *("\\u0026", "\\", "\N{KELVIN SIGN}", "\ud800", "é", "😀"),
    ]
)
texts = st.lists(pieces, max_size=6).map("".join)
numbers = st.sampled_from([ID, ORDER, -ORDER, 12, -5, 5, 0, 10**30]) | st.integers()
names = st.sampled_from(["id", "customer", "customer_id", "order_id", "email", "note"]) | texts
documents = st.recursive(
    texts | numbers | st.floats(allow_nan=False, allow_infinity=False) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def as_rails(document: Any) -> bytes:
    """JSON with HTML's characters escaped and the others as they are."""
    text = json.dumps(document, ensure_ascii=False)
    for sign in "&<>\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text.encode(errors="surrogatepass")


def as_ascii(document: Any) -> bytes:
    return json.dumps(document).encode()


def as_no_json(document: Any) -> bytes:
    return b"{" + str(document).encode(errors="surrogatepass")


@pytest.mark.parametrize("customer", PEOPLE)
@given(
    document=documents,
    written=st.sampled_from([as_rails, as_ascii, as_no_json]),
    topic=st.sampled_from(["orders/updated", "fulfillments/update"]),
)
def test_what_it_passes_over_speaks_of_nobody(
    customer: Customer, document: Any, written: Any, topic: str
) -> None:
    body = written(document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FirstLook, "may_speak", lambda *_: True)
        thorough = Person.of(customer, [ORDER])
        speaks = thorough.speaks(topic, body)
    quick = Person.of(customer, [ORDER])
    assert (quick.speaks(topic, body), quick.orders) == (speaks, thorough.orders)


@pytest.mark.parametrize(
    ("customer", "body"),
    [
        (ANN, rb'{"email": "\u0061nn@example.com"}'),
        (ANN, rb'{"customer_id": 1, "note": "a \u0026 b: ANN@EXAMPLE.COM"}'),
        (ANN, rb'{"phone": "030/5550\u00261234"}'),
        (ANN, rb'{"phone": "030 555\u0030 1234"}'),
        (QUOTED, rb'{"email": "\"A B\"@example.com"}'),
        (IN_ARABIC, '{"phone": "٠٣٠-٥٥٥٠-١٢٣٤"}'.encode()),
        (NEGATIVE, rb'{"customer_id": -5}'),
        (LIKE_AN_ESCAPE, rb"{5550\u002612"),
    ],
)
def test_however_it_is_written_it_is_seen(customer: Customer, body: bytes) -> None:
    assert Person.of(customer, ()).speaks("orders/updated", body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": 1, "email": "bob@example.com", "phone": "+49 30 5550 1235"}',
        b'{"note": "a \\u0026 b \\u003cb\\u003e", "total": "55501234.00"}',
    ],
)
def test_a_body_of_somebody_else_is_passed_over(body: bytes) -> None:
    assert not FirstLook("ann@example.com", "305501234").may_speak(body, [ID, ORDER])
