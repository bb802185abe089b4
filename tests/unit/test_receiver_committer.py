"""Group commit, with an inbox that answers when the test says so."""

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import hiredis
import pytest

from avnu.errors import InboxUnavailable, NotDurable
from avnu.inbox.arrival import Answer, Arrival
from webhooks import committer as module
from webhooks.committer import GROUP_BYTES, GROUP_WEBHOOKS, Committer

OK = [b"OK", 1]
PROBE = [[b"SET", b"probe", b"1"], [b"DEL", b"probe"]]


class ScriptedLink:
    """Stands for a link: every round trip is taken down, and answered by the test."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self.closed = False
        self.asked: list[tuple[list[list[bytes]], asyncio.Future[list[object]]]] = []
        self.probe: list[object] | None = list(OK)
        self._tell: Any = None

    def when_lost(self, tell: Any) -> None:
        self._tell = tell

    async def ask(self, commands: Sequence[Sequence[bytes]]) -> list[object]:
        answered: asyncio.Future[list[object]] = asyncio.get_running_loop().create_future()
        if list(commands) == PROBE and self.probe is not None:
            return self.probe
        self.asked.append(([list(one) for one in commands], answered))
        return await answered

    async def close(self) -> None:
        self.closed = True

    def lose(self) -> None:
        self.lost.set()
        self._tell()


class Scripted:
    """Stands for the building of commands: one item per arrival."""

    def __init__(self, durable: bool = False) -> None:
        self._durable = durable

    def commands(self, arrivals: Sequence[Arrival]) -> list[list[bytes]]:
        group = [b"EVALSHA", *(arrival.webhook_id.encode() for arrival in arrivals)]
        return [group, [b"WAIT", b"1", b"100"]] if self._durable else [group]

    def load_command(self) -> list[bytes]:
        return [b"SCRIPT", b"LOAD", b"the script"]

    def answers(self, replies: Sequence[object]) -> list[Answer]:
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        if self._durable and replies[1] != 1:
            raise NotDurable("durability was not confirmed")
        letters = replies[0]
        assert isinstance(letters, bytes)
        return [{65: Answer.ACCEPTED, 68: Answer.DUPLICATE}[letter] for letter in letters]


class Bench:
    """A committer on scripted links; ``links`` holds those it opened."""

    def __init__(self, within_s: float = 5.0, durable: bool = False) -> None:
        self.links: list[ScriptedLink] = []
        self.down = False
        accepting: Any = Scripted(durable)
        self.committer = Committer(accepting, self._open, PROBE, within_s)

    async def _open(self) -> Any:
        if self.down:
            raise ConnectionRefusedError("nobody there")
        self.links.append(ScriptedLink())
        return self.links[-1]

    @property
    def link(self) -> ScriptedLink:
        return self.links[-1]

    def keep(self, n: int, size: int = 10) -> list["asyncio.Future[Answer]"]:
        return [self.committer.keep(arrival(f"w{i}", size)) for i in range(n)]

    async def asked(self, number: int) -> tuple[list[list[bytes]], "asyncio.Future[list[object]]"]:
        await until(lambda: len(self.link.asked) > number)
        return self.link.asked[number]


def arrival(webhook_id: str, size: int = 10) -> Arrival:
    return Arrival("s.myshopify.com", webhook_id, "t", "orders", False, b"m" * 32, b"x" * size)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # what is waited for tells nobody
            await asyncio.sleep(0)


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that is a coroutine, in an event loop of its own."""

    @functools.wraps(test)
    def run(**given: Any) -> None:
        asyncio.run(test(**given))

    return run


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_EVERY_S", 0.05)


@in_a_loop
async def test_what_arrives_during_a_round_trip_goes_with_the_next() -> None:
    bench = Bench()
    await bench.committer.start()
    first = bench.keep(1)
    commands, answered = await bench.asked(0)
    assert commands == [[b"EVALSHA", b"w0"]]
    later = bench.keep(3)
    await asyncio.sleep(0)
    assert len(bench.link.asked) == 1
    answered.set_result([b"A"])
    commands, answered = await bench.asked(1)
    assert commands == [[b"EVALSHA", b"w0", b"w1", b"w2"]]
    answered.set_result([b"ADA"])
    assert await asyncio.gather(*first, *later) == [
        Answer.ACCEPTED,
        Answer.ACCEPTED,
        Answer.DUPLICATE,
        Answer.ACCEPTED,
    ]
    await bench.committer.stop()
    assert bench.link.closed


@in_a_loop
async def test_groups_are_bounded_in_count_and_in_bytes() -> None:
    bench = Bench()
    await bench.committer.start()
    many = bench.keep(GROUP_WEBHOOKS + 5)
    sizes = []
    for number in range(2):
        commands, answered = await bench.asked(number)
        sizes.append(len(commands[0]) - 1)
        answered.set_result([b"A" * sizes[-1]])
    await asyncio.gather(*many)
    assert sizes == [GROUP_WEBHOOKS, 5]
    large = bench.keep(3, GROUP_BYTES - 1)
    for number in range(2, 5):
        commands, answered = await bench.asked(number)
        assert len(commands[0]) == 2
        answered.set_result([b"A"])
    await asyncio.gather(*large)
    await bench.committer.stop()


@in_a_loop
async def test_a_forgotten_script_is_loaded_and_the_group_sent_once_more() -> None:
    bench = Bench(durable=True)
    await bench.committer.start()
    kept = bench.keep(2)
    _, answered = await bench.asked(0)
    answered.set_result([hiredis.ReplyError("NOSCRIPT No matching script."), 0])
    commands, answered = await bench.asked(1)
    assert commands[0] == [b"SCRIPT", b"LOAD", b"the script"]
    assert [one[0] for one in commands[1:]] == [b"EVALSHA", b"WAIT"]
    answered.set_result([b"sha", b"AA", 1])
    assert await asyncio.gather(*kept) == [Answer.ACCEPTED] * 2
    await bench.committer.stop()


@in_a_loop
async def test_unconfirmed_durability_fails_the_group_and_not_the_link() -> None:
    bench = Bench(durable=True)
    await bench.committer.start()
    kept = bench.keep(1)
    (await bench.asked(0))[1].set_result([b"A", 0])
    with pytest.raises(InboxUnavailable, match="durability"):
        await kept[0]
    again = bench.keep(1)
    (await bench.asked(1))[1].set_result([b"D", 1])
    assert await again[0] == Answer.DUPLICATE
    assert len(bench.links) == 1
    await bench.committer.stop()


@pytest.mark.parametrize(
    "replies",
    [
        [hiredis.ReplyError("OOM command not allowed when used memory > 'maxmemory'.")],
        [hiredis.ReplyError("READONLY You can't write against a read only replica.")],
        [b"nonsense"],
        [],
    ],
)
@in_a_loop
async def test_any_error_fails_the_group_and_what_waits_and_then_at_once(
    replies: list[object],
) -> None:
    bench = Bench()
    await bench.committer.start()
    first = bench.keep(1)
    _, answered = await bench.asked(0)
    waiting = bench.keep(2)
    bench.down = True
    answered.set_result(replies)
    for kept in [*first, *waiting]:
        with pytest.raises(InboxUnavailable):
            await kept
    assert bench.link.closed
    assert bench.committer.refusing
    with pytest.raises(InboxUnavailable):
        bench.keep(1)
    bench.down = False
    await until(lambda: not bench.committer.refusing)
    kept = bench.keep(1)[0]
    (await bench.asked(0))[1].set_result([b"A"])
    assert await kept == Answer.ACCEPTED
    await bench.committer.stop()


@in_a_loop
@pytest.mark.alone
async def test_no_answer_ends_after_its_time_in_line_and_in_flight_together() -> None:
    bench = Bench(within_s=0.3)
    await bench.committer.start()
    began_s = time.monotonic()
    first = bench.keep(1)
    await bench.asked(0)
    await asyncio.sleep(0.15)
    waiting = bench.keep(1)
    bench.down = True
    for kept in [*first, *waiting]:
        with pytest.raises(InboxUnavailable):
            await kept
    assert time.monotonic() - began_s < 0.45
    await bench.committer.stop()


@in_a_loop
async def test_a_server_that_answers_but_cannot_be_written_stays_out_of_reach() -> None:
    bench = Bench()
    bench.down = True
    await bench.committer.start()
    assert bench.committer.refusing
    original = bench._open

    async def open_read_only() -> Any:
        link = await original()
        link.probe = [hiredis.ReplyError("READONLY"), 0]
        return link

    bench.committer._connect = open_read_only
    bench.down = False
    await until(lambda: len(bench.links) >= 3)
    assert bench.committer.refusing
    assert all(link.closed for link in bench.links[:-1])
    await bench.committer.stop()


@in_a_loop
async def test_a_connection_lost_while_idle_costs_no_delivery() -> None:
    bench = Bench()
    await bench.committer.start()
    bench.link.lose()
    kept = bench.keep(1)[0]
    await until(lambda: len(bench.links) == 2)
    (await bench.asked(0))[1].set_result([b"A"])
    assert await kept == Answer.ACCEPTED
    await bench.committer.stop()


@in_a_loop
async def test_the_end_answers_what_waits_first() -> None:
    bench = Bench()
    await bench.committer.start()
    kept = bench.keep(2)
    _, answered = await bench.asked(0)
    later = bench.keep(1)
    stopping = asyncio.create_task(bench.committer.stop())
    await asyncio.sleep(0)
    answered.set_result([b"AA"])
    (await bench.asked(1))[1].set_result([b"A"])
    await stopping
    assert await asyncio.gather(*kept, *later) == [Answer.ACCEPTED] * 3
    with pytest.raises(InboxUnavailable):
        bench.keep(1)
