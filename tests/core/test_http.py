"""The exchange with an issuer over real sockets: its time limits, its connections, what never leaves with it."""

import asyncio
import gc
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from rf_middleware import Grant, IntrospectionIssuer, IssuerUnavailable, RoboflowIssuer, Validator
from rf_middleware._models import Reason
from rf_middleware.exceptions import ConfigurationError
from rf_middleware.issuers._http import Call, Failure, Http, Received, checked_url
from tests.core.helpers import KEY
from tests.core.servers import Behave, Server, drip, ok, serving, silent, until

TIMEOUT = 0.25
LATE = 60.0
Check = Callable[[Validator], Grant]


def by_thread(validator: Validator) -> Grant:
    """Check in a thread."""
    return validator.check(KEY)


def by_task(validator: Validator) -> Grant:
    """Check on a loop."""

    async def main() -> Grant:
        try:
            return await validator.acheck(KEY)
        finally:
            await validator.aclose()

    return asyncio.run(main())


BOTH = pytest.mark.parametrize("check", [by_thread, by_task])
SLOW = pytest.mark.parametrize(
    "behave",
    [
        silent,
        drip(),
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ],
    ids=["never answers", "drips its body", "drips its headers", "drips no chunk"],
)


@BOTH
@SLOW
def test_the_whole_exchange_is_bounded(check: Check, behave: Behave) -> None:
    """An issuer that never answers, or byte by byte, costs ``timeout`` and not more, and is hung up on."""
    with serving(behave) as server, Validator(RoboflowIssuer(server.url), timeout=TIMEOUT) as validator:
        began = time.monotonic()
        with pytest.raises(IssuerUnavailable):
            check(validator)
        assert TIMEOUT * 0.9 <= time.monotonic() - began < LATE
        assert server.over.wait(LATE), "the connection was kept although nobody listens any more"


def test_slow_questions_hold_no_threads() -> None:
    """A hundred questions that hang leave no thread behind that another question would need."""
    with serving(silent) as server, Validator(RoboflowIssuer(server.url), timeout=TIMEOUT) as validator:
        before = threading.active_count()
        threads = [threading.Thread(target=validator.resolve, args=(b"rfk_%d" % number,)) for number in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in threads)
        until(lambda: threading.active_count() <= before + server.open + 2)


def test_cached_keys_are_not_slowed_by_a_slow_issuer() -> None:
    """While the issuer hangs a cached key is answered at once."""

    def once_and_never_again(connection: socket.socket, server: Server) -> None:
        (silent if len(server.accepted) > 1 else ok())(connection, server)

    with serving(once_and_never_again) as server, Validator(RoboflowIssuer(server.url), timeout=20) as validator:
        validator.check(KEY)
        server.accepted[0].shutdown(socket.SHUT_RDWR)
        hanging = threading.Thread(target=validator.resolve, args=(b"rfk_other",))
        hanging.start()
        until(lambda: len(server.accepted) == 2)
        validator.check(KEY)
        assert hanging.is_alive(), "the cached key was answered after the other"
        server.accepted[1].shutdown(socket.SHUT_RDWR)
        hanging.join(20)


def test_connections_are_used_again() -> None:
    """Threads share a pool: many checks one after another need one connection."""
    with serving(ok()) as server, Validator(RoboflowIssuer(server.url), ttl=0) as validator:
        for number in range(20):
            validator.check(f"rfk_{number}")
        assert len(server.accepted) == 1


def test_a_connection_that_broke_costs_one_question_at_most() -> None:
    """After the issuer has gone away and come back checks work again, without a new validator."""
    with serving(ok()) as server, Validator(RoboflowIssuer(server.url), ttl=0) as validator:
        validator.check(KEY)
        server.accepted[0].shutdown(socket.SHUT_RDWR)
        assert server.over.wait(LATE)
        outcomes = [validator.resolve(b"rfk_%d" % number) for number in range(3)]
        assert [isinstance(each, Grant) for each in outcomes[1:]] == [True, True]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a loop that is closed first closes nothing properly
def test_many_loops_leave_no_connections_behind() -> None:
    """An application that runs a loop for each request keeps at most a connection or two."""
    with serving(ok()) as server:
        validator = Validator(RoboflowIssuer(server.url))
        for number in range(10):
            assert asyncio.run(validator.acheck(f"rfk_{number}")).workspace.slug == "acme"
        gc.collect()
        until(lambda: server.open <= 2)
        validator.close()
        del validator
        gc.collect()


def test_an_issuer_that_is_not_there_is_an_outage() -> None:
    """A refused connection or an unknown name is "can't be asked", at once."""
    for url in ("http://127.0.0.1:9", "http://name.invalid"):
        with Validator(RoboflowIssuer(url)) as validator:
            verdict = validator.resolve(KEY.encode())
            assert getattr(verdict, "reason", None) is Reason.ISSUER_UNAVAILABLE


@pytest.mark.parametrize("after", ["", "validator.close()", "asyncio.run(validator.aclose())"])
def test_the_process_ends_at_once(after: str) -> None:
    """Nothing keeps a process that is done: not a hanging issuer, not a pool, not a lease to give back."""
    script = f"""
import asyncio, atexit, logging, time
from rf_middleware import IntrospectionIssuer, RoboflowIssuer, Validator
from tests.core.servers import drip, ok, serving
logging.disable()
atexit.register(lambda: print(time.monotonic() - ended))
with serving(drip()) as slow, serving(ok()) as server:
    for validator in (
        Validator(RoboflowIssuer(slow.url), timeout=0.1),
        Validator(IntrospectionIssuer(slow.url, "token"), timeout=0.1),
        Validator(RoboflowIssuer(server.url), timeout=60),
    ):
        validator.resolve(b"rfk_key")
        {after}
ended = time.monotonic()
"""
    command = [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert float(done.stdout) < 50.0, "the end waited for something"


GOOD_URLS = {
    "https://api.roboflow.com": "https://api.roboflow.com",
    "http://127.0.0.1:8000/": "http://127.0.0.1:8000",
    "http://[::1]:8000/base//": "http://[::1]:8000/base",
    "HTTPS://api.roboflow.com": "HTTPS://api.roboflow.com",
}
BAD_URLS = [
    "",
    " ",
    "api.roboflow.com",
    "//api.roboflow.com",
    "ftp://api.roboflow.com",
    "http://",
    "http:///path",
    "https://user:secret@api.roboflow.com",
    "https://secret@api.roboflow.com",
    "https://api.roboflow.com/?api_key=secret",
    "https://api.roboflow.com/?",
    "https://api.roboflow.com/#",
    "https://api.roboflow.com/#secret",
    "http://h:0",
    "http://h:65536",
    "http://h:secret",
    "http://h\n.example",
    "http://h .example",
    "http://h\x00",
    "http://[::1",
    "http://é",
    None,
    7,
    b"https://api.roboflow.com",
    ["https://api.roboflow.com"],
]  # fmt: skip - a table


@pytest.mark.parametrize("url", GOOD_URLS)
def test_a_base_url_is_taken_without_its_slash(url: str) -> None:
    """An http or https URL, with a path or without, is what an issuer is told."""
    assert checked_url("issuer", url) == GOOD_URLS[url]


@pytest.mark.parametrize("url", BAD_URLS, ids=ascii)
def test_what_is_no_base_url_is_refused_at_construction(url: Any) -> None:
    """A wrong URL is refused with the option's name and what is allowed, and is not repeated: it may hold a secret."""
    for make in (RoboflowIssuer, partial(IntrospectionIssuer, token="token")):
        with pytest.raises(ConfigurationError, match=r"issuer: .*http or https") as caught:
            make(url)
        assert "secret" not in str(caught.value)


def test_what_is_sent_shows_in_no_repr() -> None:
    """A call, its answer and a failure can be printed without showing key, token or body."""
    call = Call(
        "POST", "/introspect", {"Authorization": "Bearer canary"}, form={"token": "canary"}, json={"a": "canary"}
    )
    received = Received(200, {}, b"canary")
    assert "canary" not in repr([call, received, Failure("ConnectError"), Http("http://h")])
