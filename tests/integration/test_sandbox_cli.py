"""``avnu simulate`` from the outside: what it prints, and how it ends."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from avnu.cli import main
from tests.support.stub_receiver import SECRET, StubReceiver, serving

Run = Any


@pytest.fixture
def stub() -> Iterator[StubReceiver]:
    with serving() as server:
        yield server


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs ``avnu simulate …`` in an empty folder, with a secret in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOPIFY_API_SECRET", SECRET)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["simulate", *arguments])

    return run


@pytest.fixture
def nobody() -> str:
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/webhooks/shopify"


def test_a_day(simulate: Run, stub: StubReceiver) -> None:
    arguments = ["run", "--url", stub.url, "--deliveries", "300", "--seed", "3", "--json"]
    result = simulate(*arguments, "--day", "2026-11-20", "--all-mischief", "--dropped", "0")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["seed"], told["day"], told["faults"]) == (3, "2026-11-20", [])
    assert "dropped" not in told["deliveries"]
    assert told["deliveries"]["forged"] == 6
    assert told["expected"]["accepted"] == stub.rules.counted["accepted"] == len(stub.rules.kept)
    assert told["expected"]["sent"] == sum(stub.rules.counted.values())


def test_a_day_for_people(simulate: Run, stub: StubReceiver) -> None:
    result = simulate("run", "--url", stub.url, "--deliveries", "20", "--duplicates", "0.1")
    assert result.exit_code == 0, result.stderr
    assert "duplicate 2" in result.stdout
    assert "200 22" in result.stdout


def test_the_same_seed_and_day_again_are_duplicates(simulate: Run, stub: StubReceiver) -> None:
    for _ in range(2):
        arguments = ["--deliveries", "50", "--seed", "3", "--day", "2026-11-20"]
        assert simulate("run", "--url", stub.url, *arguments).exit_code == 0
    assert stub.rules.counted["duplicate"] == stub.rules.counted["accepted"] > 40


def test_runs_differ_by_default(
    simulate: Run, stub: StubReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = set()
    for now in (1_795_200_000.0, 1_795_200_001.0):
        monkeypatch.setattr("avnu.clock.SystemClock.time", lambda _, now=now: now)
        result = simulate("run", "--url", stub.url, "--deliveries", "10", "--json")
        told = json.loads(result.stdout)
        assert told["day"] == "2026-11-19"
        seeds.add(told["seed"])
    assert len(seeds) == 2
    assert not stub.rules.counted["duplicate"]


def test_a_lost_webhook_is_a_failure(simulate: Run, stub: StubReceiver) -> None:
    stub.misbehave = lambda handler, *_: handler.answer(503) or True
    result = simulate("run", "--url", stub.url, "--deliveries", "3", "--compression", "1e6")
    assert result.exit_code == 1
    assert "given up" in result.stdout


def test_a_forgery_that_is_taken_is_a_failure(simulate: Run, stub: StubReceiver) -> None:
    stub.misbehave = lambda handler, *_: handler.answer(200) or True
    result = simulate("run", "--url", stub.url, "--deliveries", "3", "--forged", "0.1")
    assert result.exit_code == 1
    assert "forged" in result.stderr
    assert "was answered 200" in result.stderr


@pytest.mark.parametrize("command", [("run", "--deliveries", "2"), ("trigger", "orders/create")])
def test_nobody_answers(simulate: Run, nobody: str, command: tuple[str, ...]) -> None:
    options = ["--compression", "1e6"] if command[0] == "run" else []
    result = simulate(*command, "--url", nobody, *options)
    assert result.exit_code == 5
    assert "nothing answered" in result.stderr


def test_trigger(simulate: Run, stub: StubReceiver) -> None:
    arguments = ["trigger", "orders/create", "--url", stub.url, "--shop", "a-b.myshopify.com"]
    result = simulate(*arguments, "--set", "total_price=12.50", "--set", "id=12", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    (body,) = stub.rules.kept.values()
    assert (json.loads(body)["total_price"], json.loads(body)["id"]) == ("12.50", 12)
    assert (told["answer"], told["body_bytes"]) == (200, len(body))
    assert list(stub.rules.kept) == [("a-b.myshopify.com", told["webhook_id"])]


def test_trigger_twice_under_one_id(simulate: Run, stub: StubReceiver) -> None:
    for _ in range(2):
        result = simulate("trigger", "shop/redact", "--url", stub.url, "--webhook-id", "mine")
        assert result.exit_code == 0
    assert stub.rules.counted == {"accepted": 1, "duplicate": 1}


def test_trigger_with_a_body_of_its_own(simulate: Run, stub: StubReceiver, tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text('{"id": 9007199254740993, "tags": []}')
    result = simulate(
        "trigger", "segments/create", "--url", stub.url, "--body", "body.json", "--set", "tags=[1]"
    )
    assert result.exit_code == 0, result.stderr
    assert stub.requests[0][1] == b'{"id":9007199254740993,"tags":[1]}'
    assert stub.rules.counted == {"ignored": 1}


def test_trigger_that_is_refused(simulate: Run, stub: StubReceiver) -> None:
    stub.misbehave = lambda handler, *_: handler.answer(400) or True
    assert simulate("trigger", "orders/create", "--url", stub.url).exit_code == 1
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trigger", "orders/crate"], "there is orders/create"),
        (["trigger", "orders/create", "--set", "nope=1"], "no 'nope' here"),
        (["trigger", "orders/create", "--shop", "a\r\nX: y"], "printable ASCII"),
        (["trigger", "orders/create", "--webhook-id", "é"], "printable ASCII"),
        (["trigger", "orders/create", "--body", "missing.json"], "No such file"),
        (["run", "--url", "http://example.com/webhooks"], "--allow-remote"),
        (["trigger", "orders/create", "--url", "http://example.com/"], "--allow-remote"),
        (["run", "--url", "localhost:8000"], "is not an http:// or https:// address"),
        (["run", "--forged", "1.5"], "--forged"),
        (["run", "--day", "yesterday"], "--day"),
        (["run", "--deliveries", "0"], "--deliveries"),
    ],
)
def test_usage(simulate: Run, arguments: list[str], said: str) -> None:
    result = simulate(*arguments)
    assert result.exit_code == 2, result.output
    assert said in result.stderr


def test_without_a_secret(simulate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOPIFY_API_SECRET")
    result = simulate("run")
    assert result.exit_code == 2
    assert "SHOPIFY_API_SECRET is not set" in result.stderr


def test_the_secret_is_never_told(simulate: Run, stub: StubReceiver) -> None:
    result = simulate("run", "--url", stub.url, "--deliveries", "30", "--all-mischief")
    assert SECRET not in result.output
    assert " --secret" not in simulate("run", "--help").stdout
