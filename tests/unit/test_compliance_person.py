"""Which bodies speak of a customer, and what is left of those."""

import json
from typing import Any

import pytest

from avnu.compliance.person import Person, same
from avnu.shopify.payloads.compliance import Customer
from avnu.shopify.topics import TOPICS

ID, ORDER = 7_103_928_004, 5_678_123_456
CUSTOMER = Customer(id=ID, email="Ann@Example.com", phone="+49 (30) 5550-1234")


def ann(*orders: int) -> Person:
    return Person.of(CUSTOMER, orders)


def left(topic: str, document: Any, person: Person | None = None) -> Any:
    """What is left of a body; None where nothing has to go."""
    found = (person or ann(ORDER)).bare(topic, json.dumps(document).encode())
    return None if found is None else json.loads(found)


@pytest.mark.parametrize(
    "said",
    [
        {"customer": {"id": ID}},
        {"customer_id": ID},
        {"customer": {"admin_graphql_api_id": f"gid://shopify/Customer/{ID}"}},
        {"email": "ann@example.com"},
        {"note": "please write to ANN@example.com, not to the office"},
        {"billing_address": {"phone": "030 5550 1234"}},
        {"phone": "+493055501234"},
        {"order_id": ORDER},
        {"note_attributes": [{"name": "ann@example.com", "value": "x"}]},
        {"ann@example.com": True},
    ],
)
def test_a_body_that_speaks_of_them_keeps_its_ids_alone(said: dict[str, Any]) -> None:
    body = {"id": 1, "updated_at": "2026-07-01T18:00:00Z", "total": "9.90", **said}
    kept = {"id": 1} | {name: said[name] for name in said if name == "order_id"}
    assert left("fulfillments/update", body) == kept


@pytest.mark.parametrize(
    "said",
    [
        {"customer": {"id": ID + 1, "email": "bob@example.com"}},
        {"email": "ann@example.org"},
        {"phone": "+49 30 5550 1235"},
        {"order_id": ORDER + 1},
        {"quantity": 1, "note": None, "taxes_included": True, "weight": 1.5},
    ],
)
def test_a_body_of_somebody_else_is_left_as_it_is(said: dict[str, Any]) -> None:
    assert left("orders/updated", {"id": 1, **said}) is None


@pytest.mark.parametrize("number", [None, [], {}, "1", True, 1.5])
def test_an_order_whose_id_is_no_number_does_not_stop_the_search(number: Any) -> None:
    said = {"id": number, "note": f"not {ORDER}, but another"}
    assert left("orders/updated", said) is None


@pytest.mark.parametrize("email", ["joann@example.com", "x.ann@example.com", "ann@example.com.au"])
def test_a_longer_address_is_somebody_elses(email: str) -> None:
    assert left("orders/updated", {"id": 1, "email": email}) is None
    assert left("orders/updated", {"id": 1, "note": f"<{CUSTOMER.email}>, {email}."}) == {"id": 1}


def test_who_shares_a_phone_is_forgotten_in_doubt_and_never_told_of() -> None:
    body = json.dumps({"id": 1, "email": "bob@example.com", "phone": CUSTOMER.phone}).encode()
    assert Person.of(CUSTOMER, ()).speaks("orders/updated", body)
    assert not Person.surely(CUSTOMER, ()).speaks("orders/updated", body)
    assert Person.surely(Customer(phone=CUSTOMER.phone), ()).speaks("orders/updated", body)


def test_two_requests_are_of_one_customer_by_the_surest_that_both_name() -> None:
    other = Customer(id=ID + 1, email=CUSTOMER.email, phone=CUSTOMER.phone)
    assert not same(CUSTOMER, other)
    assert same(CUSTOMER, Customer(id=ID))
    assert same(CUSTOMER, Customer(email="ann@EXAMPLE.com"))
    assert not same(Customer(email="bob@example.com", phone=CUSTOMER.phone), CUSTOMER)
    assert same(Customer(phone="+49 30 55501234"), CUSTOMER)
    assert not same(Customer(), CUSTOMER)


def test_a_number_that_is_equal_by_chance_is_not_theirs() -> None:
    few = Person(5, "", "", [7])
    assert left("orders/updated", {"id": 1, "line_items": [{"quantity": 5, "id": 7}]}, few) is None
    assert left("orders/updated", {"id": 1, "customer": {"id": 5}}, few) == {"id": 1}
    assert left("orders/updated", {"id": 7, "name": "#7"}, few) == {"id": 7}


def test_an_order_that_is_named_by_one_body_is_found_in_the_next() -> None:
    person = ann()
    shipment = {"id": 3, "order_id": 99, "destination": {"name": "Ann"}}
    assert left("fulfillments/create", shipment, person) is None
    assert left("orders/create", {"id": 99, "email": "ann@example.com"}, person) == {"id": 99}
    assert left("fulfillments/create", shipment, person) == {"id": 3, "order_id": 99}


def test_what_has_ids_alone_is_not_touched_again() -> None:
    for body in ({"id": ORDER}, {"id": 1, "order_id": ORDER}, {"order_edit": {"order_id": ORDER}}):
        assert left("orders/updated", body) is None


def test_an_edit_keeps_its_order_and_a_request_its_shop_and_orders() -> None:
    edit = {"order_edit": {"id": 8, "order_id": ORDER, "staff_note": "Ann called"}}
    assert left("orders/edited", edit) == {"order_edit": {"id": 8, "order_id": ORDER}}
    request = {
        "shop_id": 4,
        "shop_domain": "one.myshopify.com",
        "customer": {"id": ID, "email": "ann@example.com", "phone": None},
        "orders_to_redact": [ORDER, 12],
    }
    assert left("customers/redact", request) == {
        "shop_id": 4, "shop_domain": "one.myshopify.com", "orders_to_redact": [ORDER, 12],
    }  # fmt: skip


def test_what_stands_where_an_id_should_is_not_kept() -> None:
    body = {
        "id": "ann@example.com",
        "admin_graphql_api_id": "Ann Smith",
        "email": "ann@example.com",
    }
    assert left("orders/updated", body) == {}


@pytest.mark.parametrize(
    "body", [b'{"email": "ann@example.com"', b"ANN@EXAMPLE.COM", b"\xff5550 1234 30"]
)
def test_what_is_no_json_is_searched_as_text(body: bytes) -> None:
    person = Person(ID, "ann@example.com", "5550 1234 30")
    assert person.bare("orders/create", body) == b"{}"
    assert person.bare("orders/create", b"{") is None


@pytest.mark.parametrize("topic", TOPICS)
def test_somebody_without_any_name_is_spoken_of_nowhere(topic: str) -> None:
    nobody = Person.of(None, ())
    body = json.dumps({"id": 1, "email": "", "phone": "", "note": None, "customer": {"id": 0}})
    assert nobody.bare(topic, body.encode()) is None


def test_a_phone_number_of_few_digits_is_no_name() -> None:
    assert left("orders/create", {"id": 1, "zip": "10110"}, Person(None, "", "110")) is None
