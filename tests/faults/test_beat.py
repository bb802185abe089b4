"""Beats as real processes: the first is killed, and the server under the second."""

import itertools
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.programs import Beat
from tests.support.stack import Stack
from tests.support.waiting import wait_until

FOLLOWED_S = 30.0
EVERY_S = 10


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path, seed=1, settings={"TOKENS_EVERY_SECONDS": str(EVERY_S)})
    yield made
    made.close()


@pytest.mark.soak
def test_a_killed_beat_is_followed_and_a_killed_server_ends_none(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def sent() -> list[float]:
        """When each of the messages was sent, by its own time of expiry."""
        with stack.server.client(stack.settings.redis_queue_db) as queue:
            messages: Any = queue.lrange("fault:maintenance", 0, -1)
        heads = [msgspec.json.decode(one)["headers"] for one in messages]
        tokens = [head for head in heads if head["task"].endswith("refresh_tokens")]
        return sorted(datetime.fromisoformat(head["expires"]).timestamp() for head in tokens)

    with (
        Beat("one", tmp_path, stack.environ()) as one,
        Beat("two", tmp_path, stack.environ()) as two,
    ):
        one.start()
        wait_until(lambda: one.leads, 10, "the first leads")
        two.start()
        wait_until(lambda: len(sent()) == 2, 3 * EVERY_S, "two periods")
        assert not two.leads
        one.kill_all()
        killed_s, before = time.monotonic(), len(sent())
        wait_until(lambda: len(sent()) > before, FOLLOWED_S, "the second sends")
        took_s = time.monotonic() - killed_s
        assert two.leads
        stack.server.kill()
        wait_until(lambda: "Redis does not answer" in two.log, 15, "it is noticed")
        stack.server.start()
        back_s, before = time.monotonic(), len(sent())
        wait_until(lambda: len(sent()) > before, FOLLOWED_S, "it sends again")
        again_s = time.monotonic() - back_s
        assert two.running
        assert two.stop() == 0
        times = sent()
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert min(gaps) >= EVERY_S * 0.9, f"each period once: {gaps}"
    with capsys.disabled():
        print(f"\nkilled: followed after {took_s:.1f} s; Redis back: sends after {again_s:.1f} s")
