"""The commands of ``avnu shops`` that take tokens in, or seal them anew."""

from typing import TextIO

import click

from avnu.cli.acting import audited, took_effect
from avnu.cli.found import SHOP
from avnu.cli.output import json_option, say, show_facts, show_json, write
from avnu.cli.shops_import import Fault, entries
from avnu.cli.store_session import installing, open_store, unpark
from avnu.cli.tokens_asked import ask_tokens
from avnu.clock import SystemClock
from avnu.errors import CheckFailed
from avnu.store.pairs import TokenPair
from avnu.store.rotation import rotate
from avnu.store.vault import require_vault


@click.command()
@click.argument("shop", type=SHOP)
@click.option("--plan", help="The shop's plan, as Shopify names it.")
@click.option("--scopes", help="What the token may do, separated by commas.")
@click.option(
    "--expires-in",
    type=click.IntRange(0),
    help="Seconds the access token still lives. Without it, one that has a refresh token is "
    "renewed at its first use, and one that has none is taken to live for ever.",
)
@click.option("--refresh-expires-in", type=click.IntRange(1), help="The same of the refresh token.")
@audited
def add(
    shop: str,
    plan: str | None,
    scopes: str | None,
    expires_in: int | None,
    refresh_expires_in: int | None,
) -> None:
    """Add a shop, or give one new tokens, and let its webhooks that wait run.

    The tokens are asked for, or read from stdin: the access token on the first line, the refresh
    token, if there is one, on the second.
    """
    with open_store() as (settings, store):
        shops = installing(settings, store)
        access, refresh = ask_tokens()
        life_s = 0 if expires_in is None and refresh else expires_in
        pair = TokenPair(access, refresh, life_s, refresh_expires_in)
        given = None if scopes is None else tuple(s.strip() for s in scopes.split(",") if s.strip())
        shops.install(shop, pair, plan=plan, scopes=given)
    write(f"{shop}: added")
    unpark([shop])


@click.command("import")
@click.argument("source", metavar="[FILE]", type=click.File("r", encoding="utf-8"), default="-")
@click.option("--replace", is_flag=True, help="Also of shops that have tokens already.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@audited
def import_(source: TextIO, replace: bool, dry_run: bool) -> None:
    """Import shops with their tokens: JSON, one object per line or a list, from FILE or stdin.

    Reads {"shop", "access_token", "refresh_token", "access_expires_at", "refresh_expires_at",
    "scopes", "plan"}, and dumps of the session tables of Shopify's libraries for Node.

    Exit code 1: some could not be read; the others are in.
    """
    taken: list[str] = []
    left = faults = 0
    with open_store() as (settings, store):
        shops = installing(settings, store)
        for entry in entries(source.read(), SystemClock().time()):
            if isinstance(entry, Fault):
                faults += 1
                say(f"number {entry.number} {entry.why}")
            elif dry_run or shops.install(
                entry.shop, entry.pair, plan=entry.plan, scopes=entry.scopes, replace=replace
            ):
                taken.append(entry.shop)
                took_effect()
            else:
                left += 1
    write(f"{'readable' if dry_run else 'imported'}: {len(taken):,}")
    if left:
        write(f"left alone, as they have tokens: {left:,}")
    if taken and not dry_run:
        unpark(taken)
    if faults:
        raise CheckFailed(f"{faults:,} could not be read")


@click.command("rotate-keys")
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 if there is work to do.")
@json_option
@audited
def rotate_keys(check: bool, as_json: bool) -> None:
    """Seal tokens and Avnu's own keys with the first of TOKEN_ENCRYPTION_KEYS, while all runs.

    The whole way, with no gap: add the new key last and restart everything; move it first and
    restart everything; rotate-keys; take the old key away. Run it again at will.

    Exit code 1: some tokens could not be opened with any key; they are named and left as they are.
    """
    with open_store() as (settings, store):
        done = rotate(store, require_vault(settings), dry_run=check)
    counts = {
        "to be sealed again" if check else "sealed again": done.sealed_again,
        "under the first key already": done.newest_already,
        "without tokens": done.without_tokens,
        "unreadable": len(done.unreadable),
        "own keys to be sealed again" if check else "own keys sealed again": done.own_sealed_again,
    }
    if as_json:
        show_json({name.replace(" ", "_"): n for name, n in counts.items()})
    else:
        show_facts(counts)
    if done.unreadable:
        named = ", ".join(done.unreadable[:20])
        raise CheckFailed(f"no key opens the tokens of {len(done.unreadable):,} shops: {named}")
    if done.own_unreadable:
        raise CheckFailed(f"no key opens Avnu's own keys: {', '.join(done.own_unreadable)}")
    if check and (done.sealed_again or done.own_sealed_again):
        raise CheckFailed("not all tokens are under the first key yet")
