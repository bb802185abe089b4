"""``avnu demo``: as a process, small; it reconciles, and leaves nothing however it ends."""

import re
import signal
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from avnu.cli import demo as demo_module
from avnu.cli.demo_accounts import Accounts
from tests.support.command import marked, runner, start
from tests.support.waiting import wait_until

LINE = re.compile(
    r"sent=(\d+) accepted=(\d+) duplicates=(\d+) replayed=(\d+) rejected=(\d+) ignored=(\d+) "
    r"unavailable=(\d+) settled=(\d+) retried=(\d+) dead=(\d+) lost=0 "
    r"api_calls=(\d+) api_saved=(\d+) throttled=0 differences=0"
)
# As many as each kind of mischief needs to happen at all.
SMALL = ["demo", "--deliveries", "500", "--shops", "6"]
# Whatever is set must not matter: the demo has a server and settings of its own.
ELSEWHERE = {
    "REDIS_HOST": "192.0.2.1",
    "AVNU_PORT": "1",
    "SHOPIFY_API_SECRET": "x",
    "LOG_LEVEL": "?",
}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """An environment whose temporary files all go to one folder, empty at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield {**ELSEWHERE, "TMPDIR": str(folder)}
    assert list(folder.iterdir()) == []


@pytest.mark.timeout(240)
def test_a_small_one(tmp_path: Path, temporary: dict[str, str]) -> None:
    mark = uuid.uuid4().hex
    process = start(SMALL, temporary, tmp_path, mark)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err.decode()
    assert marked(mark) == []
    last = LINE.fullmatch(out.decode().splitlines()[-1])
    assert last, out.decode()
    (
        sent, accepted, duplicates, replayed, rejected, ignored, unavailable, settled, _, dead,
        calls, saved,
    ) = map(int, last.groups())  # fmt: skip
    assert sent == accepted + duplicates + replayed + rejected + ignored + unavailable
    assert accepted == settled + dead
    assert min(accepted, duplicates, replayed, rejected, ignored, settled, dead) > 0
    assert 0 < calls < saved
    assert b"killed the worker (-9)" in err
    assert b"\x1b" not in out + err


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, b"starting"),
        (signal.SIGTERM, b"starting"),
        (signal.SIGTERM, b"delivering"),
        pytest.param(signal.SIGINT, b"delivering", marks=pytest.mark.soak),
    ],
)
def test_ended_early_it_leaves_nothing(
    tmp_path: Path, temporary: dict[str, str], number: signal.Signals, moment: bytes
) -> None:
    mark = uuid.uuid4().hex
    process = start(SMALL, temporary, tmp_path, mark)
    assert process.stderr is not None
    seen = b""
    while moment not in seen:
        line = process.stderr.readline()
        assert line, seen
        seen += line
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"lost=" not in out
    assert marked(mark) == []


def test_killed_it_leaves_no_process(tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    process = start(SMALL, {"TMPDIR": str(tmp_path)}, tmp_path, mark)
    assert process.stderr is not None
    while b"delivering" not in process.stderr.readline():
        pass
    process.kill()
    process.communicate(timeout=40)
    wait_until(lambda: not marked(mark), 30, "its programs had ended")


def test_a_disagreement_is_an_error(
    temporary: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (
        "sent", "accepted", "duplicates", "replayed", "rejected", "ignored", "unavailable",
        "settled", "retried", "dead", "lost",
    )  # fmt: skip
    kept: list[Path] = []

    def play(folder: Path, *_: int) -> Accounts:
        kept.append(folder)
        return Accounts(dict.fromkeys(names, 1), [], ["lost: 1 (one.myshopify.com/a\x1b)"])

    monkeypatch.setattr(demo_module, "_play", play)
    result = runner(temporary)("demo")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].endswith("dead=1 lost=1")
    assert "disagreement: lost: 1 (one.myshopify.com/a\\x1b)" in result.stderr
    assert f"kept in {kept[0]}" in result.stderr
    kept[0].rmdir()
