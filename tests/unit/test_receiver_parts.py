"""The receiver's small parts: room for bodies, counters, the limit for slow ones, durability."""

import socket
from collections.abc import Mapping
from typing import Any

import pytest

from avnu.clock import SystemClock
from avnu.errors import InboxUnavailable, NotDurable
from avnu.inbox.accept import Accepting
from avnu.inbox.arrival import Answer
from avnu.lua import Script
from avnu.settings import Settings
from tests.support.waiting import wait_until
from webhooks import replies
from webhooks.counts import Counts
from webhooks.room import Room
from webhooks.wsgi_body import SlowBodies, socket_of


def test_room_is_given_whole_or_not_at_all() -> None:
    room = Room(100)
    assert room.take(60)
    assert not room.take(41)
    assert room.taken == 60
    assert room.take(40)
    assert not room.take(1)
    room.give_back(60)
    assert room.take(60)


class Counters:
    """Stands for the inbox: takes counters, or is out of reach."""

    def __init__(self) -> None:
        self.reachable = True
        self.seen: list[dict[str, int]] = []

    def flush_counters(self, counters: Mapping[str, int]) -> bool:
        if not self.reachable:
            raise InboxUnavailable("down")
        self.seen.append(dict(counters))
        return False


def test_counters_survive_an_inbox_out_of_reach() -> None:
    counts, inbox = Counts(), Counters()
    there: Any = inbox
    counts.add(replies.UNSIGNED, 9.0)
    inbox.reachable = False
    with pytest.raises(InboxUnavailable):
        counts.flush(there)
    counts.add(replies.UNSIGNED, 9.0)
    counts.add(replies.NOT_FOLLOWED, 0.005)
    counts.add(replies.KEPT, 0.3)
    inbox.reachable = True
    counts.flush(there)
    counts.flush(there)
    told = {"rejected": 2, "ignored": 1, "kept": 1}
    took = {"ack:le:0.005": 1, "ack:le:0.5": 1, "ack:us": 305_000}
    assert inbox.seen == [told | took, {}]


def test_a_slow_body_loses_its_socket_and_a_quick_one_does_not() -> None:
    bodies = SlowBodies(0.1, SystemClock())
    ours, theirs = socket.socketpair()
    with bodies.reading(ours) as quick:
        pass
    with bodies.reading(ours) as slow:
        assert ours.recv(10) == b""
        wait_until(lambda: slow.late, 5, "it is noted")
    assert (quick.late, slow.late) == (False, True)
    ours.sendall(b"answer")  # the other direction stays open
    assert theirs.recv(10) == b"answer"
    ours.close()
    theirs.close()


def test_the_watcher_starts_again_after_a_rest() -> None:
    bodies = SlowBodies(0.05, SystemClock())
    for _ in range(3):
        with bodies.reading(None) as reading:
            wait_until(lambda: reading.late, 5, "it is late")
        wait_until(lambda: bodies._watcher is None, 5, "the watcher has gone home")


def test_the_socket_is_found_where_a_server_puts_it() -> None:
    ours, theirs = socket.socketpair()
    assert socket_of({"gunicorn.socket": ours}) is ours
    assert socket_of({"werkzeug.socket": theirs}) is theirs
    assert socket_of({"wsgi.input": object()}) is None
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    ("durability", "wait", "confirmed", "short"),
    [
        ("fsync", [b"WAITAOF", b"1", b"0", b"500"], [1, 0], [0, 0]),
        ("replica", [b"WAIT", b"2", b"500"], 2, 1),
    ],
)
def test_a_group_is_answered_once_enough_copies_have_confirmed(
    durability: str, wait: list[bytes], confirmed: object, short: object
) -> None:
    settings = Settings.load(
        {
            "INBOX_DURABILITY": durability,
            "INBOX_DURABILITY_REPLICAS": "2",
            "INBOX_DURABILITY_TIMEOUT_MS": "500",
        }
    )
    scripts: Any = {"accept": Script("accept", b"text", b"sha")}
    accepting = Accepting(settings, scripts)
    assert accepting.commands([]) == [[b"EVALSHA", b"sha", b"0"], wait]
    assert accepting.load_command() == [b"SCRIPT", b"LOAD", b"text"]
    assert accepting.answers([b"AD", confirmed]) == [Answer.ACCEPTED, Answer.DUPLICATE]
    with pytest.raises(NotDurable):
        accepting.answers([b"A", short])
    with pytest.raises(RuntimeError, match="first"):
        accepting.answers([RuntimeError("first"), RuntimeError("second")])
