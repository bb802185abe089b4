"""Sealing every stored token, and Avnu's own keys, again with the newest key, while all runs."""

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Row, select, update

from avnu.errors import TokenUnreadable
from avnu.store.database import Store
from avnu.store.own_keys import NO_SHOP, open_own
from avnu.store.pairs import ACCESS, REFRESH
from avnu.store.tables import secrets, shops
from avnu.store.vault import Vault

_PAGE = 200
_TOKENS = (ACCESS, REFRESH)


class Rotation(msgspec.Struct):
    """How it went, in shops; ``unreadable`` names those whose tokens no key of ours opens.

    The two below are the same for keys that Avnu made for itself.
    """

    sealed_again: int = 0
    newest_already: int = 0
    without_tokens: int = 0
    unreadable: list[str] = msgspec.field(default_factory=list)
    own_sealed_again: int = 0
    own_unreadable: list[str] = msgspec.field(default_factory=list)


def rotate(store: Store, vault: Vault, *, dry_run: bool = False) -> Rotation:
    """Seal again what the newest key has not sealed. Safe at any time, and to be repeated.

    One short transaction per shop, which writes only where the tokens are still those it read: a
    refresh at the same moment wins, and the shop is looked at again. With ``dry_run`` nothing is
    written, and ``sealed_again`` says what would be. Raises StoreUnavailable.
    """
    done = Rotation()
    for row in _rows(store):
        found: Row[Any] | None = row
        while found is not None and not _rotate_one(store, vault, found, done, dry_run=dry_run):
            found = _again(store, row.domain)  # None: removed meanwhile
    _rotate_own(store, vault, done, dry_run=dry_run)
    return done


def _rotate_own(store: Store, vault: Vault, done: Rotation, *, dry_run: bool) -> None:
    """Keys that never change, so whoever seals one again writes the same."""
    with store.reading() as connection:
        rows = connection.execute(select(secrets).order_by(secrets.c.name)).all()
    for name, sealed in rows:
        try:
            opened = open_own(vault, name, sealed)
        except TokenUnreadable:
            done.own_unreadable.append(name)
            continue
        if vault.is_newest(sealed):
            continue
        done.own_sealed_again += 1
        if not dry_run:
            again = vault.seal(NO_SHOP, name, opened)
            with store.writing() as connection:
                connection.execute(
                    update(secrets).where(secrets.c.name == name).values(sealed=again)
                )


def _rotate_one(
    store: Store, vault: Vault, row: Row[Any], done: Rotation, *, dry_run: bool
) -> bool:
    """False when the tokens have changed since they were read."""
    sealed = {name: getattr(row, name) for name in _TOKENS if getattr(row, name) is not None}
    if not sealed:
        done.without_tokens += 1
        return True
    try:
        # Opened even if the key is right: a swapped row is reported, and not sealed again.
        opened = {name: vault.open(row.domain, name, value) for name, value in sealed.items()}
    except TokenUnreadable:
        done.unreadable.append(row.domain)
        return True
    if all(vault.is_newest(value) for value in sealed.values()):
        done.newest_already += 1
        return True
    if not dry_run:
        changes = {name: vault.seal(row.domain, name, text) for name, text in opened.items()}
        if not _write(store, row, changes):
            return False
    done.sealed_again += 1
    return True


def _write(store: Store, row: Row[Any], changes: dict[str, str]) -> bool:
    unchanged = (shops.c[name].is_not_distinct_from(getattr(row, name)) for name in _TOKENS)
    statement = update(shops).where(shops.c.domain == row.domain, *unchanged).values(changes)
    with store.writing() as connection:
        return bool(connection.execute(statement).rowcount)


def _rows(store: Store) -> Iterator[Row[Any]]:
    after = ""
    while True:
        query = select(shops.c.domain, *(shops.c[name] for name in _TOKENS))
        query = query.where(shops.c.domain > after).order_by(shops.c.domain).limit(_PAGE)
        with store.reading() as connection:
            rows = connection.execute(query).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        after = rows[-1].domain


def _again(store: Store, domain: str) -> Row[Any] | None:
    query = select(shops.c.domain, *(shops.c[name] for name in _TOKENS))
    with store.reading() as connection:
        return connection.execute(query.where(shops.c.domain == domain)).one_or_none()
