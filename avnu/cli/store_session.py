"""What commands about shops work with: the database, and tokens where they are needed."""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from avnu.cli.output import say
from avnu.cli.session import open_inbox
from avnu.clock import SystemClock
from avnu.errors import CannotReach, SettingsInvalid
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
    """Takes tokens in. Raises SettingsInvalid without TOKEN_ENCRYPTION_KEYS."""
    return Installing(store, require_vault(settings), SystemClock(), random.SystemRandom())


def tokens(settings: Settings, store: Store) -> Tokens:
    """Refreshes tokens. Raises SettingsInvalid without keys or the app's credentials."""
    clock = SystemClock()
    endpoint = TokenEndpoint(settings, Transport(settings, clock))
    vault = require_vault(settings)
    return Tokens(store, vault, endpoint.exchange, clock, random.SystemRandom())


def unpark(shops: Iterable[str]) -> bool:
    """Let webhooks that wait for these shops run now; False, and a word, if Redis is away.

    They run by themselves later, so that is no reason to fail.
    """
    try:
        with open_inbox() as inbox:
            for shop in shops:
                inbox.unpark(shop)
    except (CannotReach, SettingsInvalid) as fault:
        say(f"its webhooks that wait go on when their time comes, not at once: {fault}")
        return False
    return True
