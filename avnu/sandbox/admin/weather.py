"""Faults on demand: what is set, and what it does to one call.

    sandbox.weather.set("http_503", times=3)
    sandbox.weather.set("latency", seconds=0.05, most_seconds=0.4)
    sandbox.weather.set("hang", shop="amber-lamps.myshopify.com")
    sandbox.weather.release()      # what hangs is answered; the rule stays
    sandbox.weather.clear()        # nothing is set any more, and nothing hangs

Names are in ``faults.py``. A call gets every wait that is meant for it, then the first fault that
answers instead, or else every one that spoils its answer; only those that it gets count as used.
"""

import random
from collections.abc import Callable
from threading import Event, Lock
from typing import Literal

import msgspec

from avnu.sandbox.admin.answer import Answer
from avnu.sandbox.admin.faults import FAULTS, Fault
from avnu.sandbox.admin.rule import Rule

Chosen = tuple[Rule, Fault]


class UnknownFault(ValueError):
    """There is no such fault; the text names those that there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no such fault: {name!r}; there are {', '.join(FAULTS)}")


class Forecast:
    """What the weather does to one call."""

    def __init__(self, chosen: list[Chosen], rng: random.Random, released: Event) -> None:
        self.released = released  # set when nothing is to be held any longer
        self._chosen = chosen
        self._rng = rng
        self._paused = False

    def pause(self) -> None:
        """Hold the call as long as is set; the second time nothing happens."""
        if self._paused:
            return
        self._paused = True
        for rule, fault in self._chosen:
            if fault.wait is not None:
                fault.wait(rule, self._rng, self.released)

    def on(self, answer: Callable[[], Answer]) -> Answer:
        """The answer that the call gets; the good one is only made where it is needed."""
        for rule, fault in self._chosen:
            if fault.instead is not None:
                self.pause()
                return fault.instead(rule)
        made = answer()
        self.pause()
        for rule, fault in self._chosen:
            if fault.spoil is not None:
                made = fault.spoil(made, rule)
        return made


class Weather:
    """The faults that are set. Safe to use from several threads."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._lock = Lock()
        self._rules: list[Rule] = []
        self._released = Event()

    def set(
        self,
        name: str,
        *,
        shop: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        on: Literal["graphql", "token", "all"] = "graphql",
        seconds: float | None = None,
        most_seconds: float | None = None,
        text: str | None = None,
    ) -> None:
        """Set a fault as ``Rule`` says; raises UnknownFault, and ValueError for odd numbers."""
        given = {
            "name": name, "shop": shop, "times": times, "probability": probability, "on": on,
            "seconds": seconds, "most_seconds": most_seconds, "text": text,
        }  # fmt: skip
        self.add(msgspec.convert(given, Rule))

    def add(self, rule: Rule) -> None:
        """Set a fault; one of the same name, shop and kind of call is replaced."""
        if rule.name not in FAULTS:
            raise UnknownFault(rule.name)
        same = (rule.name, rule.shop, rule.on)
        with self._lock:
            kept = [one for one in self._rules if (one.name, one.shop, one.on) != same]
            self._rules = [*kept, rule]

    def clear(self, shop: str | None = None) -> None:
        """Unset what is set, or what is set for one shop alone; what hangs is released."""
        with self._lock:
            self._rules = [one for one in self._rules if shop is not None and one.shop != shop]
        self.release()

    def release(self) -> None:
        """Let go of all calls that are held now."""
        with self._lock:
            self._released.set()
            self._released = Event()

    def rules(self) -> list[Rule]:
        """What is set, in the order in which it was."""
        with self._lock:
            return list(self._rules)

    def forecast(self, shop: str, on: Literal["graphql", "token"]) -> Forecast:
        """What happens to a call of this shop; what it uses up is used up now."""
        with self._lock:
            meant = [(one, FAULTS[one.name]) for one in self._rules if one.matches(shop, on)]
            chosen = [pair for pair in meant if pair[1].wait and self._falls(pair[0])]
            instead = next(
                (pair for pair in meant if pair[1].instead and self._falls(pair[0])), None
            )
            if instead is not None:
                chosen.append(instead)
            else:
                chosen += [pair for pair in meant if pair[1].spoil and self._falls(pair[0])]
            return Forecast(chosen, self._rng, self._released)

    def _falls(self, rule: Rule) -> bool:
        """Whether a rule applies this time; counts it. The lock is held."""
        if rule.probability < 1 and self._rng.random() >= rule.probability:
            return False
        if rule.times is not None:
            rule.times -= 1
            if rule.times == 0:
                self._rules = [one for one in self._rules if one is not rule]
        return True
