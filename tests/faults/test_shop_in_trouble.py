"""One shop frozen, unauthorised or unknown, or the database away: who waits, and until when."""

import re
from pathlib import Path

from avnu import keys
from tests.faults.conftest import MakeStack
from tests.support.command import runner
from tests.support.shopify_stack import calling, causes, install, sandboxed
from tests.support.stack import Stack
from tests.support.waiting import wait_until

SLOW = {"PARK_FIRST_SECONDS": "120", "PARK_LONGEST_SECONDS": "240"}


def accept(stack: Stack, shop: str) -> str:
    one = stack.maker.make(shop, do="call")
    stack.accept(one)
    return stack.ref(one)


def wait_parked(stack: Stack, wanted: dict[str, str]) -> None:
    wait_until(lambda: causes(stack) == wanted, 15, f"parked are {wanted}")


def test_a_shop_s_own_trouble_parks_that_shop_alone(make_stack: MakeStack) -> None:
    with sandboxed() as sandbox:
        stack = make_stack(settings=calling(sandbox, **SLOW, LOG_LEVEL="DEBUG"))
        avnu = runner(stack.environ())
        install(stack, sandbox, ["good", "frozen", "gone"])
        sandbox.change(keys.domain("frozen"), frozen=True)
        sandbox.change(keys.domain("gone"), uninstalled=True)
        worker = stack.worker().start()
        for shop in ("frozen", "gone", "stranger"):
            accept(stack, shop)
        good = [accept(stack, "good") for _ in range(20)]
        wait_parked(stack, {"frozen": "frozen", "gone": "unauthorised", "stranger": "unauthorised"})
        wait_until(lambda: stack.settled(good) == set(good), 30, "the good shop goes on")
        listed = avnu("shops", "list", "--json").stdout
        assert '"frozen"' in listed
        assert '"unauthorised"' in listed

        # Each comes back by what mends it, long before its two minutes are over.
        sandbox.change(keys.domain("frozen"), frozen=False)
        assert avnu("shops", "resume", "frozen").exit_code == 0
        wait_parked(stack, {"gone": "unauthorised", "stranger": "unauthorised"})
        sandbox.change(keys.domain("gone"), uninstalled=False)
        for shop in ("gone", "stranger"):
            issued = sandbox.tokens.issue(keys.domain(shop))
            tokens = f"{issued.access_token}\n{issued.refresh_token}\n".encode()
            assert avnu("shops", "add", shop, stdin=tokens).exit_code == 0
        stack.assert_whole()
        counts = stack.counts()
        assert (counts["retries"], counts["dead"]) == (0, 0)
        assert "query=Shop" in worker.log, "else nothing was logged"
        assert not re.search(r"shp[ar]t_", worker.log), "a token in the worker's log"


def test_a_refresh_in_one_process_unparks(make_stack: MakeStack) -> None:
    with sandboxed() as sandbox:
        stack = make_stack(settings=calling(sandbox, **SLOW))
        avnu = runner(stack.environ())
        install(stack, sandbox, ["late"], life_s=0)
        sandbox.weather.set("http_503", on="token")
        stack.worker().start()
        accept(stack, "late")
        wait_parked(stack, {"late": "token"})
        sandbox.weather.clear()
        assert avnu("shops", "refresh", "late").exit_code == 0
        stack.assert_whole()
        assert stack.counts()["retries"] == 0


def test_a_database_that_is_away_parks(make_stack: MakeStack) -> None:
    with sandboxed() as sandbox:
        stack = make_stack(settings=calling(sandbox))
        install(stack, sandbox, ["one", "two"])
        path = Path(stack.settings.database_url.reveal().removeprefix("sqlite:///"))
        stack.worker().start()
        away = path.rename(path.with_suffix(".away"))
        for shop in ("one", "two"):
            accept(stack, shop)
        wait_parked(stack, {"one": "database", "two": "database"})
        away.rename(path)
        stack.assert_whole()
        assert stack.counts()["retries"] == 0
