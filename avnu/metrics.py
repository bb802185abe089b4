"""``/metrics`` in Prometheus text. Counters live in the inbox, so any one door shows all of it.

To add a metric: count it in a script or flush it (``Inbox.flush_counters``), add its family here,
and name it in DESIGN section 9's list in ``avnu/README.md``. No shop ever goes into a label.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from avnu.inbox import Inbox
from avnu.inbox.overview import Overview, overview


def render(inbox: Inbox) -> bytes:
    """The metrics now, as exposition text. Raises InboxUnavailable."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_InboxCollector(overview(inbox)))
    return generate_latest(registry)


class _InboxCollector(Collector):
    def __init__(self, state: Overview) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        yield from self._counters()
        yield from self._gauges()

    def _counters(self) -> Iterator[Metric]:
        received = CounterMetricFamily(
            "avnu_webhooks_received", "Deliveries by what became of them.", labels=["outcome"]
        )
        for outcome, n in self._state.received.items():
            received.add_metric([outcome], n)
        yield received
        settled = CounterMetricFamily(
            "avnu_webhooks_settled", "Webhooks settled.", labels=["area", "outcome"]
        )
        dead = CounterMetricFamily(
            "avnu_webhooks_dead", "Webhooks that became dead letters.", labels=["area", "cause"]
        )
        retries = CounterMetricFamily(
            "avnu_webhook_retries", "Failed runs that will be tried again.", labels=["area"]
        )
        put_away = CounterMetricFamily(
            "avnu_webhooks_put_away",
            "Webhooks done without effect, as their shops have left.",
            labels=["area"],
        )
        for area in self._state.areas:
            put_away.add_metric([area.area], area.put_away)
            settled.add_metric([area.area, "done"], area.done)
            settled.add_metric([area.area, "superseded"], area.superseded)
            retries.add_metric([area.area], area.retries)
            for cause, n in sorted(area.dead_total.items()):
                dead.add_metric([area.area, cause], n)
        missed = CounterMetricFamily(
            "avnu_webhooks_missed",
            "Changes that only a reconciliation told of: their webhooks never came.",
            labels=["resource"],
        )
        for resource, n in self._state.missed.items():
            missed.add_metric([resource], n)
        yield from (settled, dead, retries, put_away, missed)

    def _gauges(self) -> Iterator[Metric]:
        families = {
            "backlog": "Webhooks neither settled nor dead.",
            "parked": "Webhooks of parked shops, part of the backlog.",
            "oldest_seconds": "Age of the oldest webhook that waits and is not parked.",
            "dead": "Dead letters now.",
        }
        for name, meaning in families.items():
            family = GaugeMetricFamily(f"avnu_inbox_{name}", meaning, labels=["area"])
            for area in self._state.areas:
                value = area.oldest_s if name == "oldest_seconds" else getattr(area, name)
                family.add_metric([area.area], value)
            yield family
        full = GaugeMetricFamily(
            "avnu_inbox_full", "1 while accept answers 503 for want of memory."
        )
        full.add_metric([], 1 if self._state.full else 0)
        yield full
