"""What real servers log at DEBUG, of every key in every place and of every failure: where a key stands, and where not.

A canary has a name of three parts, ``what the issuer says, where it stands, what is asked for``; so what is found in a
log says which request it came from. Where a key does stand without a filter is written in ``docs/options.md`` and in
the README, and is asserted here, so that both stay true.
"""

import json
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.core.mock import TOKEN
from tests.core.servers import serving
from tests.leaks.canary import grep, made, odd
from tests.leaks.failing import PLACES
from tests.leaks.logged import Logged, answering, logged

SERVERS: Final = {
    "uvicorn": "-m uvicorn --port 0 --log-level {level} --timeout-graceful-shutdown 5 tests.leaks.served:asgi_app",
    "gunicorn": "-m gunicorn --bind 127.0.0.1:0 --threads 4 --log-level debug --access-logfile - --no-control-socket"
    " tests.leaks.served:wsgi_app",
    "werkzeug": "-m flask --app tests.leaks.served:flask_app run --port 0",
}
CHECKS: Final = {
    "http": ("good", "unknown", "breaks", "says nonsense", "redirects", "forbids"),
    "down": ("any",),
    "own": ("any",),
}


def request(key: str, place: str, path: str) -> bytes:
    """Return a request that brings a key in one place, and its like in the Referer."""
    lines, body, coded = ["Host: a", "Connection: close"], b"", quote(key, safe="")
    if place == "query":
        path = f"{path}?a=b&api_key={coded}"
        lines.append(f"Referer: http://page.example/?api_key={coded}")
    elif place == "json":
        body = json.dumps({"api_key": key}).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    else:
        names = {"bearer": "Authorization: Bearer ", "header": "X-API-Key: ", "cookie": "Cookie: c=d; api_key="}
        lines.append(names[place] + key)
    method = "POST" if body else "GET"
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode() + body


def asked() -> Generator[tuple[str, str, str, str]]:
    """Yield whom to ask, how the check ends, the place of the key and what is asked for, of every request."""
    for whom, ends in CHECKS.items():
        for end in ends:
            for place in PLACES:
                for does in ("works", "fails", "cut") if end == "good" else ("works",):
                    yield whom, end, place, does
    yield "http", "is slow", "bearer", "works"
    yield "http", "is slow", "query", "works"


def canaries() -> dict[str, str]:
    """Return every key that is sent, by its name; half of them have odd characters."""
    names = [f"{whom} {end}, {place}, {does}" for whom, end, place, does in asked()]
    names += [f"malformed, {what}" for what in malformed("")] + [f"socket, {where}, {does}" for where, does in SOCKETS]
    return {name: (odd if number % 2 and "malformed" not in name else made)(name) for number, name in enumerate(names)}


def malformed(key: str) -> dict[str, bytes]:
    """Return requests that are none."""
    return {
        "line": f"GET /http/works?api_key={key} HTTP\r\nHost: a\r\n\r\n".encode(),
        "words": f"GET /http/works?api_key={key} and more HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        "header": f"GET / HTTP/1.1\r\nHost: a\r\nX-API-Key : {key}\r\nConnection: close\r\n\r\n".encode(),
        "bearer": f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization : Bearer {key}\r\nConnection: close\r\n\r\n".encode(),
        "length": f"POST / HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nContent-Length: -1\r\n\r\n".encode(),
        "twice": f"GET /http/works HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nX-API-Key: {key}\r\n"
        "Connection: close\r\n\r\n".encode(),
        "not ASCII": f"GET /http/works?api_key={key}%FF HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode(),
        "in the path": f"GET /http/works?x=1&%61pi_key={key} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode(),
    }


SOCKETS: Final = [(place, does) for place in ("query", "bearer") for does in ("works", "fails", "cut", "unknown")]


def ends(key: str) -> str:
    """Say how the issuer answers about a key."""
    return _ENDS.get(key, "good")


_ENDS: Final = {
    key: name.split(",")[0].partition(" ")[2] for name, key in canaries().items() if name.startswith("http ")
}
_ENDS.update({key: "unknown" for name, key in canaries().items() if name.endswith("unknown")})


def send_everything(server: Logged, name: str) -> None:
    """Send every request there is to a server."""
    keys = canaries()
    for whom, end, place, does in asked():
        key = keys[f"{whom} {end}, {place}, {does}"]
        answer = server.send(request(key, place, f"/{whom}/{does}"))
        status = {"works": b" 200 ", "fails": b" 500 ", "cut": b" 200 "}[does]
        wanted = status if end == "good" else b" 401 " if end == "unknown" else b" 503 "
        assert wanted in answer.partition(b"\r\n")[0] + b" ", (name, whom, end, place, does, answer)
    for what, made_wrong in malformed("").items():
        assert made_wrong
        server.send(malformed(keys[f"malformed, {what}"])[what])
    if name == "uvicorn":
        for place, does in SOCKETS:
            _talk(server, keys[f"socket, {place}, {does}"], place, does)


def _talk(server: Logged, key: str, place: str, does: str) -> None:
    query = f"?api_key={quote(key, safe='')}" if place == "query" else ""
    headers = {} if query else {"Authorization": f"Bearer {key}"}
    url = f"ws://127.0.0.1:{server.port}/http/{does}{query}"
    with suppress(WebSocketException, OSError), connect(url, additional_headers=headers, open_timeout=60) as socket:
        socket.recv(60)


@contextmanager
def everything(name: str, folder: Path, redact: str) -> Generator[str]:
    """Yield all that a server wrote while everything was sent to it."""
    with serving(answering(ends)) as issuer:
        settings = {"RF_ISSUER_URL": issuer.url, "RF_ISSUER_TOKEN": TOKEN, "PYTHONASYNCIODEBUG": "1"}
        command = SERVERS[name].format(level="trace" if redact else "debug")
        with logged(command, folder / "log", {**settings, "LEAKS_REDACT": redact}) as server:
            send_everything(server, name)
    yield server.said()


def leaking(said: str) -> set[str]:
    """Return the names of the keys that stand in a log."""
    keys = {key: name for name, key in canaries().items()}
    return {keys[key] for key in grep(said, keys)}


def unfiltered(name: str) -> set[str]:
    """Return the names of the keys that stand in a server's log without a filter, as the documentation has it."""
    names = set(canaries())
    if name == "uvicorn":  # the WebSocket library writes down each handshake at DEBUG, headers too
        return {each for each in names if each.startswith("socket, ")}
    if name == "gunicorn":  # the request line of what fails, in both logs
        return {"http good, query, fails"}
    lines = {f"malformed, {what}" for what in ("line", "words", "not ASCII", "in the path")}
    return lines | {each for each in names if ", query, " in each and not each.startswith("socket, ")}


@pytest.mark.parametrize("name", SERVERS)
def test_a_log_that_is_filtered_has_no_key_in_it(name: str, tmp_path: Path) -> None:
    """With ``redact_logs()`` no key is in anything that a server writes, at the most talkative level it has."""
    with everything(name, tmp_path, "yes") as said:
        assert leaking(said) == set()
        assert "[key]" in said


@pytest.mark.parametrize("name", SERVERS)
def test_a_log_that_is_not_filtered_has_those_that_are_documented(name: str, tmp_path: Path) -> None:
    """Without a filter the keys of some requests are in a server's log at DEBUG: those that the documentation names."""
    with everything(name, tmp_path, "") as said:
        assert leaking(said) == unfiltered(name)
        assert {"DEBUG:httpcore", "INFO:httpx:HTTP Request: POST", "DEBUG:asyncio"} <= spoke(said)


def spoke(said: str) -> set[str]:
    """Return which of those that have to speak at DEBUG did: a log that is silent shows nothing."""
    return {who for who in ("DEBUG:httpcore", "INFO:httpx:HTTP Request: POST", "DEBUG:asyncio") if who in said}
