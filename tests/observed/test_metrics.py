"""Prometheus is shown what validators do, and nothing of any key."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from rf_middleware import Validator
from rf_middleware.metrics import register
from tests.observed.busy import Named, busy


def shown(registry: CollectorRegistry, issuer: str) -> dict[str, float]:
    """Return what is shown of an issuer, by name and further label."""
    found = dict[str, float]()
    for line in generate_latest(registry).decode().splitlines():
        if f'issuer="{issuer}"' in line:
            name, _, value = line.rpartition(" ")
            found[name.replace(f'issuer="{issuer}"', "").replace("{,", "{").replace("{}", "")] = float(value)
    return found


def test_what_was_asked_and_refused_is_shown() -> None:
    """Each outcome has its counter, and what is remembered its gauge; no key is anywhere."""
    registry = CollectorRegistry()
    register(registry)
    with busy("prometheus"):
        found = shown(registry, "Named(prometheus)")
        text = generate_latest(registry).decode()
    assert found == {
        'rf_validator_questions_total{outcome="granted"}': 1.0,
        'rf_validator_questions_total{outcome="denied"}': 1.0,
        'rf_validator_questions_total{outcome="unavailable"}': 0.0,
        "rf_validator_outdated_total": 0.0,
        'rf_validator_refused_total{reason="limited"}': 2.0,
        'rf_validator_refused_total{reason="resting"}': 0.0,
        'rf_validator_refused_total{reason="crowded"}': 0.0,
        "rf_validator_stale_total": 0.0,
        "rf_validator_events_total": 0.0,
        "rf_validator_resets_total": 0.0,
        'rf_validator_remembered{pool="grants"}': 1.0,
        'rf_validator_remembered{pool="denials"}': 1.0,
        "rf_validator_in_flight": 0.0,
        "rf_validator_lease_seconds": 0.0,
    }
    assert "canary" not in text


def test_validators_of_one_issuer_are_added_up() -> None:
    """Two validators that ask the same issuer are one row."""
    registry = CollectorRegistry()
    register(registry)
    with busy("shared"), busy("shared"):
        assert shown(registry, "Named(shared)")['rf_validator_questions_total{outcome="denied"}'] == 2.0


def test_the_shortest_lease_is_shown() -> None:
    """Of two validators of one issuer the one without a lease is the one to see, and neither has a place in memory."""
    registry = CollectorRegistry()
    register(registry)
    with busy("leases"), busy("leases") as other:
        other._core.deadline = other._core.clock() + 1e6
        other._core._has_feed = True
        assert other.staleness.lease_left > 0
        assert shown(registry, "Named(leases)")["rf_validator_lease_seconds"] == 0.0


def test_an_issuer_without_a_name_is_called_by_its_type() -> None:
    """A label that changes with each start would be a new series each time."""

    class Nameless(Named):
        __repr__ = object.__repr__

    registry = CollectorRegistry()
    register(registry)
    with Validator(Nameless("")):
        assert shown(registry, "Nameless")["rf_validator_in_flight"] == 0.0
        assert "Nameless object at" not in generate_latest(registry).decode()


def test_it_is_added_once() -> None:
    """A second time is an error that says so, and not two of each."""
    registry = CollectorRegistry()
    register(registry)
    with pytest.raises(ValueError, match="Duplicated"):
        register(registry)
