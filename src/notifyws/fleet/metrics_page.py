"""The page that Prometheus reads, by ``prometheus_client``; the only one who knows it.

A registry of our own, so that nothing else of the process is told, and a collector that
reads everything when it is asked. What Python knows of its own process is added where
the system tells it (Linux).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
)
from prometheus_client import Metric as Family
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from notifyws.fleet.metrics import Readings, measured

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
FAMILIES = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "summary": SummaryMetricFamily,
}


class MetricsPage(Collector):
    """Writes what is measured.

    Args:
        readings: what there is to tell, by our own name for each server.
    """

    def __init__(self, readings: Mapping[str, Readings]) -> None:
        self._readings = readings
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def collect(self) -> Iterator[Family]:
        """Yield each metric with its samples."""
        for metric, labels, samples in measured(self._readings):
            family = FAMILIES[metric.kind](metric.name, metric.meaning, labels=labels)
            for values, numbers in samples:
                family.add_metric(values, *numbers)
            yield family

    def text(self) -> str:
        """Return the page as it stands now."""
        return generate_latest(self._registry).decode()
