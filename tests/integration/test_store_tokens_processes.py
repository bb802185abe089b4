"""One refresh at a time across processes, and what a kill or a freeze in the middle leaves."""

import json
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from avnu.errors import TokenUnavailable
from avnu.secret import Secret
from avnu.store.shops import Shops, Status
from avnu.store.tokens import Tokens
from tests.support.token_caller import ask, start
from tests.support.token_server import SHOP, TokenServer, mark_of, pair_at
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.store_fixtures",)

PROCESSES, THREADS = 4, 5


def test_twenty_callers_in_four_processes_make_one_exchange(
    database: Secret, key: str, shopify: TokenServer, install: Callable[..., bool]
) -> None:
    install(pair_at(shopify, 0))
    with ExitStack() as stack:
        every = [
            stack.enter_context(start(database, [key], shopify.origin, SHOP, THREADS))
            for _ in range(PROCESSES)
        ]
        shopify.hold.clear()
        for process in every:
            ask(process)
        wait_until(lambda: shopify.requests, 10, "one asks")
        shopify.hold.set()
        ends = [process.communicate(timeout=30) for process in every]
    marks = [mark for out, _ in ends for mark in json.loads(out)]
    assert marks == [shopify.live] * PROCESSES * THREADS, [err for _, err in ends]
    assert (len(shopify.requests), shopify.most_at_once) == (1, 1)


@pytest.mark.parametrize("replacement_used", [False, True])
def test_a_kill_between_answer_and_commit_leaves_the_shop_usable_or_clearly_reported(
    *,
    replacement_used: bool,
    database: Secret,
    key: str,
    shopify: TokenServer,
    install: Callable[..., bool],
    shops: Shops,
    make_tokens: Callable[..., Tokens],
) -> None:
    install(pair_at(shopify, 0))
    lease_s = 1.5
    with start(
        database, [key], shopify.origin, SHOP, act="kill", options={"lease_s": lease_s}
    ) as killed:
        ask(killed)
        assert killed.wait(20) == -9
    assert len(shopify.requests) == 1
    if replacement_used:
        # Then the lost pair can be got by nobody.
        shopify.before = None
    # The dead process's lease holds the others up for its rest, and no longer.
    tokens = make_tokens(wait_s=lease_s + 5)
    if not replacement_used:
        assert mark_of(tokens.get(SHOP).secret.reveal()) == shopify.live
        assert [asked["refresh_token"] for asked in shopify.requests] == ["shprt_made_up_0"] * 2
        assert shops.get(SHOP).status is Status.INSTALLED
        return
    with pytest.raises(Exception, match="cut short, so a newer pair may have been lost"):
        tokens.get(SHOP)
    found = shops.get(SHOP)
    assert found.status is Status.UNAUTHORISED
    assert "cut short" in found.reason


def test_a_process_frozen_past_its_lease_stores_nothing(
    database: Secret,
    key: str,
    shopify: TokenServer,
    install: Callable[..., bool],
    make_tokens: Callable[..., Tokens],
) -> None:
    install(pair_at(shopify, 0))
    with start(
        database, [key], shopify.origin, SHOP, act="freeze", options={"lease_s": 1.5}
    ) as frozen:
        ask(frozen)
        try:
            wait_until(lambda: _state(frozen) == "T", 20, "it is frozen")
            stored = make_tokens(wait_s=10).get(SHOP)
        finally:
            frozen.send_signal(18)  # SIGCONT
        out, err = frozen.communicate(timeout=20)
    assert json.loads(out) == [TokenUnavailable.__name__], err
    assert "came too late to be stored" in err
    assert len(shopify.requests) == 2
    assert make_tokens().get(SHOP).secret == stored.secret
    assert mark_of(stored.secret.reveal()) == shopify.live


def _state(process: "subprocess.Popen[str]") -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2][0]
