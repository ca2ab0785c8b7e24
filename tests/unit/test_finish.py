"""The headers that an accepted answer gets on its way out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._finish import ASGI, WSGI, finished
from rf_middleware._locations import Carrier

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
