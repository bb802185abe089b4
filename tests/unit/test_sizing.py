"""Sizing is arithmetic: what it reckons, how it rounds, and what it says of itself."""

import re
from pathlib import Path

import msgspec
import pytest
from ruamel.yaml import YAML

from avnu.cache.kinds import KINDS
from avnu.cli.sizing_tables import amount, percent, rounded
from avnu.settings import Settings
from avnu.sizing import assumed, measured
from avnu.sizing.answer import answer
from avnu.sizing.assumed import ALLOCATED, BASE_BYTES, Following
from avnu.sizing.memory import (
    GB,
    LONGEST_HOURS,
    Load,
    Server,
    cached_bytes_per_shop,
    memory,
    outage_hours,
    settled_bytes,
    waiting_bytes,
)
from avnu.sizing.points import points
from avnu.sizing.work import servers, work
from tests.support.command import Run, runner, told

HOUR_S, DAY_S = 3600, 86_400
LOAD = Load(shops=1000, rate=50, payload_bytes=3000, peak_minutes=60)
SERVER = Server(ttl_s=DAY_S, full_percent=85)
MANAGED = msgspec.structs.replace(SERVER, maxmemory_share=assumed.MANAGED_SHARE)
DEPLOY = Path(__file__).parents[2] / "deploy"
NEEDS_NO_CALL = Following("none", 0.0, 0.0)


def test_a_day_begins_with_its_peak() -> None:
    assert LOAD.within(60) == 50 * 60
    assert LOAD.within(HOUR_S) == 50 * HOUR_S
    assert LOAD.within(2 * HOUR_S) == 50 * HOUR_S + 5 * HOUR_S
    assert LOAD.per_day == 50 * HOUR_S + 5 * 23 * HOUR_S
    assert LOAD.within(2 * DAY_S + 60) == pytest.approx(2 * LOAD.per_day + 50 * 60)
    never = msgspec.structs.replace(LOAD, peak_minutes=0)
    assert never.per_day == pytest.approx(5 * DAY_S)


@pytest.mark.parametrize("weight", measured.WEIGHTS, ids=lambda one: str(one.payload_bytes))
def test_a_webhook_is_never_reckoned_lighter_than_it_was_measured(
    weight: measured.Weight,
) -> None:
    assert waiting_bytes(weight.payload_bytes) >= weight.waiting_bytes
    assert settled_bytes() >= weight.settled_bytes
    assert waiting_bytes(weight.payload_bytes) < 1.5 * weight.waiting_bytes


def test_memory_is_the_sum_of_its_parts() -> None:
    need = memory(LOAD, SERVER, backlog_hours=2)
    assert need.backlog_bytes == pytest.approx(LOAD.within(2 * HOUR_S) * waiting_bytes(3000), abs=1)
    assert need.settled_bytes == pytest.approx(LOAD.per_day * settled_bytes(), abs=1)
    assert need.cached_bytes == 1000 * cached_bytes_per_shop()
    used = need.backlog_bytes + need.settled_bytes + need.cached_bytes + BASE_BYTES
    assert need.maxmemory_bytes == pytest.approx(used / 0.85, abs=5)
    assert need.machine_bytes == pytest.approx(need.maxmemory_bytes / 0.5, abs=5)
    assert need.machine_gb in {2, 4}
    managed = memory(LOAD, MANAGED, backlog_hours=2)
    assert managed.maxmemory_bytes == need.maxmemory_bytes
    assert managed.machine_bytes == pytest.approx(need.maxmemory_bytes / 0.75, abs=5)


def test_the_share_of_maxmemory_is_that_of_the_servers_we_deploy() -> None:
    assert "# Half of the machine at most" in (DEPLOY / "redis" / "queue.conf").read_text()
    [maxmemory_gb] = re.findall(
        r"^maxmemory (\d+)gb$", (DEPLOY / "redis" / "queue.conf").read_text(), re.MULTILINE
    )
    compose = YAML(typ="safe").load(DEPLOY / "compose.yaml")
    limit_gb = int(compose["services"]["queue"]["mem_limit"].removesuffix("g"))
    assert int(maxmemory_gb) == limit_gb * assumed.MAXMEMORY_SHARE
    group = (DEPLOY / "terraform" / "main.tf").read_text()
    reserved = re.findall(r'"reserved-memory-percent"\n\s+value = "(\d+)"', group)
    assert {int(percent) for percent in reserved} == {round(100 * (1 - assumed.MANAGED_SHARE))}


def test_a_load_for_no_single_machine_names_none() -> None:
    flood = msgspec.structs.replace(LOAD, rate=100_000)
    assert memory(flood, SERVER, 4).machine_gb is None


def test_the_outage_that_fits_is_the_one_memory_was_reckoned_for() -> None:
    for server, hours in ((SERVER, 0.5), (SERVER, 3.0), (SERVER, 30.0), (MANAGED, 3.0)):
        need = memory(LOAD, server, hours)
        assert outage_hours(LOAD, server, need.machine_bytes / GB) == pytest.approx(hours, abs=0.01)


def test_an_outage_is_none_and_never_endless() -> None:
    large = msgspec.structs.replace(LOAD, shops=1_000_000)
    assert outage_hours(large, SERVER, 1) == 0
    quiet = msgspec.structs.replace(LOAD, rate=0.01)
    assert outage_hours(quiet, SERVER, 8) == LONGEST_HOURS


def test_twice_the_rate_is_twice_the_processes_and_partitions_follow() -> None:
    few = work(5_000, NEEDS_NO_CALL, concurrency=3)
    many = work(10_000, NEEDS_NO_CALL, concurrency=3)
    assert [one.name for one in few] == ["no effects", *measured.EFFECTS]
    for less, more in zip(few, many, strict=True):
        assert more.cores == pytest.approx(2 * less.cores)
        assert 2 * less.processes - 2 <= more.processes <= 2 * less.processes
        assert more.workers * 3 >= more.processes
        assert more.partitions >= 2 * more.processes
        assert more.partitions & (more.partitions - 1) == 0


def test_the_least_are_two_of_each_so_that_one_can_be_restarted() -> None:
    [first, *_] = work(0.1, NEEDS_NO_CALL, concurrency=3)
    assert (first.processes, first.workers, first.partitions) == (1, 2, 16)
    assert servers(0.1).receivers == 2
    assert first.cells == 1


def test_calls_keep_processes_waiting() -> None:
    [first, *_] = work(100, Following("each", 1.0, 8.0), concurrency=3)
    assert first.processes >= 100 * assumed.CALL_S / assumed.BUSY_SHARE


def test_more_than_one_core_of_redis_is_more_than_one_cell() -> None:
    assert {one.cells for one in work(100, NEEDS_NO_CALL, concurrency=3)} == {1}
    for one in work(50_000, NEEDS_NO_CALL, concurrency=3):
        assert one.cells > 1
        assert one.redis_cores / one.cells <= assumed.REDIS_BUSY_SHARE


def test_redis_is_reckoned_with_the_handlers_of_the_row() -> None:
    rows = {one.name: one for one in work(1000, NEEDS_NO_CALL, concurrency=3)}
    costs = {"no effects": measured.READING, **measured.EFFECTS}
    for name, cost in costs.items():
        assert rows[name].redis_cores == pytest.approx(measured.ACCEPTING.redis_s + cost.redis_s)
    dearest = rows["PostgreSQL, one by one"]
    assert dearest.cells > rows["no effects"].cells


def test_points_beside_what_a_bucket_gives_back() -> None:
    found = points(LOAD, Following("each", 1.0, 8.0))
    assert found.per_shop_day == LOAD.per_day / 1000 * 8
    assert found.day_percent["standard"] == pytest.approx(100 * found.per_shop_day / (100 * DAY_S))
    assert found.flood_percent == {"standard": 400.0, "advanced": 200.0, "plus": 40.0}


def test_what_is_assumed_can_be_measured() -> None:
    assert set(assumed.CACHED) <= set(measured.CACHED_BYTES) <= set(KINDS)
    assert ALLOCATED >= 1
    for cost in (measured.ACCEPTING, measured.READING, *measured.EFFECTS.values()):
        assert cost.process_s > 0
        assert cost.redis_s > 0
    sizes = [one.payload_bytes for one in measured.WEIGHTS]
    assert sizes == sorted(sizes)


def test_the_answer_says_what_it_stands_on() -> None:
    found = answer(LOAD, SERVER, 4, concurrency=3)
    assert measured.SERVER in " ".join(found.measured)
    assert "python -m tests.bench" in " ".join(found.measured)
    assert "REDIS_TTL_SECONDS" in " ".join(found.assumed)
    assert [one.load.shops for one in found.by_shops] == [50, 500, 5_000]
    assert found.by_shops[1].load.rate == 25
    assert len(found.work) == len(measured.FOLLOWING) * (1 + len(measured.EFFECTS))


def test_the_page_about_cells_has_these_figures() -> None:
    page = " ".join((DEPLOY / "cells.md").read_text().split())
    idle, batches, alone = work(330, NEEDS_NO_CALL, concurrency=3)
    for one in (idle, batches, alone):
        assert f"{1000 * one.redis_cores / 330:.3f} ms" in page
    for one in (batches, alone):
        assert f"{rounded(330 * assumed.REDIS_BUSY_SHARE / one.redis_cores)} webhooks/s" in page
    assert (
        f"use {100 * batches.redis_cores:.0f} % of a core, {100 * alone.redis_cores:.0f} % at worst"
        in page
    )
    many = msgspec.structs.replace(LOAD, shops=5000, rate=330)
    assert f"a machine of {memory(many, SERVER, 4).machine_gb} GB" in page
    assert f"(`--managed`), {memory(many, MANAGED, 4).machine_gb} GB" in page


def test_numbers_are_rounded_to_what_is_known() -> None:
    assert [rounded(n) for n in (0, 0.01234, 0.1, 1.26, 2.0, 86.4, 1234, 99_500)] == [
        "0", "0.012", "0.1", "1.3", "2", "86", "1,200", "100,000",
    ]  # fmt: skip
    assert [amount(n) for n in (100, 3304, 120_000_000, 1_260_000_000)] == [
        "100 B", "3.3 kB", "120 MB", "1.3 GB",
    ]  # fmt: skip
    assert [percent(n) for n in (0, 0.01, 0.44, 12.3)] == ["0 %", "under 0.1 %", "0.44 %", "12 %"]


# ---- the command


@pytest.fixture
def avnu(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(str(tmp_path))
    return runner({})


def test_the_command_for_people_and_for_programs(avnu: Run) -> None:
    shown = avnu("sizing", "--shops", "1000", "--rate", "50")
    assert shown.exit_code == 0
    for words in ("590,000 webhooks a day", "thousands: 8+ GB", "INBOX_PARTITIONS", "assumed"):
        assert words in shown.stdout
    document = told(avnu("sizing", "--shops", "1000", "--rate", "50", "--json"))
    assert document["memory"]["maxmemory_bytes"] == memory(LOAD, SERVER, 4).maxmemory_bytes
    assert document["outage_hours"]["8"] == outage_hours(LOAD, SERVER, 8)
    managed = told(avnu("sizing", "--shops", "1000", "--rate", "50", "--managed", "--json"))
    assert managed["memory"] == msgspec.to_builtins(memory(LOAD, MANAGED, 4))
    assert "core of Redis" in shown.stdout
    assert "deploy/cells.md" not in shown.stdout
    assert "deploy/cells.md" in avnu("sizing", "--shops", "1000", "--rate", "50000").stdout


def test_the_command_reckons_with_the_settings(avnu: Run) -> None:
    environ = {"REDIS_TTL_SECONDS": str(2 * DAY_S), "INBOX_FULL_PERCENT": "75"}
    document = told(runner(environ)("sizing", "--shops", "1000", "--rate", "50", "--json"))
    asked = Settings.load(environ)
    server = Server(asked.redis_ttl_seconds, asked.inbox_full_percent)
    assert document["memory"] == msgspec.to_builtins(memory(LOAD, server, 4))


@pytest.mark.parametrize(
    "options",
    [(), ("--shops", "0", "--rate", "1"), ("--shops", "1", "--rate", "0"),
     ("--shops", "1", "--rate", "1", "--peak-minutes", "1441")],
)  # fmt: skip
def test_what_makes_no_sense_is_a_usage_error(avnu: Run, options: tuple[str, ...]) -> None:
    assert avnu("sizing", *options).exit_code == 2
