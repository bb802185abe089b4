"""A process of its own that asks for a shop's token in several threads: run with ``-m``.

Reads one JSON document from stdin, says ``ready``, waits for a second line, then prints a JSON list
with, per thread, the mark of its token or the name of its error. ``act`` says what happens between
Shopify's answer and the commit: ``kill`` or ``freeze``.
"""

import json
import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from avnu.clock import SystemClock
from avnu.errors import AvnuError
from avnu.logs import configure_logging
from avnu.secret import Secret
from avnu.settings import Settings
from avnu.shopify.exchange import TokenEndpoint
from avnu.shopify.transport import Transport
from avnu.store.database import Store
from avnu.store.pairs import TokenPair
from avnu.store.tokens import Tokens
from avnu.store.vault import Vault
from tests.support.token_server import CLIENT_ID, CLIENT_SECRET, mark_of

_ROOT = Path(__file__).parents[2]
_SIGNALS = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}


def tokens_for(store: Store, keys: list[str], origin: str, act: str = "", **options: Any) -> Tokens:
    """Tokens that are refreshed at ``origin``."""
    settings = Settings.load(
        {
            "SHOPIFY_API_KEY": CLIENT_ID,
            "SHOPIFY_API_SECRET": CLIENT_SECRET,
            "SHOPIFY_ADMIN_ORIGIN": origin,
        }
    )
    clock = SystemClock()
    endpoint = TokenEndpoint(settings, Transport(settings, clock))

    def exchange(shop: str, refresh_token: Secret) -> TokenPair:
        pair = endpoint.exchange(shop, refresh_token)
        if act:
            # To this thread: one that goes to the process may be taken by another, and this one
            # then runs on for a moment, into the transaction that must not have begun.
            signal.pthread_kill(threading.get_ident(), _SIGNALS[act])
        return pair

    vault = Vault(tuple(map(Secret, keys)))
    return Tokens(store, vault, exchange, clock, random.Random(), **options)


def start(
    database: Secret, keys: list[str], origin: str, shop: str, threads: int = 1, **more: Any
) -> "subprocess.Popen[str]":
    """The process, ready to ask; ``ask`` lets it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.token_caller"],
        cwd=_ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wanted = {"database": database.reveal(), "keys": keys, "origin": origin, "shop": shop}
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({**wanted, "threads": threads, **more}) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    assert line == "ready\n", process.communicate()[1]
    return process


def ask(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def main() -> None:
    configure_logging(Settings.load({"LOG_LEVEL": "DEBUG"}))
    wanted = json.loads(sys.stdin.readline())
    store = Store(Secret(wanted["database"]))
    tokens = tokens_for(
        store, wanted["keys"], wanted["origin"], wanted.get("act", ""), **wanted.get("options", {})
    )

    def call(_: int) -> str:
        try:
            return mark_of(tokens.get(wanted["shop"]).secret.reveal())
        except AvnuError as fault:
            return type(fault).__name__

    with ThreadPoolExecutor(wanted["threads"]) as pool:
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(list(pool.map(call, range(wanted["threads"])))), flush=True)


if __name__ == "__main__":
    main()
