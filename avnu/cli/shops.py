"""``avnu shops``: who has installed the app, how each stands, and their tokens (never shown)."""

import sys
from typing import Any

import click
import msgspec

from avnu.cli.acting import audited
from avnu.cli.budget import budget
from avnu.cli.choosing import confirm
from avnu.cli.found import SHOP
from avnu.cli.output import json_option, moment, say, show_facts, show_json, show_table, write
from avnu.cli.shops_export import export
from avnu.cli.shops_resync import comparisons, comparisons_text, resync
from avnu.cli.shops_subscriptions import subscriptions
from avnu.cli.shops_tokens import add, import_, rotate_keys
from avnu.cli.store_session import open_store, tokens, unpark
from avnu.clock import SystemClock
from avnu.errors import AvnuError, CheckFailed
from avnu.store.database import Store
from avnu.store.shops import Shop, Shops, Status

_TIMES = (
    "installed_at",
    "uninstalled_at",
    "access_expires_at",
    "access_due_at",
    "refresh_expires_at",
    "updated_at",
)


@click.group()
def shops() -> None:
    """Shops: add, import or export them with their tokens, see how they stand, resume one."""


shops.add_command(add)
shops.add_command(import_)
shops.add_command(export)
shops.add_command(rotate_keys)
shops.add_command(budget)
shops.add_command(subscriptions)
shops.add_command(resync)


@shops.command("list")
@click.option("--status", type=click.Choice([s.value for s in Status]), help="Only of this status.")
@json_option
def list_(status: str | None, as_json: bool) -> None:
    """List the shops."""
    with open_store() as (_, store):
        every = list(_shops(store).every(Status(status) if status else None))
    if as_json:
        show_json([_document(shop) for shop in every])
    elif every:
        show_table(
            ("shop", "status", "plan", "token", "until", "why"),
            [
                (one.domain, one.status, one.plan, _kind(one), _at(one, "access_expires_at"),
                 one.reason)
                for one in every
            ],
        )  # fmt: skip
    else:
        say("no shop matches")


@shops.command()
@click.argument("shop", type=SHOP)
@json_option
def show(shop: str, as_json: bool) -> None:
    """Show how one shop stands; of its tokens, only what kind they are and until when.

    Exit code 3: it is not in the database.
    """
    with open_store() as (_, store):
        found = _shops(store).get(shop)
        compared = comparisons(store, shop)
    if as_json:
        show_json(_document(found) | {"compared": compared})
        return
    show_facts(
        {
            "shop": found.domain,
            "status": found.status,
            "why": found.reason,
            "plan": found.plan,
            "scopes": ", ".join(found.scopes),
            "token": _kind(found),
            **{name.replace("_", " ")[:-3]: _at(found, name) for name in _TIMES},
            "refreshes failed": found.refresh_failures or None,
            "compared": comparisons_text(compared),
        }
    )


@shops.command()
@click.argument("shop", type=SHOP)
@click.option("--yes", is_flag=True, help="Do not ask.")
@audited
def remove(shop: str, yes: bool) -> None:
    """Remove a shop with its tokens from the database. Its webhooks are not touched."""
    with open_store() as (_, store):
        every = _shops(store)
        every.get(shop)
        confirm(f"remove {shop} and its tokens?", yes)
        every.remove(shop)
    write(f"{shop}: removed")


@shops.command()
@click.argument("names", metavar="SHOP…", type=SHOP, nargs=-1, required=True)
@audited
def refresh(names: tuple[str, ...]) -> None:
    """Ask Shopify for new tokens now.

    Exit code 1: one could not be refreshed. Its old token stays in use while it lives.
    """
    failed: list[str] = []
    with open_store() as (settings, store):
        live, every = tokens(settings, store), _shops(store)
        for name in names:
            try:
                every.make_due(name)
                live.get(name)
                _check_refreshed(every.get(name))
            except AvnuError as fault:
                if len(names) == 1:
                    raise
                failed.append(name)
                say(f"{name}: {fault}")
            else:
                write(f"{name}: refreshed")
    unpark(name for name in names if name not in failed)
    if failed:
        raise CheckFailed(f"{len(failed)} of {len(names)} could not be refreshed")


@shops.command()
@click.argument("shop", type=SHOP)
@audited
def resume(shop: str) -> None:
    """Try a shop again now that was frozen or unauthorised, and run its webhooks that wait."""
    with open_store() as (_, store):
        changed = _shops(store).resume(shop)
    if not changed:
        raise CheckFailed(f"{shop} has no token; give it one with: avnu shops add {shop}")
    write(f"{shop}: resumed")
    if not unpark([shop]):
        sys.exit(5)


def _shops(store: Store) -> Shops:
    return Shops(store, SystemClock())


def _check_refreshed(shop: Shop) -> None:
    if not shop.has_refresh_token:
        raise CheckFailed(f"{shop.domain} has no refresh token, so its token stays as it is")
    if shop.refresh_failures:
        raise CheckFailed(f"{shop.domain}: {shop.reason}")


def _kind(shop: Shop) -> str:
    if not shop.has_access_token:
        return "none"
    return "expiring" if shop.has_refresh_token or shop.access_expires_at else "lasting"


def _at(shop: Shop, name: str) -> str:
    value = getattr(shop, name)
    return "" if value is None else moment(int(value.timestamp() * 1000))


def _document(shop: Shop) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.structs.asdict(shop)
    return built | {name: _at(shop, name) or None for name in _TIMES} | {"token": _kind(shop)}
