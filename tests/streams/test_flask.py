"""Streaming views of Flask end with their key, guarded by the extension alone or inside the middleware."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response

from rf_middleware import Validator
from rf_middleware._wsgi_streams import Cut
from rf_middleware.flask import APIKeyAuth, require_key
from rf_middleware.wsgi import APIKeyMiddleware
from tests.harness import environ_of
from tests.streams.opened import KEY, OTHER, asked, issuer_of_two, open_streams
from tests.streams.test_wsgi import started


class Streaming:
    """An app with one view that streams: three parts, when nobody stops it."""

    def __init__(self, validator: Validator, *, within: bool, **options: Any) -> None:
        self.closed = 0
        self.app = Flask(__name__)
        APIKeyAuth(self.app, validator=validator, **options)
        if within:
            self.app.wsgi_app = APIKeyMiddleware(self.app.wsgi_app, validator=validator)  # type: ignore[method-assign]  # Flask's documented way
        self.app.get("/")(require_key(self.view))
        self.app.get("/open", endpoint="open")(self.view)

    def view(self) -> Response:
        """Answer part by part."""
        return Response(self.parts())

    def parts(self) -> Iterator[bytes]:
        """Yield them."""
        try:
            yield from (b"1", b"2", b"3")
        finally:
            self.closed += 1

    def answer(self, key: str = KEY, path: str = "/") -> Any:
        """Return the body of the answer to a request."""
        return self.app.wsgi_app(environ_of(asked(key).to(path)), started)


@pytest.mark.parametrize("within", [False, True])
def test_a_decorated_streaming_view_ends_with_its_key(*, within: bool) -> None:
    """Not another part is sent once the key is revoked; the view's generator is closed; another key goes on."""
    issuer = issuer_of_two()
    validator = Validator(issuer)
    streaming = Streaming(validator, within=within)
    mine, other = streaming.answer(), streaming.answer(OTHER)
    assert [next(mine), next(mine), next(other), next(other)] == [b"1", b"2", b"1", b"2"]
    issuer.revoke(KEY)
    with pytest.raises(Cut):
        next(mine)
    mine.close()
    assert streaming.closed == 1
    assert list(other) == [b"3"]
    other.close()
    assert streaming.closed == 2
    assert open_streams(validator) == []


@pytest.mark.parametrize(("path", "options"), [("/open", {}), ("/", {"close_streams": False})])
def test_a_view_that_is_open_or_opted_out_is_not_touched(path: str, options: dict[str, bool]) -> None:
    """A view that asks for no key, and an extension that was told to leave streams alone, stream to the end."""
    issuer = issuer_of_two()
    body = Streaming(Validator(issuer), within=False, **options).answer(KEY, path)
    parts = iter(body)
    assert [next(parts), next(parts)] == [b"1", b"2"]
    issuer.revoke(KEY)
    assert list(parts) == [b"3"]
    body.close()
