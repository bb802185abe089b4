"""``avnu shops export``: the way back, for a service that takes the shops over from Avnu."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

from avnu.cli.acting import audited
from avnu.cli.output import say
from avnu.cli.store_session import open_store
from avnu.errors import CheckFailed
from avnu.store.exporting import Exported, Unreadable, exported
from avnu.store.vault import require_vault


@click.command("export")
@click.option("--with-tokens", is_flag=True, help="Must be said: whoever has them acts as the app.")
@click.option(
    "--to", "file", type=click.Path(dir_okay=False), metavar="FILE",
    help="A new file that only its owner reads (0600), in place of stdout.",
)  # fmt: skip
@audited
def export(with_tokens: bool, file: str | None) -> None:
    """Print each shop with its tokens, one JSON object per line, as import reads them.

    Stop workers and beat before: a pair that Avnu refreshes afterwards is dead in the export.

    Exit code 1: no key opens the tokens of some; the others are there.
    """
    if not with_tokens:
        raise click.UsageError("the shops' tokens are secrets: say --with-tokens if you want them")
    unreadable: list[str] = []
    count = 0
    with open_store() as (settings, store):
        vault = require_vault(settings)
        with _opened(file) as out:
            for shop in exported(store, vault):
                if isinstance(shop, Unreadable):
                    unreadable.append(shop.domain)
                else:
                    out.write(json.dumps(_document(shop)) + "\n")
                    count += 1
    say(f"exported: {count:,}")
    if unreadable:
        named = ", ".join(unreadable[:20])
        raise CheckFailed(f"no key opens the tokens of {len(unreadable):,} shops: {named}")


@contextmanager
def _opened(file: str | None) -> Iterator[TextIO]:
    if file is None:
        yield sys.stdout
        return
    try:
        # Never one that is there: its mode, or its readers, may be anybody's.
        made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as fault:
        raise click.UsageError(f"{file} cannot be made: {fault.strerror}") from None
    with os.fdopen(made, "w", encoding="utf-8") as out:
        yield out


def _document(shop: Exported) -> dict[str, Any]:
    times = {
        "access_expires_at": shop.access_expires_at,
        "refresh_expires_at": shop.refresh_expires_at,
    }
    return {
        "shop": shop.domain,
        "access_token": shop.access.reveal(),
        **({"refresh_token": shop.refresh.reveal()} if shop.refresh else {}),
        **{name: at.isoformat() for name, at in times.items() if at is not None},
        **({"scopes": list(shop.scopes)} if shop.scopes else {}),
        **({"plan": shop.plan} if shop.plan else {}),
    }
