"""``avnu compliance``: requests by privacy law, their deadlines, evidence and exports."""

from pathlib import Path
from typing import Any

import click
import msgspec

from avnu.cli.acting import audited
from avnu.cli.found import REF, SHOP
from avnu.cli.output import json_option, say, show_facts, show_json, show_table
from avnu.cli.store_session import open_store
from avnu.clock import SystemClock
from avnu.compliance.exports import Exports
from avnu.compliance.ledger import Ledger, Request
from avnu.errors import NotFound
from avnu.store.database import Store


@click.group()
def compliance() -> None:
    """Compliance: what customers and merchants asked for by law, and that it was done.

    Nobody is named here: of whom a request is about there is only an HMAC.
    """


@compliance.command("list")
@click.option("--open", "still_open", is_flag=True, help="Only those that are not done.")
@click.option("--shop", type=SHOP, help="Only of this shop.")
@json_option
def list_(still_open: bool, shop: str | None, as_json: bool) -> None:
    """List requests, the nearest deadline first.

    LATE: orders of a redacted customer that came afterwards, and were stored without the customer.
    """
    with open_store() as (_, store):
        every = _ledger(store).every(shop=shop, still_open=still_open)
    if as_json:
        show_json([_document(one) for one in every])
    elif every:
        show_table(
            ("request", "topic", "due", "done", "export until", "late"),
            [
                (_name(one), one.topic, _at(one, "due_at"), _at(one, "done_at"),
                 _at(one, "export_ends_at"), one.late)
                for one in every
            ],
        )  # fmt: skip
    else:
        say("no request matches")


@compliance.command()
@click.argument("request", metavar="SHOP/WEBHOOK-ID", type=REF)
@json_option
def show(request: tuple[str, str], as_json: bool) -> None:
    """Show one request: its deadline, and the evidence of what was done.

    Exit code 3: there is no such request. What failed: avnu webhooks show SHOP/WEBHOOK-ID.
    """
    with open_store() as (_, store):
        found = _get(store, request)
    if as_json:
        show_json(_document(found))
        return
    show_facts(
        {
            "shop": found.shop,
            "request": found.id,
            "topic": found.topic,
            "subject": found.subject,
            "received": _at(found, "received_at"),
            "due": _at(found, "due_at"),
            "done": _at(found, "done_at") or "not yet",
            **{name.replace("_", " "): value for name, value in found.evidence.items()},
            "export": found.export,
            "export until": _at(found, "export_ends_at"),
            "late orders": found.late or None,
            "the last late order": _at(found, "late_at"),
            "reminded": _at(found, "reminded_at"),
        }
    )


@compliance.command()
@click.argument("request", metavar="SHOP/WEBHOOK-ID", type=REF)
@click.option("--path", "only_path", is_flag=True, help="Print where the file is, not the file.")
@audited
def export(request: tuple[str, str], only_path: bool) -> None:
    """Print the export of a customer's data request, which is JSON, to be given to the merchant.

    It holds personal data: send it to a file that nobody else reads. Exit code 3: there is no such
    request, it is not done yet, its export is past its time, or the file is on another host.
    """
    with open_store() as (settings, store):
        found = _get(store, request)
    exports = Exports(Path(settings.compliance_export_dir))
    if found.export is None or found.done_at is None:
        raise NotFound(f"{_name(found)} has no export (any more)")
    content = exports.read(found.export)
    click.echo(str(exports.folder / found.export) if only_path else content, nl=only_path)


def _ledger(store: Store) -> Ledger:
    return Ledger(store, SystemClock())


def _get(store: Store, request: tuple[str, str]) -> Request:
    try:
        return _ledger(store).get(*request)
    except LookupError:
        raise NotFound(f"no request {'/'.join(request)} is in the ledger") from None


def _name(request: Request) -> str:
    return f"{request.shop}/{request.id}"


def _document(request: Request) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(request)
    return document


def _at(request: Request, name: str) -> str:
    at = getattr(request, name)
    return at.isoformat(timespec="seconds") if at else ""
