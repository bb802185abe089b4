"""A shop uninstalls: what waits for it in any area is over at once, and a reinstall goes on."""

from avnu import keys
from avnu.inbox.audit import audit
from tests.faults.conftest import MakeStack
from tests.support.command import runner
from tests.support.shopify_stack import calling, causes, install, sandboxed
from tests.support.stack import Stack
from tests.support.waiting import wait_until

SLOW = {"PARK_FIRST_SECONDS": "120", "PARK_LONGEST_SECONDS": "240"}
AREAS = ("orders", "products", "inventory")


def accept(stack: Stack, area: str, do: str, n: int = 1) -> set[str]:
    some = [stack.maker.make("gone", area, do=do, id=1) for _ in range(n)]
    stack.accept(*some)
    return {stack.ref(one) for one in some}


def wait_settled(stack: Stack, refs: set[str], why: str) -> None:
    wait_until(lambda: stack.settled(refs) == refs, 15, why)


def test_a_shop_that_left_leaves_no_backlog_and_comes_back(make_stack: MakeStack) -> None:
    with sandboxed() as sandbox:
        stack = make_stack(settings=calling(sandbox, **SLOW))
        avnu = runner(stack.environ())
        install(stack, sandbox, ["gone"])
        sandbox.change(keys.domain("gone"), uninstalled=True)
        stack.worker().start()
        waiting = set[str]().union(*(accept(stack, area, "call", n=3) for area in AREAS))
        parked = stack.key("parked")
        wait_until(lambda: stack.client.zcard(parked) == len(AREAS), 15, "all areas wait")
        assert causes(stack) == {"gone": "unauthorised"}

        told = accept(stack, "app", "leave")
        wait_settled(stack, waiting | told, "nothing waits for a shop that left")
        late = accept(stack, "orders", "call")
        wait_settled(stack, late, "nor does what comes later")
        assert (stack.counts()["put_away"], stack.counts()["dead"]) == (10, 0)
        found = audit(stack.inbox)
        assert (found.ok, found.places["settled"]) == (True, 11), found.faults
        calls = sandbox.report()["calls"]

        sandbox.change(keys.domain("gone"), uninstalled=False)
        issued = sandbox.tokens.issue(keys.domain("gone"))
        tokens = f"{issued.access_token}\n{issued.refresh_token}\n".encode()
        assert avnu("shops", "add", "gone", stdin=tokens).exit_code == 0
        back = accept(stack, "orders", "call")
        wait_settled(stack, back, "a shop that is back is followed")
        assert sandbox.report()["calls"] > calls
        assert stack.counts()["put_away"] == 10


def test_an_uninstall_that_cannot_be_confirmed_holds_up_nobody(make_stack: MakeStack) -> None:
    with sandboxed() as sandbox:
        stack = make_stack(settings=calling(sandbox))
        install(stack, sandbox, ["gone"])
        sandbox.change(keys.domain("gone"), uninstalled=True)
        sandbox.weather.set("http_503")
        [told] = accept(stack, "app", "leave")
        behind = accept(stack, "app", "done", n=3)
        worker = stack.worker().start()
        wait_settled(stack, behind, "what is behind it goes on")
        wait_until(lambda: int(stack.trouble(told).get("parks", 0)) > 1, 20, "it waits alone")
        assert causes(stack) == {}
        sandbox.weather.clear()
        wait_settled(stack, {told}, "it is confirmed at last")
        assert (stack.counts()["retries"], stack.counts()["dead"]) == (0, 0)
        assert "'outcome': 'parked: alone'" in worker.log
