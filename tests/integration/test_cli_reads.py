"""``avnu status``, ``webhooks`` and ``queues`` on a real inbox: answers, JSON, exit codes."""

import re
from collections.abc import Iterator

import pytest

from avnu.inbox import Inbox
from avnu.inbox.turn import Ending, Letter, Verdict
from avnu.settings import Settings
from tests.support.command import Run, runner, told
from tests.support.inbox import (
    DONE,
    FAILED,
    REJECTED,
    accept,
    arrival,
    begin,
    claim,
    drain,
    open_inbox,
    parkings,
    pass_time,
    send_alone,
    settle,
)

pytest_plugins = ("tests.support.command_fixtures",)

# What a stranger may put into an id: it passes the receiver, which takes printable ASCII.
MARKUP = "[bold]b[/bold]"


@pytest.fixture
def inbox(settings: Settings) -> Iterator[Inbox]:
    opened = open_inbox(settings)
    yield opened
    opened.client.close()


# ---- status


def test_status_of_an_empty_inbox(avnu: Run) -> None:
    result = avnu("status")
    assert result.exit_code == 0
    assert "no worker is up" in result.stderr
    assert re.search(r"orders +0 +0 +0 s", result.stdout)


def test_status_as_json(avnu: Run, inbox: Inbox) -> None:
    inbox.tick()
    accept(inbox, 1, 2)
    accept(inbox, 3, topic="products/update", area="products")
    inbox.accept([arrival(1)])
    holder, _ = begin(inbox)
    settle(holder, DONE, REJECTED)
    state = told(avnu("status", "--json"))
    assert state["workers_up"] is True
    assert state["tick_age_s"] < 60
    assert state["received"]["accepted"] == 3
    assert state["received"]["duplicate"] == 1
    areas = {area["area"]: area for area in state["areas"]}
    assert list(areas) == list(inbox.areas)
    assert (areas["orders"]["done"], areas["orders"]["dead"]) == (1, 1)
    assert areas["orders"]["backlog"] == 0
    assert areas["products"]["backlog"] == 1


def test_status_without_a_tick_is_still_json(avnu: Run) -> None:
    result = avnu("status", "--json")
    assert told(result)["tick_age_s"] is None
    assert told(result)["workers_up"] is False
    assert result.stderr == ""


# ---- webhooks


def test_list_by_shop_topic_and_state(avnu: Run, inbox: Inbox) -> None:
    accept(inbox, "a", "b")
    accept(inbox, "c", shop="two", topic="orders/paid")
    accept(inbox, "d", topic="products/update", area="products")
    holder, _ = begin(inbox, "two")
    settle(holder, DONE)

    def ids(*options: str) -> set[str]:
        return {one["webhook_id"] for one in told(avnu("webhooks", "list", "--json", *options))}

    assert ids() == {"a", "b", "c", "d"}
    assert ids("--shop", "one") == ids("--shop", "one.myshopify.com") == {"a", "b", "d"}
    assert ids("--topic", "orders/create") == {"a", "b"}
    assert ids("--state", "done") == {"c"}
    assert ids("--shop", "one", "--topic", "products/update", "--state", "waiting") == {"d"}
    assert ids("--shop", "three") == set()


def test_a_list_that_is_cut_says_so(avnu: Run, inbox: Inbox) -> None:
    accept(inbox, *range(5))
    result = avnu("webhooks", "list", "--limit", "3", "--json")
    assert len(told(result)) == 3
    assert "more than 3" in result.stderr
    assert "more than" not in avnu("webhooks", "list", "--limit", "5").stderr


def test_a_list_of_nothing(avnu: Run) -> None:
    result = avnu("webhooks", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no webhook matches" in result.stderr
    assert told(avnu("webhooks", "list", "--json")) == []


def test_a_list_says_refs_that_show_takes(avnu: Run, inbox: Inbox) -> None:
    accept(inbox, MARKUP)
    listed = avnu("webhooks", "list").stdout
    ref = f"one.myshopify.com/{MARKUP}"
    assert ref in listed
    assert told(avnu("webhooks", "show", ref, "--json"))["ref"] == ref


def test_where_is_my_order(avnu: Run, inbox: Inbox) -> None:
    """The same webhook, shown in each state it goes through."""

    def show() -> dict[str, object]:
        found: dict[str, object] = told(avnu("webhooks", "show", "one/order", "--json"))
        return found

    accept(inbox, "order")
    assert show()["state"] == "waiting"
    accept(inbox, "other")
    holder, _ = begin(inbox)
    assert show()["state"] == "leased"
    settle(holder, FAILED, DONE)
    first = show()
    assert (first["state"], first["attempts"], first["error"]) == ("solo", 1, "it raised")
    assert "runs again in" in str(first["meaning"])
    pass_time(inbox, 6)
    held = claim(inbox, "order")
    assert show()["state"] == "running"
    assert inbox.settle(held, DONE, None, 0.0)
    last = show()
    assert last["state"] == "done"
    assert last["settled_at"]
    assert str(last["accepted_at"]).endswith("Z")
    assert "settled" in str(last["meaning"])


def test_a_parked_one_says_why(avnu: Run, inbox: Inbox) -> None:
    accept(inbox, 1)
    holder, _ = begin(inbox)
    settle(holder, DONE, park=parkings("one", "frozen"))
    accept(inbox, 2)
    shown = avnu("webhooks", "show", "one/2")
    assert shown.stdout.startswith("It waits in its shop's line, and the shop rests for now: froz")
    assert re.search(r"state +parked", shown.stdout)


def test_bodies_only_when_asked_for(avnu: Run, inbox: Inbox) -> None:
    body = b'{"email":"a@example.com","pad":"' + b"x" * 64 + b'","nasty":"\x1b[2J"}'
    inbox.accept([arrival("b", body=body), arrival("raw", body=bytes(range(256)))])
    assert "example.com" not in avnu("webhooks", "list", "--json").output
    assert "example.com" not in avnu("webhooks", "show", "one/b").output
    assert "example.com" not in avnu("webhooks", "show", "one/b", "--json").output
    shown = avnu("webhooks", "show", "one/b", "--body").stdout
    assert "a@example.com" in shown
    assert "\\x1b[2J" in shown
    assert "\x1b" not in shown
    as_json = avnu("webhooks", "show", "one/b", "--body", "--json")
    assert told(as_json)["body"] == body.decode()
    assert "\x1b" not in as_json.output
    assert "body_base64" in told(avnu("webhooks", "show", "one/raw", "--body", "--json"))
    assert "\\x00\\x01" in avnu("webhooks", "show", "one/raw", "--body").stdout


def test_the_body_of_a_settled_one_is_gone(avnu: Run, inbox: Inbox) -> None:
    accept(inbox, 1)
    holder, _ = begin(inbox)
    settle(holder, DONE)
    result = avnu("webhooks", "show", "one/1", "--body")
    assert result.exit_code == 0
    assert "its body is gone" in result.stderr


def test_foreign_text_cannot_act(avnu: Run, inbox: Inbox) -> None:
    accept(inbox, 1)
    send_alone(inbox, 2, shop="two")
    held = claim(inbox, 2, shop="two")
    error = "\x1b]0;owned\x07 [red]\u202e"
    assert inbox.settle(held, Verdict(Letter.FAILED, error), None, 0.0)
    for command in (("list",), ("show", "two/2"), ("list", "--json"), ("show", "two/2", "--json")):
        output = avnu("webhooks", *command).output
        assert "owned" in output
        assert "[red]" in output
        assert not {char for char in output if not char.isprintable()} - {"\n"}


def test_unknown_ones_are_not_found(avnu: Run) -> None:
    for command in (("show", "one/nobody"), ("replay", "one/nobody"), ("show", "one/x", "--json")):
        result = avnu("webhooks", *command)
        assert result.exit_code == 3
        assert result.stdout == ""
        assert "not in the inbox" in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_what_is_no_webhook_is_a_usage_error(avnu: Run) -> None:
    for ref in ("nobody", "a b/1", "one/"):
        assert avnu("webhooks", "show", ref).exit_code == 2
    assert avnu("webhooks", "list", "--state", "lost").exit_code == 2
    assert avnu("webhooks", "list", "--shop", "a.example").exit_code == 2


def test_replay(avnu: Run, inbox: Inbox) -> None:
    accept(inbox, "dead", "late", "fine", "next")
    holder, _ = begin(inbox)
    settle(holder, REJECTED, FAILED, DONE, DONE)
    accept(inbox, "waits")

    def replay(webhook_id: str) -> tuple[int, str]:
        result = avnu("webhooks", "replay", f"one/{webhook_id}")
        return result.exit_code, result.output

    assert replay("dead") == (0, "one.myshopify.com/dead: replayed\n")
    assert replay("late") == (0, "one.myshopify.com/late: due now\n")
    claim(inbox, "dead")
    claim(inbox, "late")
    code, output = replay("fine")
    assert code == 1
    assert "it is settled (done)" in output
    code, output = replay("waits")
    assert code == 1
    assert "neither dead nor waiting alone but waiting" in output


# ---- queues


def test_pause_and_resume(avnu: Run, inbox: Inbox) -> None:
    for kind, name, other in (
        ("area", "orders", "products"),
        ("topic", "orders/create", "orders/paid"),
        ("shop", "one.myshopify.com", "two.myshopify.com"),
    ):
        assert avnu("queues", "pause", kind, name).stdout == f"{kind} {name}: paused\n"
        assert avnu("queues", "pause", kind, name).stdout == f"{kind} {name}: was paused already\n"
        paused = told(avnu("queues", "list", "--json"))["paused"]
        assert paused == {"area": [], "topic": [], "shop": []} | {kind: [name]}
        assert f"paused {kind}s" in avnu("queues", "list").stdout
        assert f"paused by an operator: {kind}:" in avnu("status").stderr
        assert "was not paused" in avnu("queues", "resume", kind, other).stdout
        assert avnu("queues", "resume", kind, name).stdout == f"{kind} {name}: resumed\n"
        assert told(avnu("queues", "list", "--json"))["paused"][kind] == []


def test_a_paused_shop_is_kept_and_not_run(avnu: Run, inbox: Inbox) -> None:
    avnu("queues", "pause", "shop", "one")
    accept(inbox, 1)
    assert drain(inbox).begin() is Ending.EMPTY
    assert told(avnu("webhooks", "show", "one/1", "--json"))["state"] == "paused"
    avnu("queues", "resume", "shop", "one")
    begin(inbox)


def test_queues_as_json(avnu: Run, inbox: Inbox) -> None:
    accept(inbox, 1, 2)
    avnu("queues", "pause", "area", "app")
    areas = {one["area"]: one for one in told(avnu("queues", "list", "--json"))["areas"]}
    assert list(areas) == list(inbox.areas)
    assert (areas["orders"]["backlog"], areas["orders"]["messages"]) == (2, 1)
    assert areas["products"]["messages"] == 0
    assert [name for name, one in areas.items() if one["paused"]] == ["app"]
    assert re.search(r"app +paused", avnu("queues", "list").stdout)


def test_what_cannot_be_paused(avnu: Run) -> None:
    for kind, name, near in (
        ("area", "order", "orders"),
        ("topic", "orders/creat", "orders/create"),
        ("shop", "a.example", "myshopify.com"),
        ("queue", "orders", "area"),
    ):
        result = avnu("queues", "pause", kind, name)
        assert result.exit_code == 2
        assert near in result.stderr


# ---- out of reach


@pytest.mark.parametrize(
    "command",
    [("status",), ("status", "--json"), ("webhooks", "list"), ("webhooks", "show", "one/1"),
     ("webhooks", "replay", "one/1"), ("dead", "list"), ("dead", "replay", "one/1"),
     ("dead", "drop", "--all", "--yes"), ("queues", "list"), ("queues", "pause", "area", "app")],
    ids=" ".join,
)  # fmt: skip
def test_redis_cannot_be_reached(
    settings: Settings, tmp_path: object, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(str(tmp_path))
    environ = settings.to_environ() | {"REDIS_PORT": "1", "REDIS_PASSWORD": "p4ssw0rd"}
    result = runner(environ)(*command)
    assert result.exit_code == 5
    assert result.stdout == ""
    assert result.stderr.startswith("avnu: the inbox at 127.0.0.1:1 cannot be reached")
    assert len(result.stderr.splitlines()) == 1
    assert "p4ssw0rd" not in result.output
