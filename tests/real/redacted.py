"""A WSGI and an ASGI app that fail, in a process whose logs are filtered; no middleware takes the key out before."""

from collections.abc import Callable, Iterable
from typing import Any

from rf_middleware.redaction import redact_logs

redact_logs()


def wsgi_app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Fail with everything that was sent in the exception."""
    if environ["PATH_INFO"] == "/fails":
        raise RuntimeError(f"failed for {environ['RAW_URI']}")
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """Fail in the same way."""
    if scope["type"] == "lifespan":
        return
    if scope["path"] == "/fails":
        raise RuntimeError(f"failed for {scope['query_string']!r} {scope['headers']}")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})
