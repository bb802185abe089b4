"""What was read for one scrape, and how Prometheus' own library is given it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from avnu.metrics.families import FAMILIES, Family, MetricType


class Readings(Collector):
    """Values by metric. One of which nothing was read is left out, never told as 0."""

    def __init__(self) -> None:
        self._values: defaultdict[str, list[tuple[Sequence[str], float]]] = defaultdict(list)
        self._histograms: defaultdict[
            str, list[tuple[Sequence[str], list[tuple[str, float]], float]]
        ] = defaultdict(list)

    def add(self, name: str, value: float, *labels: str) -> None:
        """A counter or gauge of the table; ``labels`` are values in the table's order."""
        assert FAMILIES[name].kind is not MetricType.HISTOGRAM
        self._values[name].append((labels, value))

    def add_histogram(
        self, name: str, buckets: list[tuple[str, float]], total: float, *labels: str
    ) -> None:
        """``buckets``: per bound how many were at most that; ``total``: the sum of all."""
        self._histograms[name].append((labels, buckets, total))

    def collect(self) -> Iterator[Metric]:
        """Every family of which something was read, in the table's order."""
        for family in FAMILIES.values():
            if family.name in self._values:
                yield self._of_values(family)
            elif family.name in self._histograms:
                yield self._of_histograms(family)

    def _of_values(self, family: Family) -> Metric:
        made: CounterMetricFamily | GaugeMetricFamily
        if family.kind is MetricType.COUNTER:
            name = family.name.removesuffix("_total")
            made = CounterMetricFamily(name, family.meaning, labels=family.labels)
        else:
            made = GaugeMetricFamily(family.name, family.meaning, labels=family.labels)
        for labels, value in self._values[family.name]:
            made.add_metric(labels, value)
        return made

    def _of_histograms(self, family: Family) -> Metric:
        made = HistogramMetricFamily(family.name, family.meaning, labels=family.labels)
        for labels, buckets, total in self._histograms[family.name]:
            made.add_metric(labels, buckets, total)
        return made
