"""``/sandbox/…``: the sandbox itself, asked and told over HTTP.

GET ``healthz``, ``report``, ``weather``, ``shops/<domain>``; POST ``weather`` (a ``Rule``, or
``{"name": "clear", "shop": …}``, ``{"name": "release"}``), ``shops/<domain>`` (a ``Change``) and
``day`` (a ``PlayedDay``), which answers its shops and those of them that have left the app.
"""

from typing import Any

import msgspec

from avnu.sandbox.admin.answer import Answer, refused, told
from avnu.sandbox.admin.call import Call
from avnu.sandbox.admin.faults import FAULTS
from avnu.sandbox.admin.rule import Rule
from avnu.sandbox.admin.tally import Tally
from avnu.sandbox.admin.tenants import Change, Standing, Tenants
from avnu.sandbox.admin.tokens import TokenDesk
from avnu.sandbox.admin.weather import UnknownFault, Weather
from avnu.sandbox.admin.world import World
from avnu.sandbox.store import PlayedDay

PREFIX = "/sandbox/"


class Control:
    """Answers what is asked of the sandbox, and changes it."""

    def __init__(self, tally: Tally, weather: Weather, tenants: Tenants, desk: TokenDesk) -> None:
        self._tally = tally
        self._weather = weather
        self._tenants = tenants
        self._desk = desk

    def change(self, domain: str, change: Change) -> Standing:
        """Change how a shop stands; removing the app revokes its tokens.

        Raises ValueError for a plan that is none, KeyError for a shop that is none.
        """
        standing = self._tenants.change(domain, change)
        if change.uninstalled:
            self._desk.revoke(domain)
        return standing

    def answer(self, call: Call) -> Answer:
        """200 with a document, or 400 and 404 with ``{"error": …}``."""
        what, _, domain = call.path.removeprefix(PREFIX).partition("/")
        try:
            if what == "shops" and domain:
                return _fine(self._shop(call, domain))
            if call.method == "POST" and what == "day":
                world = _world(call.body)
                taken = self._tenants.take_in(world)
                return _fine({"shops": taken, "left": sorted(world.left)})
            if call.method == "POST" and what == "weather":
                self._set(call.body)
            if domain or what not in ("healthz", "report", "weather"):
                return refused(404, "Not Found")
            return _fine(self._told(what))
        except KeyError as fault:
            return told(404, {"error": f"no such shop: {fault.args[0]}"}, "control")
        except ValueError as fault:  # what msgspec raises is one
            return told(400, {"error": str(fault)}, "control")

    def _told(self, what: str) -> dict[str, Any]:
        if what == "report":
            return self._tally.report()
        if what == "healthz":
            return {"ok": True}
        faults = {name: fault.says for name, fault in FAULTS.items()}
        return {"rules": self._weather.rules(), "faults": faults}

    def _set(self, body: bytes) -> None:
        rule = msgspec.json.decode(body, type=Rule)
        if rule.name == "clear":
            self._weather.clear(rule.shop)
        elif rule.name == "release":
            self._weather.release()
        elif rule.name in FAULTS:
            self._weather.add(rule)
        else:
            raise UnknownFault(rule.name)

    def _shop(self, call: Call, domain: str) -> dict[str, Any]:
        tenant = self._tenants.of(domain)
        if call.method == "POST":
            self.change(domain, msgspec.json.decode(call.body, type=Change))
        bucket = tenant.bucket
        with bucket.lock:
            bucket.refill()
            points = {
                **bucket.status(),
                "inFlight": bucket.flying,
                "spent": bucket.spent,
                "calls": bucket.calls,
                "throttled": bucket.throttled,
            }
        return {"shop": domain, **msgspec.structs.asdict(tenant.standing), "bucket": points}


def _world(body: bytes) -> World:
    day = msgspec.json.decode(body, type=PlayedDay)
    return World.played(
        day.seed, day.shops, day.deliveries, day.start, sizes=day.sizes, days=day.days
    )


def _fine(document: dict[str, Any]) -> Answer:
    return told(200, document, "control")
