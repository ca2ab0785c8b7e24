"""Asks an app for a route without a key, as a server would, and says what came of it. No network.

The client is gone as soon as the answer has begun: a stream without an end must not hold up a test. The app's
lifespan is not run: whoever has no key is refused before anything it prepares is needed.
"""

import asyncio
import inspect
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from rf_middleware._routes import WEBSOCKET, Route

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["Outcome", "probe"]

_PATIENCE: Final = 10.0
"""Seconds for an answer to begin."""
_GRACE: Final = 1.0
"""Seconds for an app to notice that the client has gone."""

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Message, Callable[[], Awaitable[Message]], Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an app did.

    Attributes:
        text: for people: a status, ``accepted``, how it was closed, the type of an exception.
        refused: whether it asked for a key: a 401, or a WebSocket closed with 1008 before it was accepted.
    """

    text: str
    refused: bool = False


def probe(app: Any, routes: Sequence[Route], host: str, patience: float = _PATIENCE) -> list[Outcome]:  # noqa: ANN401 - WSGI or ASGI
    """Ask for each route; ``host`` is the ``Host`` of those that are on any."""
    if not _is_asgi(app):
        return [_unfit(route) or _ask(app, route, host) for route in routes]
    # In a thread of its own, so that it works below a running event loop too.
    with ThreadPoolExecutor(1, "rf-middleware-probe") as thread:
        return thread.submit(asyncio.run, _probe(app, routes, host, patience)).result()


def _is_asgi(app: Callable[..., object]) -> bool:
    try:
        inspect.signature(app).bind({}, None, None)
    except TypeError:
        return False
    return True


def _unfit(route: Route) -> Outcome | None:
    name = route.place.unfit
    if not name:
        return None
    return Outcome(f"not tried: no value is known for {name!r}, give params={{{name!r}: ...}}")


def _raised(error: BaseException) -> Outcome:
    return Outcome(f"raised {type(error).__name__}")


# ---- ASGI


async def _probe(app: ASGIApp, routes: Sequence[Route], host: str, patience: float) -> list[Outcome]:
    return [_unfit(route) or await _aask(app, route, host, patience) for route in routes]


async def _aask(app: ASGIApp, route: Route, host: str, patience: float) -> Outcome:
    kind = "websocket" if route.method == WEBSOCKET else "http"
    opening = [{"type": "websocket.connect"} if kind == "websocket" else {"type": "http.request", "body": b""}]
    outcome: Outcome | None = None
    gone = asyncio.Event()

    async def receive() -> Message:
        if opening:
            return opening.pop()
        await gone.wait()
        return {"type": f"{kind}.disconnect", "code": 1001}

    async def send(message: Message) -> None:
        nonlocal outcome
        if outcome is None:
            outcome = _read(message)
            gone.set()
        await asyncio.sleep(0)  # what sends without an end lets others go on

    serving = asyncio.ensure_future(app(_scope(route, kind, host), receive, send))
    left = asyncio.ensure_future(gone.wait())
    await asyncio.wait({serving, left}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    gone.set()
    await asyncio.wait({serving}, timeout=_GRACE)
    serving.cancel()
    await asyncio.wait({serving}, timeout=_GRACE)
    raised = serving.exception() if serving.done() and not serving.cancelled() else None
    if outcome is not None:
        return outcome
    return Outcome("no answer") if raised is None else _raised(raised)


def _read(message: Message) -> Outcome:
    kind = message["type"]
    if kind.endswith("response.start"):
        return Outcome(str(message["status"]), refused=message["status"] == 401)
    if kind == "websocket.accept":
        return Outcome("accepted")
    code = message.get("code", 1000)
    if not isinstance(message.get("reason") or "", str):  # FastAPI's list of what the route lacks besides a key
        return Outcome(f"closed with {code} for lack of parameters")
    return Outcome(f"closed with {code}", refused=code == 1008)


def _scope(route: Route, kind: str, host: str) -> Message:
    host = route.place.host or host
    scope: Message = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "https" if kind == "http" else "wss",
        "server": (host, 443),
        "client": ("127.0.0.1", 50_000),
        "root_path": "",
        "path": route.place.path,
        "raw_path": quote(route.place.path).encode(),
        "query_string": b"",
        "headers": [(b"host", host.encode())],
        "state": {},
        "extensions": {},
    }
    if kind == "http":
        return {**scope, "method": route.method}
    return {**scope, "subprotocols": [], "extensions": {"websocket.http.response": {}}}


# ---- WSGI


def _ask(app: "WSGIApplication", route: Route, host: str) -> Outcome:
    started: list[str] = []

    def start_response(status: str, _headers: object, _exc_info: object = None, /) -> Callable[[bytes], object]:
        started.append(status)
        return lambda _: None

    try:
        body = app(_environ(route, host), start_response)
        try:
            if not started:  # a generator begins when it is asked for its first part
                next(iter(body), None)
        finally:
            _close(body)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the app did
        if not started:
            return _raised(error)
    if not started:
        return Outcome("no answer")
    status = started[0][:3]
    return Outcome(status, refused=status == "401")


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()


def _environ(route: Route, host: str) -> dict[str, Any]:
    host = route.place.host or host
    target = quote(route.place.path)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": route.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": route.place.path.encode().decode("latin-1"),
        "QUERY_STRING": "",
        "RAW_URI": target,
        "REQUEST_URI": target,
        "SERVER_NAME": host,
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": host,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if route.method == WEBSOCKET:
        environ |= {"REQUEST_METHOD": "GET", "HTTP_CONNECTION": "Upgrade", "HTTP_UPGRADE": "websocket"}
    return environ
