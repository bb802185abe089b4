"""A process that calls the bucket server through the guards, or without: python -m … '<json>'.

Plan: port, shops, threads, seconds, class, costs, guarded, pause_s (between calls of a thread).
Settings come from the environment. Prints one JSON line when it ends: the waits of its calls in
seconds, and how often it was refused for which cause. A line "ready" says that it has begun.
"""

import json
import random
import sys
import threading
import time
from collections import Counter
from typing import Any

import urllib3

from avnu.clock import SystemClock
from avnu.connections import Connections
from avnu.guards import Class, Guards, Outcome, OutcomeKind, Refused, build_guards
from avnu.settings import load_settings


class Caller:
    """All threads of one process."""

    def __init__(self, plan: dict[str, Any], guards: Guards | None) -> None:
        self.plan = plan
        self.guards = guards
        self.waits: list[float] = []
        self.causes: Counter[str] = Counter()
        self.until = time.monotonic() + plan["seconds"]
        self.pool = urllib3.HTTPConnectionPool(
            "127.0.0.1", plan["port"], maxsize=plan["threads"], retries=False, timeout=30
        )

    def run(self) -> None:
        threads = [threading.Thread(target=self.work) for _ in range(self.plan["threads"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def work(self) -> None:
        while time.monotonic() < self.until:
            shop, cost = random.choice(self.plan["shops"]), random.choice(self.plan["costs"])
            waited = self.guarded(shop, cost) if self.guards else self.unguarded(shop, cost)
            if waited is not None:
                self.waits.append(waited)
            if self.plan["pause_s"]:
                time.sleep(random.expovariate(1 / self.plan["pause_s"]))

    def guarded(self, shop: str, cost: int) -> float | None:
        """One call through the guards; seconds from wanting it to sending it."""
        assert self.guards is not None
        wanted = time.monotonic()
        while (left := self.until - time.monotonic()) > 0:
            permit = self.guards.acquire(shop, f"q{cost}", cost, Class(self.plan["class"]))
            if isinstance(permit, Refused):
                self.causes[permit.cause] += 1
                time.sleep(min(permit.wait_ms / 1000, self.plan["longest_wait_s"], left))
                continue
            sent = time.monotonic()
            outcome = self.send(shop, cost)
            self.guards.outcome(permit, outcome)
            if outcome.throttled:
                self.causes["throttled"] += 1
                continue
            return sent - wanted
        return None

    def send(self, shop: str, cost: int) -> Outcome:
        """The call itself, read as the Admin client would."""
        begun = time.monotonic()
        try:
            answer = self.pool.urlopen("POST", f"/{shop}", body=json.dumps({"cost": cost}))
        except urllib3.exceptions.HTTPError:
            return Outcome(kind=OutcomeKind.PLATFORM_FAULT)
        if answer.status >= 500:
            return Outcome(kind=OutcomeKind.PLATFORM_FAULT)
        told = answer.json()
        status = told["status"]
        return Outcome(
            kind=OutcomeKind.IGNORED if told["throttled"] else OutcomeKind.OK,
            requested=told["requested"],
            actual=told["actual"],
            available=status["currentlyAvailable"],
            maximum=status["maximumAvailable"],
            restore_rate=status["restoreRate"],
            duration_ms=(time.monotonic() - begun) * 1000,
            throttled=told["throttled"],
        )

    def unguarded(self, shop: str, cost: int) -> float | None:
        """The same without a budget: THROTTLED waits for what the answer says, and tries again."""
        wanted = time.monotonic()
        while (left := self.until - time.monotonic()) > 0:
            sent = time.monotonic()
            outcome = self.send(shop, cost)
            if not outcome.throttled:
                return sent - wanted
            self.causes["throttled"] += 1
            assert outcome.available is not None
            assert outcome.restore_rate is not None
            time.sleep(min(max(0.1, (cost - outcome.available) / outcome.restore_rate), left))
        return None


def main() -> None:
    plan = json.loads(sys.argv[1])
    settings = load_settings()
    connections = Connections(settings)
    guards = build_guards(settings, connections.cache(), SystemClock()) if plan["guarded"] else None
    print("ready", flush=True)
    caller = Caller(plan, guards)
    caller.run()
    if guards:
        guards.close()
    connections.close()
    print(json.dumps({"waits": caller.waits, "causes": caller.causes}), flush=True)


if __name__ == "__main__":
    main()
