"""Requests by privacy law: noted, carried out in every place, and done once, however cut short."""

import json
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select

from avnu.compliance import customer_redact, shop_redact
from avnu.compliance.exports import Exports
from avnu.compliance.ledger import DUE_AFTER, NOT_CARRIED_OUT, Ledger
from avnu.inbox.bodies import Bodies
from avnu.inbox.solo import Claim
from avnu.run import run_batch
from avnu.secret import Secret
from avnu.shopify.payloads import decode
from avnu.shopify.payloads.compliance import CustomerRedact
from avnu.store.columns import Instant
from avnu.store.market.versions import Fulfillment
from avnu.store.tables import EVERY, compliance_requests, metadata, redacted_customers, shops
from avnu.webhook import Shop, Webhook
from tasks.compliance import area
from tests.support.compliance import (
    CUSTOMER,
    DOMAIN,
    EMAIL,
    ID,
    NAMES,
    carry_out,
    ledger,
    noted,
    order_body,
    request,
    sent,
)
from tests.support.deployment import Deployment
from tests.support.inbox import DONE, REJECTED, begin, check, move_time, settle
from tests.support.market import START, order, rows, shipment

pytest_plugins = ("tests.support.store_fixtures", "tests.support.shopify_fixtures")

OTHER = "two-goods.myshopify.com"
ORDER, SENT, ASKED = 5_678_123_456, 42_001, 5_678_123_457


@pytest.fixture
def avnu(deploy: Callable[..., Deployment], tmp_path: Path) -> Deployment:
    return deployed(deploy, tmp_path)


@pytest.fixture
def on_both(deploy: Callable[..., Deployment], tmp_path: Path, database: Secret) -> Deployment:
    """The same, on SQLite and on PostgreSQL."""
    return deployed(deploy, tmp_path, DATABASE_URL=database.reveal())


def deployed(deploy: Callable[..., Deployment], tmp_path: Path, **more: str) -> Deployment:
    made = deploy(COMPLIANCE_EXPORT_DIR=str(tmp_path / "exports"), **more)
    made.install()
    return made


def of_customer(number: int, *shipments: Fulfillment) -> Any:
    return order(number, 1, customer_id=ID, fulfillments=shipments)


def everything(avnu: Deployment) -> str:
    """All values of the inbox that may hold a body, all rows, and all exports."""
    with avnu.client.store.reading() as connection:
        found = [repr(connection.execute(select(table)).all()) for table in EVERY]
    found.append(repr(rows(avnu.client.store)))
    found += [repr(one.body) for one in Bodies(avnu.inbox).each(DOMAIN)]
    found += [path.read_text() for path in folder(avnu).glob("*")]
    return "\n".join(found)


def folder(avnu: Deployment) -> Path:
    return Path(avnu.settings.compliance_export_dir)


def left_of(avnu: Deployment, *names: object) -> list[str]:
    text = everything(avnu)
    return [str(name) for name in names if str(name) in text]


# ---- customers/data_request


def ask_for_data(avnu: Deployment, webhook_id: str = "asked", customer: Any = CUSTOMER) -> Path:
    avnu.inbox.accept(
        [
            request(
                webhook_id,
                "customers/data_request",
                customer=customer,
                orders_requested=[ASKED],
                data_request={"id": 3},
            )
        ]
    )
    assert carry_out(avnu) == ["D"]
    name = noted(avnu, webhook_id).export
    assert name is not None
    return folder(avnu) / name


def test_the_export_tells_all_that_is_kept_of_the_customer(on_both: Deployment) -> None:
    avnu = on_both
    market = avnu.client.market
    market.put_orders(DOMAIN, [of_customer(ORDER, shipment(SENT, ORDER, 1)), order(9, 1)])
    market.put_orders(DOMAIN, [order(ASKED, 1, customer_id=None)])
    market.put_orders(OTHER, [of_customer(11)])
    avnu.inbox.accept(
        [
            sent("waits", "orders/updated", **order_body(ORDER, 2)),
            sent("another's", "orders/updated", id=9, email="bob@example.com"),
        ]
    )
    path = ask_for_data(avnu)
    document = json.loads(path.read_text())
    assert [one["id"] for one in document["orders"]] == [ORDER, ASKED]
    assert document["orders"][0]["fulfillments"][0]["tracking_numbers"] == ["JD0146"]
    assert [one["id"] for one in document["webhooks"]] == ["waits"]
    assert document["webhooks"][0]["body"]["email"] == EMAIL
    about = document["about"]
    assert about["customer"] == CUSTOMER
    assert "customers/data_request" in about["what"]
    assert any("until they are handled" in line for line in about["kept"])
    assert "\n  " in path.read_text(), "a person reads it, too"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    asked = noted(avnu, "asked")
    assert asked.evidence == {"orders": 2, "webhooks": 1}
    assert asked.done_at is not None
    assert asked.due_at - asked.received_at == DUE_AFTER == timedelta(days=30)
    assert (asked.export_ends_at or asked.due_at) - asked.done_at < timedelta(days=14)
    assert asked.subject is not None
    assert not any(name in repr(asked) for name in NAMES)


def test_shipments_that_came_before_their_order_are_told_too(avnu: Deployment) -> None:
    avnu.client.market.put_fulfillments(DOMAIN, [shipment(SENT, ASKED, 1)])
    document = json.loads(ask_for_data(avnu).read_text())
    assert [one["id"] for one in document["orders"]] == [ASKED]
    assert document["orders"][0]["fulfillments"][0]["tracking_company"] == "DHL"


def test_a_request_that_was_cut_short_is_done_again_into_the_same_file(
    avnu: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr("avnu.compliance.exports.Path.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            ask_for_data(avnu)
    (half,) = folder(avnu).glob("*")
    assert half.name.endswith(".part")
    assert stat.S_IMODE(half.stat().st_mode) == 0o600
    assert noted(avnu, "asked").done_at is None
    move_time(avnu.inbox, 60)  # its lease ends
    first = noted(avnu, "asked").export
    alone = carry_out_alone(avnu, "asked")
    assert alone == "D"
    assert noted(avnu, "asked").export == first
    assert (folder(avnu) / str(first)).exists()
    # Delivered and carried out once more, it is done already.
    before = noted(avnu, "asked")
    avnu.client.compliance.data_requested(before, None)  # type: ignore[arg-type]
    assert noted(avnu, "asked") == before


def carry_out_alone(avnu: Deployment, webhook_id: str) -> str:
    """The handler over what is claimed alone, after a crash."""
    avnu.inbox.tick()
    move_time(avnu.inbox, 6)
    avnu.inbox.tick()
    claim = avnu.inbox.claim(DOMAIN, webhook_id, "alone")
    assert isinstance(claim, Claim), claim
    until_s = avnu.clock.monotonic() + 60
    shop = Shop(DOMAIN, avnu.clock, until_s, lambda: avnu.client)
    settlement, raised = run_batch(shop, [Webhook(claim.webhook)], area.handlers)
    assert not raised
    verdict = settlement.verdicts[0]
    avnu.inbox.settle(claim, verdict, settlement.parkings.get(DOMAIN), 0)
    return verdict.letter.value


def test_a_body_that_nobody_can_read_is_noted_all_the_same(avnu: Deployment) -> None:
    avnu.inbox.accept([sent("odd", "customers/redact", customer="?")])
    assert carry_out(avnu) == ["X"]
    assert noted(avnu, "odd").done_at is None
    assert [one.id for one in ledger(avnu).every(still_open=True)] == ["odd"]


# ---- customers/redact


def ask_to_redact(avnu: Deployment, webhook_id: str = "redact", **more: Any) -> list[str]:
    asked = {"customer": CUSTOMER, "orders_to_redact": [ASKED], **more}
    avnu.inbox.accept([request(webhook_id, "customers/redact", **asked)])
    return carry_out(avnu)


def test_the_customer_is_taken_out_of_every_place(on_both: Deployment) -> None:
    avnu = on_both
    market = avnu.client.market
    market.put_orders(DOMAIN, [of_customer(ORDER, shipment(SENT, ORDER, 1))])
    market.put_orders(DOMAIN, [order(ASKED, 1, customer_id=None, fulfillments=(
        shipment(SENT + 1, ASKED, 1),))])  # fmt: skip
    market.put_orders(DOMAIN, [order(9, 1)])
    path = ask_for_data(avnu)
    avnu.inbox.accept(
        [
            sent("waits", "orders/updated", **order_body(ORDER, 2)),
            sent("new", "orders/create", **order_body(77_000_001)),
            sent("of new", "fulfillments/create", id=8, order_id=77_000_001, destination={"n": 1}),
            sent("another's", "orders/updated", id=9, email="bob@example.com"),
        ]
    )
    assert left_of(avnu, *NAMES, "JD0146") == [*NAMES, "JD0146"]
    assert ask_to_redact(avnu) == ["D"]
    assert left_of(avnu, *NAMES, "JD0146") == []
    assert not path.exists()
    assert noted(avnu, "asked").export is None
    assert noted(avnu, "redact").evidence == {
        "bodies_replaced": 3,
        "dead_letters_replaced": 0,
        "kept_bodies_deleted": 0,
        "exports_removed": 1,
        "orders_cut_off": 2,
    }
    assert noted(avnu, "redact").subject == noted(avnu, "asked").subject
    # What waits is still there, and names its resource.
    bodies = {one.webhook_id: one.body for one in Bodies(avnu.inbox).each(DOMAIN)}
    assert json.loads(bodies["waits"]) == {"id": ORDER}
    assert json.loads(bodies["of new"]) == {"id": 8, "order_id": 77_000_001}
    assert b"bob" in bodies["another's"]
    assert market.order(DOMAIN, 9).customer_id == 77  # type: ignore[union-attr]


def test_the_export_of_who_shares_their_phone_stays(avnu: Deployment) -> None:
    bob = {"id": ID + 1, "email": "bob@example.com", "phone": CUSTOMER["phone"]}
    path = ask_for_data(avnu, customer=bob)
    assert ask_to_redact(avnu) == ["D"]
    assert path.exists()
    assert "exports_removed" not in noted(avnu, "redact").evidence
    assert ask_to_redact(avnu, "by mail", customer={"email": "BOB@example.com"}) == ["D"]
    assert not path.exists()


def test_data_of_a_customer_who_was_redacted_is_not_exported_any_more(avnu: Deployment) -> None:
    ask_to_redact(avnu)
    avnu.inbox.accept([request("asked", "customers/data_request", customer=CUSTOMER)])
    assert carry_out(avnu) == ["D"]
    assert noted(avnu, "asked").evidence == {"not_carried_out": "the customer was redacted before"}
    assert list(folder(avnu).glob("*")) == []


def test_an_export_that_is_written_while_its_customer_is_redacted_does_not_stay(
    avnu: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Exports.write

    def redacted_before(exports: Exports, name: str, content: bytes) -> None:
        monkeypatch.undo()
        asked = avnu.client.compliance.note(DOMAIN, "redact", "customers/redact", 1)
        body = json.dumps({"shop_id": 1, "shop_domain": DOMAIN, "customer": CUSTOMER}).encode()
        avnu.client.compliance.customer_redacted(asked, decode(body, CustomerRedact))
        real(exports, name, content)

    monkeypatch.setattr(Exports, "write", redacted_before)
    avnu.inbox.accept([request("asked", "customers/data_request", customer=CUSTOMER)])
    assert carry_out(avnu) == ["D"]
    assert list(folder(avnu).glob("*")) == []
    assert noted(avnu, "asked").export is None


def test_an_export_whose_customer_is_redacted_before_it_is_noted_leaves_no_name(
    avnu: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Ledger.file

    def redacted_before(ledger: Ledger, *told: Any) -> None:
        monkeypatch.undo()
        asked = avnu.client.compliance.note(DOMAIN, "redact", "customers/redact", 1)
        body = json.dumps({"shop_id": 1, "shop_domain": DOMAIN, "customer": CUSTOMER}).encode()
        avnu.client.compliance.customer_redacted(asked, decode(body, CustomerRedact))
        real(ledger, *told)

    monkeypatch.setattr(Ledger, "file", redacted_before)
    avnu.inbox.accept([request("asked", "customers/data_request", customer=CUSTOMER)])
    assert carry_out(avnu) == ["D"]
    assert list(folder(avnu).glob("*")) == []
    told = noted(avnu, "asked")
    assert (told.export, told.done_at is None) == (None, False)
    assert told.evidence == {NOT_CARRIED_OUT: "the customer or the shop was redacted meanwhile"}


def test_a_late_order_is_seen_in_the_ledger_beside_the_request(avnu: Deployment) -> None:
    ask_to_redact(avnu)
    assert noted(avnu, "redact").late == 0
    avnu.client.market.put_orders(DOMAIN, [of_customer(ORDER)])
    assert left_of(avnu, ID) == []
    assert noted(avnu, "redact").late == 1
    assert noted(avnu, "redact").late_at is not None


@pytest.mark.parametrize(
    "customer", [None, {"id": None, "email": EMAIL}, {"phone": CUSTOMER["phone"]}]
)
def test_a_customer_without_id_is_found_by_what_is_known(avnu: Deployment, customer: Any) -> None:
    avnu.client.market.put_orders(
        DOMAIN, [order(ASKED, 1, customer_id=None, fulfillments=(shipment(SENT, ASKED, 1),))]
    )
    avnu.inbox.accept([sent("waits", "orders/updated", **order_body(ASKED, 2))])
    assert ask_to_redact(avnu, customer=customer) == ["D"]
    assert left_of(avnu, *NAMES, "JD0146") == []
    assert (noted(avnu, "redact").subject is None) == (customer is None)


@pytest.mark.parametrize("cut", ["_redact_bodies", "_remove_exports"])
def test_a_redaction_that_is_cut_short_finds_everything_when_done_again(
    cut: str, avnu: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    avnu.client.market.put_orders(DOMAIN, [of_customer(ORDER, shipment(SENT, ORDER, 1))])
    avnu.inbox.accept(
        [
            sent(
                "sent",
                "fulfillments/update",
                id=SENT,
                order_id=ORDER,
                destination={"name": "Ann S"},
            )
        ]
    )
    real = getattr(customer_redact, cut)

    def killed(*given: Any) -> None:
        real(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(customer_redact, cut, killed)
        with pytest.raises(KeyboardInterrupt):
            ask_to_redact(avnu)
    move_time(avnu.inbox, 60)
    assert carry_out_alone(avnu, "redact") == "D"
    assert left_of(avnu, *NAMES, "Ann S", "JD0146") == []
    assert noted(avnu, "redact").evidence["bodies_replaced"] == 1
    assert noted(avnu, "redact").evidence["orders_cut_off"] == 1


def test_bodies_that_are_kept_go_and_that_of_the_request_itself(
    deploy: Callable[..., Deployment], tmp_path: Path
) -> None:
    avnu = deployed(deploy, tmp_path, WEBHOOK_KEEP_BODY_SECONDS="600")
    avnu.inbox.accept([sent("done", "orders/updated", **order_body(ORDER, 2))])
    holder, _ = begin(avnu.inbox, DOMAIN)
    settle(holder, DONE)
    assert left_of(avnu, EMAIL) == [EMAIL]
    assert ask_to_redact(avnu) == ["D"]
    assert left_of(avnu, *NAMES) == []
    (kept,) = Bodies(avnu.inbox).each(DOMAIN)
    assert json.loads(kept.body)["orders_to_redact"] == [ASKED]
    assert noted(avnu, "redact").evidence["kept_bodies_deleted"] == 1


def test_another_request_of_theirs_that_is_dead_keeps_its_orders_and_can_be_replayed(
    avnu: Deployment,
) -> None:
    avnu.inbox.accept(
        [request("dead", "customers/redact", customer=CUSTOMER, orders_to_redact=[ORDER])]
    )
    holder, _ = begin(avnu.inbox, DOMAIN, area="compliance")
    settle(holder, REJECTED)
    assert ask_to_redact(avnu) == ["D"]
    assert left_of(avnu, *NAMES) == []
    assert noted(avnu, "redact").evidence["dead_letters_replaced"] == 1
    avnu.client.market.put_orders(DOMAIN, [order(ORDER, 1, customer_id=78)])
    ref = f"{DOMAIN.partition('.')[0]}/dead"
    assert avnu.inbox.replay([ref]) == {ref: "replayed"}
    assert carry_out_alone(avnu, "dead") == "D"
    assert avnu.client.market.order(DOMAIN, ORDER).customer_id is None  # type: ignore[union-attr]


# ---- shop/redact


def uninstall(avnu: Deployment) -> None:
    avnu.client.shops.uninstall(DOMAIN)
    avnu.client.tokens.forget(DOMAIN)


def ask_to_forget(avnu: Deployment, webhook_id: str = "forget") -> list[str]:
    avnu.inbox.accept([request(webhook_id, "shop/redact")])
    return carry_out(avnu)


def test_a_shop_that_has_the_app_again_is_not_forgotten(avnu: Deployment) -> None:
    avnu.client.market.put_orders(DOMAIN, [of_customer(ORDER)])
    assert ask_to_forget(avnu) == ["D"]
    assert avnu.standing().status.value == "installed"
    assert avnu.client.market.order(DOMAIN, ORDER) is not None
    assert noted(avnu, "forget").evidence == {"not_carried_out": "the shop has the app again"}


@pytest.mark.parametrize("tokens", ["put away", "refused"])
def test_everything_of_a_shop_goes_but_the_evidence(on_both: Deployment, tokens: str) -> None:
    avnu = on_both
    market = avnu.client.market
    market.put_orders(DOMAIN, [of_customer(ORDER, shipment(SENT, ORDER, 1))])
    market.put_orders(OTHER, [of_customer(ORDER)])
    path = ask_for_data(avnu)
    ask_to_redact(avnu)
    avnu.inbox.accept([sent("waits", "orders/updated", **order_body(ORDER, 2))])
    avnu.inbox.accept([sent("other's", "orders/updated", OTHER, **order_body(ORDER, 3))])
    if tokens == "put away":
        uninstall(avnu)
    else:
        avnu.sandbox.tokens.revoke(DOMAIN)
    assert ask_to_forget(avnu) == ["D"]
    assert not path.exists()
    assert rows(avnu.client.store, DOMAIN) == {name: [] for name in rows(avnu.client.store)}
    with avnu.client.store.reading() as connection:
        assert connection.execute(select(shops)).all() == []
        assert connection.execute(select(redacted_customers)).all() == []
    assert list(Bodies(avnu.inbox).each(DOMAIN)) == []
    assert market.order(OTHER, ORDER) is not None
    assert [one.id for one in ledger(avnu).every(shop=DOMAIN)] == ["asked", "redact", "forget"]
    assert [one.subject for one in ledger(avnu).every(shop=DOMAIN)] == [None] * 3
    evidence = noted(avnu, "forget").evidence
    assert evidence["webhooks_deleted"] == 1
    assert evidence["rows_deleted"] > 4  # type: ignore[operator]
    check(avnu.inbox, waiting=1, settled=4)
    # A request that comes after it finds nothing, and leaves nothing.
    assert ask_to_redact(avnu, "late", orders_to_redact=[ORDER]) == ["D"]
    assert noted(avnu, "late").evidence == {"not_carried_out": "the shop is forgotten"}
    assert rows(avnu.client.store, DOMAIN)["orders"] == []


def test_a_run_that_still_holds_a_webhook_of_the_shop_is_waited_for(avnu: Deployment) -> None:
    uninstall(avnu)
    avnu.inbox.accept([sent("held", "orders/updated", **order_body(ORDER, 2))])
    holder, _ = begin(avnu.inbox, DOMAIN)
    assert ask_to_forget(avnu) == ["B"]
    assert noted(avnu, "forget").done_at is None
    avnu.client.market.put_orders(DOMAIN, [of_customer(ORDER)])  # what it writes at last
    settle(holder, DONE)
    avnu.inbox.unpark(DOMAIN)
    assert carry_out(avnu) == ["D"]
    assert rows(avnu.client.store, DOMAIN)["orders"] == []
    assert noted(avnu, "forget").done_at is not None


def test_a_shop_that_comes_back_while_it_is_asked_about_keeps_its_tokens(
    avnu: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    avnu.sandbox.tokens.revoke(DOMAIN)
    real = shop_redact._remove_shop

    def installed_again(*given: Any) -> None:
        avnu.install()
        real(*given)

    with monkeypatch.context() as patched:
        patched.setattr(shop_redact, "_remove_shop", installed_again)
        assert ask_to_forget(avnu) == ["B"]
    avnu.inbox.unpark(DOMAIN)
    assert carry_out(avnu) == ["D"]
    assert noted(avnu, "forget").evidence == {"not_carried_out": "the shop has the app again"}
    assert avnu.standing().has_access_token


def test_rows_of_the_shop_go_from_every_table_there_is(on_both: Deployment) -> None:
    """Whatever tables are added: each is found by its column."""
    avnu = on_both
    tables = [table for table in metadata.sorted_tables if "shop" in table.c]
    apart = {compliance_requests}
    with avnu.client.store.writing() as connection:
        for table in tables:
            for shop in (DOMAIN, OTHER):
                connection.execute(table.insert().values(made_up(table) | {"shop": shop}))
    uninstall(avnu)
    assert ask_to_forget(avnu) == ["D"]
    with avnu.client.store.reading() as connection:
        left = {table: {row.shop for row in connection.execute(select(table))} for table in tables}
    assert left == {table: {OTHER} | ({DOMAIN} if table in apart else set()) for table in tables}


def made_up(table: Table) -> dict[str, Any]:
    """Values for what must not be empty."""
    plain = {int: 1, float: 1.0, str: "{}", bool: False}
    return {
        column.name: START if isinstance(column.type, Instant) else plain[column.type.python_type]
        for column in table.c
        if not column.nullable
    }
