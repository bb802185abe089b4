"""No token, key or client secret in any log at DEBUG, error or repr, whatever happens."""

import json
import logging
import traceback
from collections.abc import Callable

import pytest

from avnu.errors import AvnuError
from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.pairs import TokenPair
from avnu.store.rotation import rotate
from avnu.store.shops import Shops
from avnu.store.tables import shops as table
from avnu.store.tokens import Tokens
from avnu.store.vault import Vault
from tests.support.token_caller import ask, start
from tests.support.token_server import CLIENT_SECRET, SHOP, TokenServer, pair_at

pytest_plugins = ("tests.support.store_fixtures",)


def test_nothing_that_is_said_holds_a_secret(
    *,
    install: Callable[..., bool],
    make_tokens: Callable[..., Tokens],
    shopify: TokenServer,
    store: Store,
    shops: Shops,
    key: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "urllib3", "alembic"):
        caplog.set_level(logging.DEBUG, logger=name)
    said: list[str] = []

    def note(act: Callable[[], object]) -> None:
        try:
            said.append(repr(act()))
        except AvnuError as fault:
            said.append("".join(traceback.format_exception(fault)))
            said.append(f"{fault!r} {fault.args}")

    echo = json.dumps({"error": shopify.current, "access_token": shopify.access}).encode()
    tokens = make_tokens()
    install(pair_at(shopify, 0))
    shopify.answers = [
        (520, echo),
        (200, echo[:-5]),
        (400, echo),
        (401, echo),
        (400, b'{"error":"invalid_grant"}'),
        lambda good: good,
    ]
    for _ in range(6):
        with store.writing() as connection:
            connection.execute(table.update().values(refresh_after=None))
        note(lambda: make_tokens().get(SHOP))
    seen = tokens.get(SHOP)
    for thing in (seen, tokens, pair_at(shopify, 0), shops.get(SHOP), store, Vault((Secret(key),))):
        said += [repr(thing), str(thing)]
    note(lambda: tokens.refresh(SHOP, seen))
    note(lambda: install(TokenPair(Secret("shpat_lasting"))))
    note(lambda: make_tokens().refresh(SHOP, make_tokens().get(SHOP)))
    note(lambda: rotate(store, Vault((Secret(key),))))
    # A row that cannot be opened, and a statement that fails with tokens among its parameters.
    with store.writing() as connection:
        connection.execute(table.update().values(access_token="shpat_never_sealed"))
    note(lambda: make_tokens().get(SHOP))
    with pytest.raises(Exception, match=r"UNIQUE|duplicate") as caught:
        _insert_twice(store, shopify.issued[1])
    said += traceback.format_exception(caught.value)

    assert len(shopify.requests) >= 6
    text = "\n".join([*said, caplog.text, *(repr(record.args) for record in caplog.records)])
    assert "refresh failed" in text
    assert "urllib3" in text
    assert "SELECT" in text, "the statements are logged, or this test looks at nothing"
    # A sealed token says nothing to a reader of logs, and yet has no business there.
    secrets = {*shopify.issued, "shpat_lasting", "shpat_never_sealed", "gAAAA", CLIENT_SECRET, key}
    assert [secret for secret in secrets if secret in text] == []


def _insert_twice(store: Store, token: str) -> None:
    with store.writing() as connection:
        row = dict(connection.execute(table.select()).one()._mapping)
        connection.execute(table.insert().values({**row, "access_token": token}))


def test_a_process_at_debug_says_no_secret(
    database: Secret, key: str, shopify: TokenServer, install: Callable[..., bool]
) -> None:
    install(pair_at(shopify, 0))
    with start(database, [key], shopify.origin, SHOP, threads=3) as process:
        ask(process)
        out, err = process.communicate(timeout=30)
    assert "tokens refreshed" in err
    assert "urllib3" in err
    secrets = {*shopify.issued, "gAAAA", CLIENT_SECRET, key}
    assert [secret for secret in secrets if secret in out + err] == []
