"""Reads the forms of pages, and refuses what another site sent in somebody's name.

* A form carries a token that only a page of ours could know (``csrf``): an HMAC of the cookie that comes with it.
* What a browser says about where a request comes from (``Origin``, ``Sec-Fetch-Site``) is checked too.
"""

import hmac
from urllib.parse import parse_qsl

from starlette.requests import Request

from rf_middleware.issuer.answers import Problem, read_body
from rf_middleware.issuer.metadata import base_url

__all__ = ["Form", "csrf_of", "own_path", "read_form"]

_MOST_FIELDS = 1024  # a tick for each of many workspaces
_KIND = "application/x-www-form-urlencoded"


class Form:
    """The fields of a form; a field that is missing reads as empty."""

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields.get(name, "")

    def text(self, name: str) -> str:
        """Return a field without blanks at its ends."""
        return self[name].strip()


def csrf_of(cookie: str) -> str:
    """Return the token that forms carry for whoever has this cookie."""
    return hmac.digest(cookie.encode(), b"rf-middleware form", "sha256").hex()


async def read_form(request: Request, cookie: str) -> Form:
    """Return the form of a request.

    Raises:
        Problem: 403, it was not sent from a page of ours; 400, it is no form.
    """
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
    if site not in {"same-origin", "none"} or origin not in {None, base_url(request)} or said != _KIND:
        raise Problem(403, "This form was not sent from a page of this server")
    body = await read_body(request)
    try:
        listed = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Problem(400, "The body is not a form") from None
    fields = dict(listed)
    if len(fields) != len(listed):
        raise Problem(400, "A field of the form was given twice")
    if not cookie or not hmac.compare_digest(fields.pop("csrf", "").encode(), csrf_of(cookie).encode()):
        raise Problem(403, "This form is too old. Go back, load the page again and send it once more")
    return Form(fields)


def own_path(wanted: str, otherwise: str) -> str:
    """Return a path of this server to go on to, never the address of another."""
    if wanted.startswith("/") and wanted[1:2] not in {"/", "\\"} and wanted.isascii() and wanted.isprintable():
        return wanted
    return otherwise
