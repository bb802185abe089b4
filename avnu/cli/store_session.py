"""What commands about shops work with: the database, and tokens where they are needed."""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from avnu.cli.session import let_go_on
from avnu.clock import SystemClock
from avnu.reconcile.starting import due_now
from avnu.settings import Settings, load_settings
from avnu.shopify.exchange import TokenEndpoint
from avnu.shopify.transport import Transport
from avnu.store.database import Store
from avnu.store.installing import Installing
from avnu.store.schema import require_schema
from avnu.store.tokens import Tokens
from avnu.store.vault import require_vault


@contextmanager
def open_store() -> Iterator[tuple[Settings, Store]]:
    """The database that the settings name, closed afterwards.

    Raises SettingsInvalid (exit code 2), StoreOutdated (1) and StoreUnavailable (5).
    """
    settings = load_settings()
    with Store(settings.database_url) as store:
        require_schema(store)
        yield settings, store


def installing(settings: Settings, store: Store) -> Installing:
    """Takes tokens in; who comes back is reconciled. Raises SettingsInvalid without keys."""
    return Installing(
        store, require_vault(settings), SystemClock(), random.SystemRandom(),
        returning=lambda shop: due_now(store, shop),
    )  # fmt: skip


def tokens(settings: Settings, store: Store) -> Tokens:
    """Refreshes tokens. Raises SettingsInvalid without keys or the app's credentials."""
    clock = SystemClock()
    endpoint = TokenEndpoint(settings, Transport(settings, clock))
    vault = require_vault(settings)
    return Tokens(store, vault, endpoint.exchange, clock, random.SystemRandom())


def unpark(shops: Iterable[str]) -> bool:
    """Let webhooks that wait for these shops run now; False, and a word, if Redis is away."""
    names = list(shops)
    return let_go_on(lambda inbox: sum(inbox.unpark(name) > 0 for name in names))
