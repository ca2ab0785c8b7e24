"""Options as they are held: each as it was told, what a decorator inside inherits, and names that are taken."""

from typing import Any

import pytest

from rf_middleware._locations import Carrier
from rf_middleware._models import Reason
from rf_middleware._options import Options
from rf_middleware.exceptions import ConfigurationError


def answer(*_: object) -> str:
    """Answer a refusal."""
    return "no"


TOLD: dict[str, Any] = {
    "max_body": 5,
    "publishable": True,
    "strip": False,
    "close_streams": False,
    "on_denied": answer,
    "workspace_header": "X-W",
    "trusted_proxies": 2,
}


@pytest.mark.parametrize("name", TOLD)
def test_what_is_told_is_held_and_inherited(name: str) -> None:
    """A decorator inside has what the app around it was told, unless it is told otherwise itself."""
    options = Options.of({name: TOLD[name]})
    assert getattr(options, name) == TOLD[name] != getattr(Options.of({}), name)
    assert getattr(options.inner({"scopes": ["a:b"]}), name) == TOLD[name]
    assert getattr(options.inner({name: getattr(Options.of({}), name)}), name) != TOLD[name]


@pytest.mark.parametrize(("told", "inside"), [({}, {"ambiguous": "first"}), ({"ambiguous": "first"}, {})])
def test_of_two_keys_the_first_counts_where_that_is_told(told: dict[str, str], inside: dict[str, str]) -> None:
    """The order is that of the locations; told to an app it holds for the decorators inside, too."""
    headers = ((b"x-api-key", b"second"), (b"authorization", b"Bearer first"))
    reader = Options.of(told).inner(inside).reader
    assert reader.read(headers, (), b"") == (b"first", Carrier((b"Authorization",)))
    assert Options.of({"ambiguous": "reject"}).reader.read(headers, (), b"") is Reason.AMBIGUOUS_KEY


def test_headers_are_named_as_people_write_them() -> None:
    """``Vary`` has the spelling of the documentation."""
    assert Options.of({}).reader.read(((b"x-api-key", b"k"),), (), b"") == (b"k", Carrier((b"X-API-Key",)))


@pytest.mark.parametrize(
    "name",
    [
        *("Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "Set-Cookie", "Vary", "Cache-Control"),
        *("Date", "date", "DATE", "-", "---"),
    ],
)
def test_a_header_that_means_something_else_tells_no_workspace(name: str) -> None:
    """In any case; nor does what is no name at all."""
    with pytest.raises(ConfigurationError, match=r"^workspace_header: .* is refused"):
        Options.of({"workspace_header": name})
