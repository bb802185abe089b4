"""Reserve, settle, clamp: who is granted points, who waits, and for how long exactly."""

import random

import pytest

from avnu import keys
from avnu.guards import Class, Outcome, OutcomeKind, Permit, Refused
from tests.support.guards import World, answer, granted, refused, shop

pytest_plugins = ("tests.support.guards_fixtures",)

ONE = shop(1)
# Points are fractions; time stands still, so nothing else makes a difference.
SLACK = 0.01


def known(world: World, available: float = 2000, maximum: float = 2000, rate: float = 100) -> None:
    """The shop has answered once, and has ``available`` points."""
    guards = world.guards()
    permit = granted(guards, ONE, "first", 10, Class.INTERACTIVE)
    answer(guards, permit, actual=0, available=available, maximum=maximum, rate=rate)


def test_capacity_and_rate_are_those_of_the_answer(world: World) -> None:
    assert not world.budget(ONE).known
    known(world, 19_000, 20_000, 1000)
    state = world.budget(ONE)
    assert (state.capacity, state.restore_rate) == (20_000, 1000)
    assert 19_000 <= state.available <= 19_000 + 1000
    assert not world.budget(shop(2)).known, "another shop has a budget of its own"


def test_before_the_first_answer_bulk_calls_go_one_at_a_time(world: World) -> None:
    guards = world.guards()
    first = granted(guards, ONE)
    waiting = refused(world.guards(), ONE)
    assert waiting.cause == "budget"
    assert 0 < waiting.wait_ms <= 250
    answer(guards, first, available=1990)
    granted(guards, ONE)


def test_before_the_first_answer_interactive_calls_go_as_far_as_any_bucket_holds(
    world: World,
) -> None:
    guards = world.guards()
    for _ in range(10):
        granted(guards, ONE, hint=100, cls=Class.INTERACTIVE)
    assert refused(guards, ONE, hint=100, cls=Class.INTERACTIVE).cause == "budget"


def test_a_scout_that_died_does_not_block_the_shop_for_long(world: World) -> None:
    guards = world.guards()
    granted(guards, ONE)
    refused(guards, ONE)
    world.pass_time(5.1)
    granted(guards, ONE)


@pytest.mark.parametrize("answered", [False, True])
def test_a_reservation_is_known_for_as_long_as_the_budget(world: World, answered: bool) -> None:
    if answered:
        known(world)
    granted(world.guards(), ONE, hint=100)
    short = keys.short(ONE)
    reservations, budget = (
        world.client.pttl(world.keys.of(name, short)) for name in ("budget_leases", "budget")
    )
    # A few ms apart, as they are set one after the other.
    assert reservations >= budget - 50


def test_reservations_that_are_gone_hold_nothing(world: World) -> None:
    guards = world.guards()
    granted(guards, ONE)
    assert world.client.delete(world.keys.of("budget_leases", keys.short(ONE)))
    granted(guards, ONE)


def test_answers_without_a_throttle_status_are_survived(world: World) -> None:
    guards = world.guards()
    answer(guards, granted(guards, ONE), available=None, maximum=None, rate=None, actual=1)
    state = world.budget(ONE)
    assert state.known
    assert (state.capacity, state.restore_rate) == (1000, 50)
    answer(guards, granted(guards, ONE), available=3990, maximum=4000, rate=200)
    assert world.budget(ONE).capacity == 4000


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -5.0, 1e300])
def test_numbers_that_can_be_no_points_are_not_believed(world: World, nonsense: float) -> None:
    guards = world.guards()
    known(world)
    answer(guards, granted(guards, ONE), actual=nonsense, available=nonsense, maximum=nonsense,
           rate=nonsense, requested=nonsense)  # fmt: skip
    state = world.budget(ONE)
    assert (state.capacity, state.restore_rate, state.reserved) == (2000, 100, 0)
    assert 0 <= state.available <= 2000


def test_bulk_leaves_the_floor_to_interactive_calls(world: World) -> None:
    guards = world.guards()
    known(world)
    taken = 0
    while isinstance(guards.acquire(ONE, "bulk", 100), Permit):
        taken += 1
    # 2000 points down to the floor of 600, and 400 ms ahead of time.
    assert taken == 14
    for _ in range(6):
        assert granted(guards, ONE, "fast", 100, Class.INTERACTIVE).waited_ms == 0
    assert granted(guards, ONE, "fast", 50, Class.INTERACTIVE).waited_ms > 0
    assert refused(guards, ONE, "fast", 100, Class.INTERACTIVE).cause == "budget"


def test_the_refused_caller_learns_the_exact_wait(world: World) -> None:
    guards = world.guards()
    known(world, available=700)
    wait = refused(guards, ONE, "q", 300).wait_ms
    assert wait == pytest.approx(1600, abs=50), "200 points are missing at 100/s; 400 ms ahead"
    world.pass_time(wait / 1000 - 0.2)
    early = refused(guards, ONE, "q", 300)
    assert early.wait_ms == pytest.approx(200, abs=60)
    world.pass_time(0.2)
    assert granted(guards, ONE, "q", 300).waited_ms <= 400


def test_a_call_waits_ahead_for_points_that_come_soon_without_asking_again(world: World) -> None:
    guards = world.guards()
    known(world, available=620)
    before = world.clock.now
    permit = granted(guards, ONE, "q", 50)
    assert 0 < permit.waited_ms <= 300
    assert world.clock.now - before == pytest.approx(permit.waited_ms / 1000)


def test_no_call_sleeps_longer_than_a_second(world: World) -> None:
    guards = world.guards()
    known(world, available=0)
    for cost in range(10, 500, 7):
        permit = guards.acquire(ONE, f"q{cost}", cost, Class.INTERACTIVE)
        assert isinstance(permit, Refused) or permit.waited_ms <= 1000


def test_the_refund_of_an_answer_goes_to_the_next(world: World) -> None:
    guards = world.guards()
    known(world, available=1000)
    permit = granted(guards, ONE, "q", 400)
    refused(guards, ONE, "q", 390)
    answer(guards, permit, actual=10, available=990)
    granted(guards, ONE, "q", 390)


def test_what_others_outside_take_is_believed_at_the_next_answer(world: World) -> None:
    guards = world.guards()
    known(world, available=2000)
    answer(guards, granted(guards, ONE, hint=10), actual=10, available=900)
    assert world.budget(ONE).available == pytest.approx(900, abs=SLACK)


def test_an_estimate_that_is_too_low_is_lifted_to_what_is_proved(world: World) -> None:
    guards = world.guards()
    known(world, available=100)
    permit = granted(guards, ONE, hint=10, cls=Class.INTERACTIVE)
    answer(guards, permit, actual=10, available=1800)
    assert world.budget(ONE).available == pytest.approx(1800, abs=SLACK)


def test_an_answer_does_not_give_away_what_others_have_reserved(world: World) -> None:
    guards = world.guards()
    known(world, available=2000)
    others = [granted(guards, ONE, "q", 300) for _ in range(3)]
    mine = granted(guards, ONE, "m", 10)
    # It was answered before the three arrived at Shopify: their 900 points are still owed.
    answer(guards, mine, actual=10, available=1990)
    assert world.budget(ONE).available == pytest.approx(1990 - 900, abs=SLACK)
    for permit in others:
        answer(guards, permit, actual=300, available=None)
    assert world.budget(ONE).available == pytest.approx(1090, abs=3 * SLACK)


def test_an_old_answer_does_not_raise_what_has_been_spent_since(world: World) -> None:
    guards = world.guards()
    known(world, available=1000)
    slow = granted(guards, ONE, "slow", 10)
    for _ in range(3):
        answer(guards, granted(guards, ONE, "q", 100), actual=100, available=None)
    before = world.budget(ONE).available
    # The slow one's answer was made before the three were charged.
    answer(guards, slow, actual=10, available=990)
    assert world.budget(ONE).available <= before + 10 + SLACK


def test_reservations_of_killed_workers_lapse_and_the_next_answer_settles_it(world: World) -> None:
    guards = world.guards()
    known(world, available=2000)
    for _ in range(4):
        granted(guards, ONE, "lost", 300)
    assert world.budget(ONE).reserved == 1200
    world.pass_time(world.settings.budget_lease_seconds + 1)
    answer(guards, granted(guards, ONE, hint=1), actual=1, available=1999)
    state = world.budget(ONE)
    assert (state.reserved, state.reservations) == (0, 0)
    assert state.available == pytest.approx(1999, abs=SLACK)


def test_throttled_costs_nothing_and_lowers_the_trust_in_the_rate_for_a_while(
    world: World,
) -> None:
    guards = world.guards()
    known(world, available=2000)
    permit = granted(guards, ONE, "dear", 100)
    answer(
        guards,
        permit,
        kind=OutcomeKind.IGNORED,
        actual=None,
        available=60,
        requested=752,
        throttled=True,
    )
    state = world.budget(ONE)
    assert state.available == pytest.approx(60, abs=SLACK)
    assert state.trust == pytest.approx(0.9, abs=0.02)
    world.pass_time(11)
    assert world.budget(ONE).trust == 1
    assert granted(guards, ONE, "dear", 100, Class.INTERACTIVE).reserved == 752, "learnt for free"


def test_costs_are_learnt_upwards_at_once_and_downwards_slowly(world: World) -> None:
    guards = world.guards()
    known(world, 20_000, 20_000, 1000)
    assert granted(guards, ONE, "new", 0).reserved == world.settings.budget_first_cost
    for requested, reserved in ((50, 50), (200, 200), (100, 190), (100, 181)):
        answer(guards, granted(guards, ONE, "q", 10), requested=requested, available=19_000,
               maximum=20_000, rate=1000)  # fmt: skip
        assert granted(guards, ONE, "q", 10).reserved == pytest.approx(reserved)
    assert granted(world.guards(), shop(2), "q", 10).reserved == pytest.approx(181), "by all shops"


def test_a_dear_bulk_call_does_not_starve_among_cheap_ones(world: World) -> None:
    guards = world.guards()
    known(world, available=620)
    dear_at = 0.0
    for _ in range(400):
        if world.clock.now >= dear_at:
            dear = guards.acquire(ONE, "dear", 700)
            if isinstance(dear, Permit):
                break
            dear_at = world.clock.now + dear.wait_ms / 1000
        for _ in range(5):
            guards.acquire(ONE, "cheap", 10)
        world.pass_time(0.1)
    else:
        raise AssertionError("the dear call was never granted")
    assert world.clock.now < 1012, "700 points take 7 s"


def test_a_claim_that_is_not_taken_lapses(world: World) -> None:
    guards = world.guards()
    known(world, available=620)
    refused(guards, ONE, "dear", 700)
    assert world.budget(ONE).awaited == 700
    world.pass_time(12)
    assert world.budget(ONE).awaited == 0
    granted(guards, ONE, "cheap", 10)


def test_a_bucket_smaller_than_floor_and_cost_still_serves(world: World) -> None:
    guards = world.guards()
    known(world, available=100, maximum=100, rate=10)
    assert granted(guards, ONE, "q", 90).reserved == 90
    world.pass_time(30)
    assert granted(guards, ONE, "huge", 900).reserved <= 100


def test_points_never_exceed_what_was_restored(world: World) -> None:
    """Whatever the order of grants, answers and losses: never more granted than the bucket had."""
    chance = random.Random(3)
    guards = world.guards()
    known(world, available=2000)
    # Shopify's own bucket, which no caller can see but in answers.
    bucket, open_calls, throttled = 2000.0, list[Permit](), 0
    for _ in range(400):
        world.pass_time(step := chance.choice([0.0, 0.05, 0.3, 1.0]))
        bucket = min(2000.0, bucket + step * 100)
        at = world.clock.now
        permit = guards.acquire(
            ONE, f"q{(cost := chance.choice([12, 52, 202, 752]))}", cost, chance.choice(list(Class))
        )
        # A wait for points moves the clock; Redis' and Shopify's time with it.
        if (slept := world.clock.now - at) > 0:
            world.client.incrby(world.keys.of("guards_offset"), int(slept * 1000))
            bucket = min(2000.0, bucket + slept * 100)
        if isinstance(permit, Permit):
            if bucket < permit.reserved - SLACK:
                throttled += 1
            bucket -= permit.reserved
            open_calls.append(permit)
        while open_calls and chance.random() < 0.5:
            done = open_calls.pop(chance.randrange(len(open_calls)))
            actual = int(done.reserved * chance.uniform(0.1, 0.9))
            bucket = min(2000.0, bucket + done.reserved - actual)
            if chance.random() < 0.9:  # else its worker was killed
                answer(guards, done, actual=actual, available=bucket)
    assert throttled == 0


def test_what_was_restored_while_an_answer_travelled_is_counted(world: World) -> None:
    guards = world.guards()
    known(world, available=2000)
    permit = granted(guards, ONE, hint=10)
    guards.outcome(
        permit,
        Outcome(kind=OutcomeKind.OK, actual=10, available=500, maximum=2000, restore_rate=100),
    )
    world.pass_time(3)
    guards.flush()
    assert world.budget(ONE).available == pytest.approx(800, abs=SLACK)
