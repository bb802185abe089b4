"""What the monitor keeps of a look, and what it says has changed."""

import logging
from typing import Any

import msgspec
import pytest

from avnu.health.check import State
from avnu.health.facts import Facts, Quiet, Unreached
from avnu.health.keeping import Kept
from avnu.health.telling import tell_changes
from avnu.health.watching import judge, kept_of, quiet_after
from avnu.settings import Settings
from tests.support.health import NOW_MS, database, facts, inbox, replica, server

SETTINGS = Settings.load({})


def later(seen: Facts, ms: int) -> Facts:
    """The same, so much later by the inbox's time."""
    heard = msgspec.structs.replace(inbox().heard, now_ms=NOW_MS + ms)
    return msgspec.structs.replace(seen, inbox=msgspec.structs.replace(inbox(), heard=heard))


def looked(before: Kept | None, seen: Facts) -> Kept:
    """What is kept of these facts; its changes are told."""
    checks = list(judge(seen, SETTINGS))
    kept = kept_of(seen, checks, before, SETTINGS)
    assert kept is not None
    tell_changes(before, checks)
    return kept


def changes(caplog: pytest.LogCaptureFixture, name: str) -> list[tuple[str, str]]:
    """Before and after, of each line about this check."""
    told: list[Any] = [getattr(record, "fields", {}) for record in caplog.records]
    return [(one["was"], one["state"]) for one in told if one.get("check") == name]


def test_a_check_that_could_not_be_made_is_compared_with_what_was_last_found(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "avnu.health")
    trouble = facts(database=database(in_trouble=["a.myshopify.com"]))
    away = facts(database=Unreached("refused"))
    kept = looked(None, trouble)
    since_ms = kept.since_ms["shops"]
    for n, seen in enumerate((away, away, trouble), 1):
        kept = looked(kept, later(seen, 30_000 * n))
    assert changes(caplog, "shops") == [("ok", "warning")], "it was so all the time"
    assert kept.since_ms["shops"] == since_ms
    for seen in (away, facts()):
        kept = looked(kept, seen)
    assert changes(caplog, "shops") == [("ok", "warning"), ("warning", "ok")]
    assert changes(caplog, "database") == 2 * [("ok", "failed"), ("failed", "ok")]


def test_what_was_not_looked_at_is_none_of_the_findings() -> None:
    kept = looked(looked(None, facts()), facts(database=Unreached("refused")))
    assert "shops" not in {check.name for check in kept.checks}
    assert "shops" in {check.name for check in kept.unseen}
    again = looked(kept, facts())
    assert again.unseen == []


def test_a_lost_replica_is_missed_for_a_day() -> None:
    hour_ms = 3_600_000

    def at(hours: int, count: int, before: Kept | None) -> Kept:
        replicas = {name: told for n in range(count) for name, told in replica(n).items()}
        seen = later(facts(one=server(connected_slaves=count, **replicas)), hours * hour_ms)
        known = before.online if before else {}
        return looked(before, msgspec.structs.replace(seen, online_before=known))

    kept = at(0, 2, None)
    said = []
    for hours in (1, 2, 20, 24, 25, 26):
        kept = at(hours, 1, kept)
        check = kept.check("replication")
        assert check is not None
        said.append(check.state)
    assert said == 4 * [State.WARNING] + 2 * [State.OK], "then it was taken away on purpose"
    lost = at(27, 0, kept).check("replication")
    assert lost is not None
    assert lost.state is State.WARNING, "of the one that was left"


def test_a_server_that_does_not_answer_says_nothing_of_its_replicas() -> None:
    kept = looked(None, facts(one=server(connected_slaves=1, **replica(0))))
    away = msgspec.structs.replace(facts(one=Unreached("refused")), online_before=kept.online)
    assert looked(kept, away).online["inbox"] == kept.online["inbox"] == [NOW_MS]


def test_the_longest_silence_is_learnt_and_fades() -> None:
    quiet = quiet_after(Quiet(), 10.0, NOW_MS)
    for n in range(1, 5):
        quiet = quiet_after(quiet, 10.0 + 30 * n, NOW_MS + 30_000 * n)
    assert quiet.longest_s == 0, "the silence of now is none of the past"
    quiet = quiet_after(quiet, 2.0, NOW_MS + 150_000)
    assert quiet.longest_s == pytest.approx(130)
    later = quiet_after(quiet, 1.0, quiet.at_ms + 14 * 86_400_000)
    assert later.longest_s == pytest.approx(65, abs=1)


def test_a_long_silence_stays_told_and_is_never_learnt_from_itself() -> None:
    quiet, noted_ms, now_ms = Quiet(), NOW_MS + 1, NOW_MS + 1
    for n in range(2000):
        now_ms += 30_000 + n * 7919 % 41
        age_s = (now_ms - noted_ms) / 1000
        if age_s > SETTINGS.monitor_silence_seconds:
            said = judge(facts(inbox=inbox(heard={"received_s": age_s}), quiet=quiet), SETTINGS)
            assert [check.name for check in said if check.state != State.OK] == ["deliveries"]
        quiet = quiet_after(quiet, age_s, now_ms)
        assert quiet.longest_s == 0, age_s
