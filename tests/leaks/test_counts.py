"""What validators count and show to others: no label is a key, or a piece of one."""

import asyncio
from contextlib import suppress

from prometheus_client import CollectorRegistry, generate_latest

from rf_middleware import Validator
from rf_middleware._instruments import INSTRUMENTS
from rf_middleware.metrics import register
from tests.core.mock import TOKEN
from tests.leaks.canary import grep, made
from tests.leaks.failing import ADAPTERS, LOCATIONS, requests
from tests.leaks.issuers import ISSUERS

KEY = made("counts")


def test_no_metric_shows_a_key() -> None:
    """However checks end, in each adapter, Prometheus and OpenTelemetry are shown neither key nor token."""
    registry = CollectorRegistry()
    register(registry)
    validators = [Validator(build()) for build in ISSUERS.values()]
    for validator in validators:
        for build in ADAPTERS.values():
            call, app = build(validator, {"locations": LOCATIONS})
            with suppress(Exception, SystemExit, asyncio.CancelledError):
                call(app, requests("/fails", KEY)["bearer"])
    shown = generate_latest(registry).decode() + repr([each.measure() for each in INSTRUMENTS])
    assert "RoboflowIssuer" in shown
    assert grep(shown, [KEY, TOKEN]) == {}
    assert len(validators) == len(ISSUERS)
