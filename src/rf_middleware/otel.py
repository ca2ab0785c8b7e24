"""Shows what the validators of this process do to OpenTelemetry. Needs ``opentelemetry-api`` (the extra ``[otel]``).

    from rf_middleware.otel import instrument

    instrument()  # once in each process, after the meter provider is set

No spans are made: a hit takes less time than one. A question to the issuer is an httpx request, which
``opentelemetry-instrumentation-httpx`` shows; its URL holds no key.
"""

from collections.abc import Callable, Iterable
from functools import partial

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter

from rf_middleware._instruments import INSTRUMENTS, Instrument

__all__ = ["instrument"]


def instrument(meter_provider: MeterProvider | None = None) -> None:
    """Add everything to a meter provider; ``None`` for the global one."""
    meter = get_meter("rf_middleware", meter_provider=meter_provider)
    for each in INSTRUMENTS:
        make = meter.create_observable_counter if each.kind == "counter" else meter.create_observable_gauge
        make(each.name.replace("_", ".", 2), [_observing(each)], description=each.text)


def _observing(each: Instrument) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return partial(_observe, each)


def _observe(each: Instrument, _options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(value, dict(labels)) for labels, value in each.measure().items()]
