"""Keys that Avnu makes for itself, once, and keeps in the database, sealed by the vault.

They outlive TOKEN_ENCRYPTION_KEYS: ``avnu shops rotate-keys`` seals them anew like the tokens.
"""

from sqlalchemy import select

from avnu.errors import TokenUnreadable
from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.inserting import insert_if_new
from avnu.store.tables import secrets
from avnu.store.vault import Vault

# What stands in the place of the shop: these belong to none.
NO_SHOP = ""


def own_key(store: Store, vault: Vault, name: str, fresh: bytes) -> bytes:
    """The key of this name, the same in every process; ``fresh`` becomes it where there is none.

    Opens transactions of its own. Raises StoreUnavailable, and TokenUnreadable when no key of
    TOKEN_ENCRYPTION_KEYS opens it.
    """
    sealed = _sealed(store, name)
    if sealed is None:
        _make(store, name, vault.seal(NO_SHOP, name, Secret(fresh.hex())))
        # Read again, as another process may have been first.
        sealed = _sealed(store, name)
        assert sealed is not None
    return bytes.fromhex(open_own(vault, name, sealed).reveal())


def open_own(vault: Vault, name: str, sealed: str) -> Secret:
    """The key as text. Raises TokenUnreadable."""
    try:
        return vault.open(NO_SHOP, name, sealed)
    except TokenUnreadable:
        raise TokenUnreadable(
            f"Avnu's own key {name!r} cannot be read: no key of TOKEN_ENCRYPTION_KEYS opens it; "
            "add the key it was sealed with"
        ) from None


def _sealed(store: Store, name: str) -> str | None:
    query = select(secrets.c.sealed).where(secrets.c.name == name)
    with store.reading() as connection:
        return connection.execute(query).scalar_one_or_none()


def _make(store: Store, name: str, sealed: str) -> None:
    with store.writing() as connection:
        statement = insert_if_new(connection.dialect.name, secrets)
        connection.execute(statement.values(name=name, sealed=sealed))
