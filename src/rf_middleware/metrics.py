"""Shows what the validators of this process do to Prometheus. Needs ``prometheus-client`` (the extra ``[metrics]``).

    from rf_middleware.metrics import register

    register()  # once; then whatever serves prometheus_client's registry shows it

Hits are not counted: a counter would cost a good part of one. Each worker process counts by itself; where they share
one scrape address, prefer ``rf_middleware.otel``, which pushes.
"""

from collections.abc import Iterable

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rf_middleware._instruments import INSTRUMENTS, Instrument

__all__ = ["register"]


def register(registry: CollectorRegistry = REGISTRY) -> None:
    """Add everything to a registry.

    Raises:
        ValueError: it was added already.
    """
    registry.register(_Validators())


class _Validators(Collector):
    """Reads when it is scraped, so that a request pays nothing."""

    def collect(self) -> Iterable[Metric]:
        return [_family(instrument) for instrument in INSTRUMENTS]

    def describe(self) -> Iterable[Metric]:
        return self.collect()


def _family(instrument: Instrument) -> Metric:
    kind = CounterMetricFamily if instrument.kind == "counter" else GaugeMetricFamily
    family = kind(instrument.name, instrument.text, labels=["issuer", *([instrument.label] * bool(instrument.label))])
    for labels, value in instrument.measure().items():
        family.add_metric([each for _, each in labels], value)
    return family
