"""OpenTelemetry is shown the same as Prometheus."""

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from rf_middleware.otel import instrument
from tests.observed.busy import busy


def test_what_was_asked_and_refused_is_shown() -> None:
    """Each instrument has its values by label when somebody collects, and no key is anywhere."""
    reader = InMemoryMetricReader()
    instrument(MeterProvider([reader]))
    found = dict[tuple[str, str], float]()
    with busy("otel"):
        data = reader.get_metrics_data()
    assert data is not None
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.data.data_points:
            labels = dict(point.attributes or {})
            if labels.pop("issuer") == "Named(otel)":
                assert isinstance(point, NumberDataPoint)
                found[metric.name, str(next(iter(labels.values()), ""))] = float(point.value)
    assert found["rf.validator.questions", "granted"] == 1.0
    assert found["rf.validator.questions", "denied"] == 1.0
    assert found["rf.validator.refused", "limited"] == 2.0
    assert found["rf.validator.remembered", "grants"] == 1.0
    assert found["rf.validator.stale", ""] == 0.0
    assert found["rf.validator.lease_seconds", ""] == 0.0
    assert len(found) == 14
    assert "canary" not in data.to_json()
