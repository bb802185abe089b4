"""When the shared breaker opens, how it is probed, and who is not counted."""

import pytest

from avnu.guards import Class, Guards, Outcome, OutcomeKind, Permit, Refused
from tests.support.guards import World, answer, fail, granted, refused, shop

pytest_plugins = ("tests.support.guards_fixtures",)

MIN_CALLS = 10


def succeed(guards: Guards, name: str, times: int = 1) -> None:
    for _ in range(times):
        answer(guards, granted(guards, name, cls=Class.INTERACTIVE))


def outage(world: World, guards: Guards) -> None:
    for number in range(MIN_CALLS):
        fail(guards, shop(number))
    assert world.state().state == "open"


def test_it_opens_on_the_call_that_makes_the_window_full_enough(world: World) -> None:
    guards = world.guards()
    for number in range(MIN_CALLS - 1):
        fail(guards, shop(number))
    assert world.state().state == "closed"
    fail(guards, shop(MIN_CALLS))
    assert world.state().state == "open"
    assert refused(guards, shop(50)).cause == "breaker"


def test_it_stays_closed_below_the_failure_rate(world: World) -> None:
    guards = world.guards()
    for number in range(20):
        succeed(guards, shop(100 + number), 2)
        fail(guards, shop(number))
    assert world.state().state == "closed"
    assert world.state().bad_calls == 20


def test_successes_between_failures_do_not_hide_a_high_failure_rate(world: World) -> None:
    guards = world.guards()
    for number in range(MIN_CALLS):
        succeed(guards, shop(100 + number))
        fail(guards, shop(2 * number))
        fail(guards, shop(2 * number + 1))
        if world.state().state == "open":
            return
    raise AssertionError("two of three calls failed, and it stayed closed")


def test_failures_that_left_the_window_do_not_count(world: World) -> None:
    guards = world.guards()
    for number in range(MIN_CALLS - 1):
        fail(guards, shop(number))
    world.pass_time(world.settings.breaker_window_seconds + 1)
    fail(guards, shop(MIN_CALLS))
    assert world.state().state == "closed"
    assert world.state().bad_calls == 1


@pytest.mark.parametrize("others", [0, 2, 40])
def test_one_shop_never_opens_it_whatever_its_errors(world: World, others: int) -> None:
    guards = world.guards()
    for number in range(others):
        succeed(guards, shop(number))
    fail(guards, "troubled.myshopify.com", 200)
    for number in range(others):
        succeed(guards, shop(number))
    assert world.state().state == "closed"
    assert world.state().failing_shops == 1
    assert world.state().bad_calls == 200


def test_a_pod_in_trouble_is_its_shops_trouble(world: World) -> None:
    # 8 of 40 shops fail all the time and call most: 80 % of calls, 20 % of shops.
    guards = world.guards()
    for number in range(40):
        succeed(guards, shop(number))
    for _ in range(20):
        for number in range(8):
            fail(guards, f"pod-{number}.myshopify.com")
    assert world.state().state == "closed"


def test_faults_of_the_platform_count(world: World) -> None:
    guards = world.guards()
    for number in range(MIN_CALLS):
        answer(guards, granted(guards, shop(number)), kind=OutcomeKind.PLATFORM_FAULT)
    assert world.state().state == "open"


def test_a_good_answer_that_took_too_long_is_a_slow_call(world: World) -> None:
    guards = world.guards()
    for number in range(MIN_CALLS):
        answer(guards, granted(guards, shop(number)), duration_ms=world.settings.breaker_slow_ms)
    assert world.state().state == "open"


def test_ignored_ends_count_neither_way(world: World) -> None:
    guards = world.guards()
    for number in range(100):
        answer(guards, granted(guards, shop(number)), kind=OutcomeKind.IGNORED)
    assert world.state().state == "closed"
    assert world.state().good_calls == world.state().bad_calls == 0


def test_late_failures_of_old_calls_do_not_prolong_the_outage(world: World) -> None:
    guards = world.guards()
    late = [granted(guards, shop(900 + number)) for number in range(5)]
    outage(world, guards)
    ends = world.state().left_ms
    world.pass_time(0.5)
    for permit in late:
        answer(guards, permit, kind=OutcomeKind.PLATFORM_FAULT)
    assert world.state().left_ms <= ends - 500
    assert world.state().openings == 1


def test_late_successes_of_old_calls_do_not_close_it(world: World) -> None:
    guards = world.guards()
    late = [granted(guards, shop(900 + number)) for number in range(5)]
    outage(world, guards)
    world.pass_time(1.1)
    probe = granted(guards, shop(1))
    for permit in late:
        answer(guards, permit)
    assert world.state().state == "half-open"
    answer(guards, probe, kind=OutcomeKind.IGNORED)


def test_half_open_gives_its_permits_to_all_processes_together(world: World) -> None:
    processes = [world.guards() for _ in range(4)]
    outage(world, processes[0])
    world.pass_time(1.1)
    given = [
        permit
        for number in range(40)
        if isinstance(permit := processes[number % 4].acquire(shop(number), "q", 1), Permit)
    ]
    assert len(given) == world.settings.breaker_probes
    assert world.state().probes == world.settings.breaker_probes


def test_a_majority_of_good_probes_closes_it_for_all(world: World) -> None:
    one, two = world.guards(), world.guards()
    outage(world, one)
    world.pass_time(1.1)
    probes = [granted(one, shop(1)), granted(two, shop(2)), granted(two, shop(3))]
    answer(one, probes[0])
    assert world.state().state == "half-open"
    answer(two, probes[1], kind=OutcomeKind.PLATFORM_FAULT)
    assert world.state().state == "half-open"
    answer(two, probes[2])
    assert world.state().state == "closed"
    world.pass_time(0.3)
    granted(one, shop(7))


def test_failed_probes_open_it_for_longer_each_time_up_to_a_limit(world: World) -> None:
    guards = world.guards()
    outage(world, guards)
    lasted = [world.state().left_ms]
    for _ in range(5):
        world.pass_time(lasted[-1] / 1000 + 0.1)
        for number in range(world.settings.breaker_probes):
            fail(guards, shop(number))
        assert world.state().state == "open"
        lasted.append(world.state().left_ms)
    assert [round(ms, -3) for ms in lasted] == [1000, 2000, 4000, 8000, 8000, 8000]


def test_after_a_long_calm_it_opens_for_the_first_length_again(world: World) -> None:
    guards = world.guards()
    outage(world, guards)
    world.pass_time(1.1)
    for number in (1, 2):
        answer(guards, granted(guards, shop(number)))
    assert world.state().state == "closed"
    world.pass_time(0.3)
    outage(world, guards)
    assert world.state().left_ms > 1500
    world.pass_time(2.1)
    for number in (1, 2):
        answer(guards, granted(guards, shop(number)))
    world.pass_time(9)
    outage(world, guards)
    assert world.state().left_ms <= 1000


def test_one_shop_cannot_keep_it_open_by_failing_its_probes(world: World) -> None:
    guards = world.guards()
    outage(world, guards)
    world.pass_time(1.1)
    fail(guards, "troubled.myshopify.com", 1)
    assert refused(guards, "troubled.myshopify.com").cause == "breaker"
    assert world.state().state == "half-open"
    world.pass_time(0.3)
    for number in (1, 2):
        answer(guards, granted(guards, shop(number)))
    assert world.state().state == "closed"


def test_an_ignored_probe_proves_nothing_and_returns_its_permit(world: World) -> None:
    guards = world.guards()
    outage(world, guards)
    world.pass_time(1.1)
    for _ in range(10):
        answer(guards, granted(guards, shop(1)), kind=OutcomeKind.IGNORED)
    assert world.state().state == "half-open"
    assert world.state().probes == 0


def test_permits_of_killed_workers_lapse(world: World) -> None:
    guards = world.guards()
    outage(world, guards)
    world.pass_time(1.1)
    lost = [granted(guards, shop(number)) for number in range(world.settings.breaker_probes)]
    refused(guards, shop(20))
    world.pass_time(world.settings.breaker_probe_ms / 1000 + 0.1)
    for number in (21, 22):
        answer(guards, granted(guards, shop(number)))
    assert world.state().state == "closed"
    for permit in lost:
        answer(guards, permit, kind=OutcomeKind.PLATFORM_FAULT)
    assert world.state().bad_calls == 0, "what a lapsed permit came to is too old to count"


def test_a_lost_answer_asked_again_counts_once_and_gives_the_same(world: World) -> None:
    guards = world.guards()
    outage(world, guards)
    world.pass_time(1.1)
    sent: list[tuple[str | bytes | float, ...]] = []
    run = guards._scripts.run

    def twice(client: object, name: str, *argv: str | bytes | float) -> object:
        sent.append(argv)
        first = run(world.client, name, *argv)
        again = run(world.client, name, *argv)
        assert [first[1], first[5], first[7]] == [again[1], again[5], again[7]]
        return again

    guards._scripts.run = twice  # type: ignore[method-assign]
    permit = granted(guards, shop(1))
    assert world.state().probes == 1
    assert world.budget(shop(1)).reservations == 1
    answer(guards, permit, kind=OutcomeKind.PLATFORM_FAULT)
    assert world.state().bad_probes == 1
    assert len(sent) == 2


def test_forced_open_refuses_all_until_auto_which_probes_first(world: World) -> None:
    guards = world.guards()
    succeed(guards, shop(1))
    assert world.control.force("shopify", "open")
    assert not world.control.force("shopify", "open")
    assert refused(guards, shop(1)).cause == "breaker"
    world.pass_time(3600)
    assert refused(guards, shop(1)).cause == "breaker"
    world.pass_time(0.3)
    assert world.control.force("shopify", "auto")
    assert world.state().state == "half-open"
    for number in (1, 2):
        answer(guards, granted(guards, shop(number)))
    assert world.state().state == "closed"


def test_forced_closed_lets_all_pass_and_counts_on(world: World) -> None:
    guards = world.guards()
    outage(world, guards)
    world.control.force("shopify", "closed")
    world.pass_time(0.3)
    for number in range(50):
        fail(guards, shop(number))
    assert world.state().state == "forced-closed"
    assert world.state().bad_calls == 50
    world.control.force("shopify", "auto")
    assert world.state().state == "closed"
    for number in range(MIN_CALLS):
        fail(guards, shop(number))
    assert world.state().state == "open"


def test_every_process_resumes_within_a_second_of_the_operator_s_word(world: World) -> None:
    processes = [world.guards() for _ in range(4)]
    outage(world, processes[0])
    for guards in processes:
        refused(guards, shop(1))
    world.control.force("shopify", "closed")
    world.pass_time(0.3)
    for number, guards in enumerate(processes):
        granted(guards, shop(number))


def test_while_open_redis_is_asked_four_times_a_second_at_most(world: World) -> None:
    guards = world.guards()
    outage(world, guards)
    refused(guards, shop(1))
    world.client.config_resetstat()
    for _ in range(100):
        refused(guards, shop(1))
    assert "cmdstat_evalsha" not in world.client.info("commandstats")
    for _ in range(20):
        world.pass_time(0.1)
        world.control.force("shopify", "open")
        refused(guards, shop(1))
    asked = world.client.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert asked <= 20 + 2 * 4, "20 were the operator's"


def test_a_wiped_breaker_that_was_open_is_probed_not_trusted(world: World) -> None:
    guards = world.guards()
    outage(world, guards)
    refused(guards, shop(1))
    world.client.flushdb()
    refused(guards, shop(1))
    world.pass_time(1.1)
    given = [
        permit
        for number in range(20)
        if isinstance(permit := guards.acquire(shop(number), "q", 1), Permit)
    ]
    assert len(given) == world.settings.breaker_probes


def test_a_clock_that_steps_back_does_not_keep_it_open(world: World) -> None:
    guards = world.guards()
    outage(world, guards)
    world.client.incrby(world.keys.of("guards_offset"), -3600_000)
    world.pass_time(world.settings.breaker_open_longest_ms / 1000 + 1)
    # What is left is at most the longest time, however far the clock went back.
    assert world.state().left_ms <= world.settings.breaker_open_longest_ms


def test_a_closed_breaker_leaves_nothing_that_stays(world: World) -> None:
    guards = world.guards()
    outage(world, guards)
    world.pass_time(1.1)
    for number in (1, 2):
        answer(guards, granted(guards, shop(number)))
    succeed(guards, shop(5))
    fail(guards, shop(6))
    key = world.keys.of("breaker", "shopify")
    for name in world.client.scan_iter(match=world.keys.of("breaker") + "*"):
        assert world.client.pttl(name) > 0, name
    for name in world.client.scan_iter(match=world.keys.of("budget", "") + "*"):
        assert world.client.pttl(name) > 0, name
    world.control.force("shopify", "open")
    assert world.client.pttl(key) == -1, "an override must not be evicted or go with age"


def test_refusals_tell_how_long(world: World) -> None:
    guards = world.guards()
    outage(world, guards)
    refusal = refused(guards, shop(1))
    assert 900 <= refusal.wait_ms <= 1000
    world.pass_time(refusal.wait_ms / 1000)
    assert isinstance(guards.acquire(shop(1), "q", 1), Permit)


def test_a_refused_budget_takes_no_permit(world: World) -> None:
    guards = world.guards()
    answer(guards, granted(guards, shop(1)), available=0, actual=0)
    outage(world, guards)
    world.pass_time(1.1)
    refusal = guards.acquire(shop(1), "big", 900)
    assert isinstance(refusal, Refused)
    assert refusal.cause == "budget"
    assert world.state().probes == 0


def test_an_unanswered_wait_gives_its_points_back(world: World) -> None:
    guards = world.guards()
    answer(guards, granted(guards, shop(1)), available=0, actual=0)

    def ended(seconds: float) -> None:
        raise KeyboardInterrupt

    world.clock.sleep = ended  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        guards.acquire(shop(1), "other", 50, Class.INTERACTIVE)
    guards.flush()
    assert world.budget(shop(1)).reservations == 0


def test_outcomes_ride_on_the_next_acquire(world: World) -> None:
    guards = world.guards()
    permit = granted(guards, shop(1))
    guards.outcome(
        permit,
        Outcome(kind=OutcomeKind.OK, actual=3, available=1997, maximum=2000, restore_rate=100),
    )
    assert world.budget(shop(1)).reservations == 1
    world.client.config_resetstat()
    granted(guards, shop(2))
    assert world.client.info("commandstats")["cmdstat_evalsha"]["calls"] == 1
    assert world.budget(shop(1)).reservations == 0


def test_outcomes_that_come_twice_count_once(world: World) -> None:
    guards = world.guards()
    run = guards._scripts.run

    def twice(client: object, name: str, *argv: str | bytes | float) -> object:
        run(world.client, name, *argv)
        return run(world.client, name, *argv)

    guards._scripts.run = twice  # type: ignore[method-assign]
    fail(guards, shop(1), 3)
    answer(guards, granted(guards, shop(2)))
    assert (world.state().bad_calls, world.state().good_calls) == (3, 1)


def test_an_early_failure_does_not_count_after_the_breaker_closed_again(world: World) -> None:
    guards = world.guards()
    late = [granted(guards, shop(900 + number)) for number in range(5)]
    outage(world, guards)
    world.pass_time(1.1)
    for number in (1, 2):
        answer(guards, granted(guards, shop(number)))
    assert world.state().state == "closed"
    for permit in late:
        answer(guards, permit, kind=OutcomeKind.PLATFORM_FAULT)
    assert world.state().bad_calls == 0
