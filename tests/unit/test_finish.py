"""The headers that an accepted answer gets on its way out."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware import CallableIssuer, Grant, Validator, Workspace
from rf_middleware._asgi import Message, completed
from rf_middleware._finish import ASGI, WSGI, finished
from rf_middleware._guard import Guard, Visit
from rf_middleware._locations import Carrier
from rf_middleware._options import Options
from rf_middleware._wsgi import Finishing

Headers = list[tuple[str, str]]

CARRIERS = st.builds(
    Carrier,
    st.lists(st.sampled_from([b"Authorization", b"X-API-Key", b"Cookie"]), unique=True, max_size=3).map(tuple),
    st.booleans(),
)
NAMES = st.sampled_from(["Vary", "vary", "VARY", "Cache-Control", "cache-control", "Set-Cookie", "X-W", "x-w", "A"])
VALUES = st.sampled_from(["", "*", "a", "authorization", "Cookie, Accept", "x-api-key,  cookie", "no-store", "public"])
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=5)
WORKSPACES = st.none() | st.just(("X-W", "acme"))
VALIDATOR = Validator(CallableIssuer(lambda _: None))
GUARDS = {name: Guard(Options.of({"workspace_header": name}), VALIDATOR) for name in (None, "X-W")}


def visited(carrier: Carrier, workspace: tuple[str, str] | None) -> Visit:
    """Return a visit whose key was there, and whose answer tells its workspace or not."""
    return Visit(GUARDS[None if workspace is None else workspace[0]], Grant(Workspace("acme")), b"", carrier, b"")


def of(headers: Headers, name: str) -> list[str]:
    """Return the values of a header."""
    return [value for each, value in headers if each.lower() == name]


def varies(headers: Headers) -> list[str]:
    """Return what the ``Vary`` headers name."""
    return [part.strip().lower() for value in of(headers, "vary") for part in value.split(",") if part.strip()]


@given(headers=HEADERS, carrier=CARRIERS, workspace=WORKSPACES)
def test_answers_are_completed(headers: Headers, carrier: Carrier, workspace: tuple[str, str] | None) -> None:
    """``Vary`` names all that carried the key, the caching is private or the app's, the workspace is ours alone."""
    before = list(headers)
    after = finished(headers, WSGI, carrier.wsgi, workspace)
    assert headers == before
    wanted = [name.decode().lower() for name in carrier.vary]
    assert "*" in varies(after) or set(wanted) <= set(varies(after))
    for name in wanted:
        assert varies(after).count(name) <= max(1, varies(before).count(name))
    own = of(before, "cache-control")
    assert of(after, "cache-control") == (own or ["private"] * carrier.private)
    if workspace is not None:
        assert of(after, "x-w") == ["acme"]


@given(headers=HEADERS, carrier=CARRIERS, workspace=WORKSPACES)
def test_what_the_app_said_stands(headers: Headers, carrier: Carrier, workspace: tuple[str, str] | None) -> None:
    """The app's own headers are kept in order, but for one that poses as the workspace."""
    after = finished(headers, WSGI, carrier.wsgi, workspace)
    kept = [pair for pair in headers if workspace is None or pair[0].lower() != "x-w"]
    assert after[: len(kept)] == kept


@given(headers=HEADERS, carrier=CARRIERS, workspace=WORKSPACES)
def test_both_protocols_get_the_same(headers: Headers, carrier: Carrier, workspace: tuple[str, str] | None) -> None:
    """What ASGI gets in bytes is what WSGI gets as text."""
    text = finished(headers, WSGI, carrier.wsgi, workspace)
    raw = finished(
        [(name.encode(), value.encode()) for name, value in headers],
        ASGI,
        carrier.asgi,
        None if workspace is None else (workspace[0].encode(), workspace[1].encode()),
    )
    assert [(name.decode(), value.decode()) for name, value in raw] == text


@pytest.mark.parametrize(
    ("own", "added"),
    [
        ([], ["Authorization"]),
        (["Accept"], ["Authorization"]),
        (["authorization"], []),
        (["Accept", "X, AUTHORIZATION"], []),
        (["*"], []),
        (["authorization-x"], ["Authorization"]),
    ],
)
def test_vary_is_not_doubled(own: list[str], added: list[str]) -> None:
    """A name that is there already, or a star, is enough."""
    after = finished([("Vary", value) for value in own], WSGI, Carrier((b"Authorization",)).wsgi, None)
    assert of(after, "vary") == [*own, *added]


@given(headers=HEADERS, carrier=CARRIERS, workspace=WORKSPACES)
def test_asgi_answers_are_completed_so(headers: Headers, carrier: Carrier, workspace: tuple[str, str] | None) -> None:
    """The start of an answer under ASGI gets these headers; the app's own message is left as it is."""
    raw = [(name.encode(), value.encode()) for name, value in headers]
    told = None if workspace is None else (workspace[0].lower().encode(), workspace[1].encode())
    message: Message = {"type": "http.response.start", "status": 200, "headers": raw, "trailers": True}
    before = {**message, "headers": [*raw]}
    after = completed(message, visited(carrier, workspace))
    assert message == before
    assert after == {**before, "headers": finished(raw, ASGI, carrier.asgi, told)}


def test_asgi_answers_need_no_headers() -> None:
    """A start without headers, which ASGI allows, is one with none."""
    carrier = Carrier((b"Authorization",))
    assert completed({"type": "http.response.start", "status": 204}, visited(carrier, None)) == {
        "type": "http.response.start",
        "status": 204,
        "headers": [(b"vary", b"Authorization")],
    }


@given(headers=HEADERS, carrier=CARRIERS, workspace=WORKSPACES, failed=st.booleans())
def test_wsgi_answers_are_completed_so(
    headers: Headers, carrier: Carrier, workspace: tuple[str, str] | None, *, failed: bool
) -> None:
    """``start_response`` gets these headers under WSGI, and what failed if something did; the app's list is its own."""
    seen: list[tuple[object, ...]] = []

    def start(*given: object) -> Callable[[bytes], object]:
        seen.append(given)
        return len

    before = [*headers]
    what: tuple[None, None, None] = (None, None, None)
    answer = Finishing(visited(carrier, workspace), start).answer
    write = answer("200 OK", headers, what) if failed else answer("200 OK", headers)
    assert write is len
    assert headers == before
    assert seen == [("200 OK", finished(headers, WSGI, carrier.wsgi, workspace), *[what] * failed)]
