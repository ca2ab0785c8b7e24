"""A key is a password: it is in no text, log line, traceback or URL of ours."""

import asyncio
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from rf_middleware import (
    CallableIssuer,
    Denied,
    Grant,
    IntrospectionIssuer,
    IssuerUnavailable,
    RoboflowIssuer,
    Validator,
)
from rf_middleware.issuers import Issuer
from tests.core.helpers import GRANT
from tests.core.mock import TOKEN, Mock
from tests.core.servers import ok, serving, silent

CANARY = "rfk_canary%2F+&="
FORMS = {CANARY, quote(CANARY), quote(CANARY, safe=""), repr(CANARY.encode()), CANARY.encode().hex(), TOKEN}


def shown(text: str) -> set[str]:
    """Return the forms of the key, or of the token, that stand in a text."""
    return {form for form in FORMS if form in text}


def everything_about(error: BaseException) -> str:
    """Return all that an error reporter sends: text, repr, and the locals of each frame but the tests' own."""
    whole: traceback.TracebackException | None = traceback.TracebackException.from_exception(error, capture_locals=True)
    parts = [str(error), repr(error), repr(error.args), repr(vars(error))]
    while whole is not None:
        ours = [frame for frame in whole.stack if "tests" not in frame.filename]
        parts += [f"{frame.name} {frame.line} {frame.locals}" for frame in ours]
        whole = whole.__cause__ or whole.__context__
    return "\n".join(parts)


def mocked(answer: Any) -> list[Issuer]:
    """Return both kinds of HTTP issuer, with this answer."""
    return [
        RoboflowIssuer(transport=Mock(answer).transport),
        IntrospectionIssuer("https://issuer.example", TOKEN, feed=False, transport=Mock(answer).transport),
    ]


def raising(key: str) -> Grant | None:
    """Raise an error that shows the key."""
    raise ValueError(key)


def echoing(key: str) -> Any:
    """Return the key itself."""
    return key


def echoed(request: httpx.Request) -> httpx.Response:
    """Answer with all that came."""
    return httpx.Response(500, content=repr(request.headers.raw).encode() + request.content)


OUTCOMES: dict[str, Callable[[], list[Issuer]]] = {
    "denied": lambda: [CallableIssuer(lambda _key: None), *mocked(httpx.Response(423))],
    "odd": lambda: [CallableIssuer(raising), CallableIssuer(echoing)],
    "broken": lambda: mocked(httpx.ConnectError(f"{CANARY} {TOKEN}")),
    "nonsense": lambda: mocked(httpx.Response(200, json={"error": "no"})),
    "echo": lambda: mocked(echoed),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_no_error_shows_the_key(outcome: str, caplog: pytest.LogCaptureFixture, *, asynchronous: bool) -> None:
    """Neither its text nor its repr, nor the locals of its traceback, nor the log at DEBUG show key or token."""
    caplog.set_level(logging.DEBUG)
    for issuer in OUTCOMES[outcome]():
        validator = Validator(issuer, timeout=1.0)
        with pytest.raises((Denied, IssuerUnavailable)) as caught:
            asyncio.run(validator.acheck(CANARY)) if asynchronous else validator.check(CANARY)
        assert shown(everything_about(caught.value)) == set()
        assert shown(repr(pickle.dumps(caught.value))) == set()
    assert shown(caplog.text) == set()


def test_the_error_on_a_running_loop_shows_no_key() -> None:
    """The mistake of blocking a loop ends in error reporters too."""
    validator = Validator(CallableIssuer(lambda _key: None))

    async def main() -> None:
        validator.check(CANARY)

    with pytest.raises(RuntimeError) as caught:
        asyncio.run(main())
    assert shown(everything_about(caught.value)) == set()


async def hang(key: str) -> Grant | None:
    """Never come back."""
    del key
    await asyncio.Event().wait()
    return None


GIVEN_UP: dict[str, Callable[[str], Issuer]] = {
    "function": lambda _url: CallableIssuer(hang),
    "roboflow": RoboflowIssuer,
    "introspection": lambda url: IntrospectionIssuer(url, TOKEN, feed=False),
}


@pytest.mark.parametrize("name", GIVEN_UP)
def test_a_check_that_is_given_up_shows_no_key(name: str) -> None:
    """A caller's own time limit leaves a traceback through our frames, without the key."""

    async def main(validator: Validator) -> None:
        try:
            async with asyncio.timeout(0.2):
                await validator.acheck(CANARY)
        finally:
            await validator.aclose()

    with serving(silent) as server, pytest.raises(TimeoutError) as caught:
        asyncio.run(main(Validator(GIVEN_UP[name](server.url))))
    assert shown(everything_about(caught.value)) == set()


@pytest.mark.parametrize("asynchronous", [False, True])
def test_no_log_line_shows_the_key(caplog: pytest.LogCaptureFixture, *, asynchronous: bool) -> None:
    """At DEBUG, over a real socket, httpx and httpcore log much, and no key or token."""
    caplog.set_level(logging.DEBUG)
    with serving(ok(b'{"workspace": "acme", "active": true}')) as server:
        for issuer in (RoboflowIssuer(server.url), IntrospectionIssuer(server.url, TOKEN, feed=False)):
            validator = Validator(issuer)

            async def main(mine: Validator = validator) -> None:
                await mine.acheck(CANARY)
                await mine.aclose()

            if asynchronous:
                asyncio.run(main())
            validator.check(CANARY)
            validator.close()
    assert "HTTP Request" in caplog.text
    assert shown(caplog.text) == set()


def test_no_url_holds_the_key() -> None:
    """URLs are logged everywhere, so that neither key nor token is in one."""
    mock = Mock(httpx.Response(200, json={"workspace": "acme", "active": True}))
    for issuer in (
        RoboflowIssuer(transport=mock.transport),
        IntrospectionIssuer("https://i.example", TOKEN, transport=mock.transport),
    ):
        issuer.check(CANARY, 5.0)
        asyncio.run(issuer.acheck(CANARY, 5.0))
    assert len(mock.asked) == 4
    assert shown(" ".join(str(request.url) for request in mock.asked)) == set()


def test_nothing_that_is_kept_shows_the_key() -> None:
    """No plain key stays in memory: the cache knows fingerprints."""
    validator = Validator(CallableIssuer(lambda key: GRANT if key == CANARY else None))
    validator.check(CANARY)
    with pytest.raises(Denied):
        validator.check("rfk_other_canary")
    memory = validator._core._memory
    kept = [memory.grants._entries, list(memory.denials._young.items()), memory.flights, vars(validator), validator]
    assert "canary" not in repr(kept)
