"""A process that is watched by Sentry's client: everything fails in it, and what would be sent is written to a file.

    python -m tests.leaks.reporting FILE usual|careful

The client is on as an app has it: local variables, stacks of log lines, spans, and each integration of what is used;
or, when it is careful, as ``docs/options.md`` says.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware
from sentry_sdk.transport import Transport

from rf_middleware import Denied, IssuerUnavailable, Validator
from tests.leaks.canary import made
from tests.leaks.failing import ADAPTERS, LOCATIONS, broken_answer, requests
from tests.leaks.issuers import ISSUERS

__all__ = ["KEY"]

KEY: Final = made("sentry")
ENDS: Final = (
    "a function that grants",
    "a function that raises",
    "a coroutine that raises",
    "a coroutine that echoes",
    "an object that raises",
    "introspection forbids",
    "introspection is down",
)
"""How the check of a request ends: the ways that are logged."""


class Kept(Transport):
    """Keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        """Keep an envelope."""
        self.sent += [item.payload.json for item in envelope.items if item.payload.json is not None]


def _without_query(event: Any, hint: Any) -> Any:
    request = event.get("request", {})
    request.pop("query_string", None)
    request.get("headers", {}).pop("Referer", None)
    return event


def serve_everything() -> None:
    """Have a key checked in every way, brought in each place, by each adapter."""
    for name, build in ADAPTERS.items():
        sentry_sdk.get_global_scope().set_tag("adapter", name)
        for ends in ENDS:
            call, app = build(Validator(ISSUERS[ends]()), {"locations": LOCATIONS, "on_denied": broken_answer})
            if name == "wsgi":
                app = SentryWsgiMiddleware(app)
            elif name == "asgi":
                app = SentryAsgiMiddleware(app)
            for path in ("/fails", "/breaks") if "grants" in ends else ("/fails",):
                for request in requests(path, KEY).values():
                    with suppress(Exception, SystemExit, asyncio.CancelledError):
                        call(app, request)


def check_everything() -> None:
    """Check the key in one's own code in every way, and report what is raised."""
    for ends in ("a function that refuses", *ENDS):
        validator = Validator(ISSUERS[ends]())
        ways: list[Callable[[Any], object]] = [validator.check, _on_a_loop(validator), validator.forget]
        for key in (KEY, KEY.encode()):
            for way in ways:
                with suppress(SystemExit, asyncio.CancelledError):
                    try:
                        way(key)
                    except (Denied, IssuerUnavailable, TypeError):
                        sentry_sdk.capture_exception()


def _on_a_loop(validator: Validator) -> Callable[[Any], object]:
    return lambda key: asyncio.run(validator.acheck(key))


def main(file: Path, *, careful: bool) -> None:
    """Let everything fail, and write what was sent."""
    kept = Kept()
    sentry_sdk.init(
        "http://public@sentry.example/1",
        transport=kept,
        include_local_variables=not careful,
        attach_stacktrace=True,
        traces_sample_rate=1.0,
        max_request_body_size="always",
        enable_logs=True,
        integrations=[LoggingIntegration(event_level=logging.WARNING)],
        before_send=_without_query if careful else None,
        before_send_transaction=_without_query if careful else None,
    )
    serve_everything()
    check_everything()
    sentry_sdk.flush()
    file.write_text("\n".join(json.dumps(each) for each in kept.sent), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), careful=sys.argv[2] == "careful")
