"""A stack whose handlers call a sandbox: the shops that have the app, and what the sandbox saw."""

import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from avnu import keys
from avnu.clock import SystemClock
from avnu.sandbox.admin import AdminSandbox, World
from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.installing import Installing
from avnu.store.pairs import TokenPair
from avnu.store.vault import require_vault
from tests.support.deliveries import SECRET
from tests.support.deployment import PATIENT
from tests.support.stack import Stack

CLIENT_ID = "made-up-client-id"


@contextmanager
def sandboxed() -> Iterator[AdminSandbox]:
    """A sandbox for the app whose secret the stack's webhooks are signed with."""
    with AdminSandbox(
        World(), SystemClock(), client_id=CLIENT_ID, client_secret=Secret(SECRET.decode())
    ) as sandbox:
        yield sandbox


# For a test of silence, which is over soon with these: a busy machine is silent too.
QUICK = {"SHOPIFY_READ_TIMEOUT_MS": "600", "SHOPIFY_TOTAL_TIMEOUT_MS": "1000"}


def calling(sandbox: AdminSandbox, **more: str) -> Mapping[str, str]:
    """The stack's settings: parked for a short time, patient with a sandbox that is slow."""
    return {
        "SHOPIFY_API_KEY": CLIENT_ID,
        "SHOPIFY_ADMIN_ORIGIN": sandbox.origin,
        **PATIENT,
        "PARK_FIRST_SECONDS": "1",
        "PARK_LONGEST_SECONDS": "2",
        "BREAKER_MIN_CALLS": "6",
        "BREAKER_OPEN_MS": "1500",
        **more,
    }


def install(
    stack: Stack, sandbox: AdminSandbox, shops: Iterable[str], life_s: float = 3600
) -> None:
    """The shops (short names) install the app; tokens live ``life_s``."""
    with Store(stack.settings.database_url) as store:
        vault = require_vault(stack.settings)
        taking = Installing(store, vault, SystemClock(), random.Random(1))
        for shop in shops:
            issued = sandbox.tokens.issue(keys.domain(shop))
            pair = TokenPair(
                Secret(issued.access_token), Secret(issued.refresh_token or ""), life_s
            )
            taking.install(keys.domain(shop), pair)


def causes(stack: Stack) -> dict[str, str]:
    """Why each parked shop waits, by short name."""
    found = {}
    for area in stack.inbox.areas:
        for shop, place in stack.client.hgetall(stack.key("place", area)).items():
            fields = place.decode().split("\t")
            if fields[0].startswith("p"):
                found[shop.decode()] = fields[4]
    return found
