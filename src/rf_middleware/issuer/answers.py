"""What the issuer's routes have in common: JSON answers, errors, reading keys, tokens, bodies and forms.

* Every error is JSON with an ``error`` text. The public client adds hints about plans to texts with certain
  words ("require", "Unauthorized", ...), so these don't occur.
* A key that is unknown, malformed, disabled or revoked gets one answer.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NoReturn, cast
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

__all__ = [
    "HEADERS",
    "Problem",
    "answer",
    "bearer",
    "form_token",
    "json_body",
    "not_found",
    "oauth_form",
    "presented_key",
    "read_body",
    "refuse",
]

HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
"""Of every answer."""

BODY_LIMIT: Final = 65_536
FORM: Final = "application/x-www-form-urlencoded"
_REALM: Final = 'Bearer realm="rf-middleware"'


class Problem(Exception):  # noqa: N818 - an answer, not a fault
    """A request that is refused.

    Attributes:
        status: HTTP status.
        body: the JSON answer.
        headers: more headers.
    """

    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None, detail: str = "") -> None:
        super().__init__(error)
        self.status = status
        self.body: dict[str, str] = {"error": error}
        if detail:
            self.body["error_description"] = detail
        self.headers = dict(headers or {})


def answer(body: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return a JSON answer."""
    return JSONResponse(dict(body), status, headers=dict(headers or {}))


def not_found() -> Problem:
    """Return the one 404: unknown, foreign, not allowed to know, or no such route."""
    return Problem(404, HTTPStatus.NOT_FOUND.phrase)


def refuse(what: str, *, presented: bool) -> NoReturn:
    """Refuse a request for want of a good secret (RFC 6750 section 3: no error code when none was presented).

    Raises:
        Problem: always, 401 with a challenge.
    """
    if presented:
        raise Problem(401, f"This {what} is not valid", {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'})
    article = "An" if what[0] in "Aa" else "A"
    raise Problem(401, f"{article} {what} is needed", {"WWW-Authenticate": _REALM})


def bearer(request: Request) -> str | None:
    """Return the token of ``Authorization: Bearer``, ``None`` without one.

    Raises:
        Problem: 400, the header is there twice.
    """
    values = request.headers.getlist("authorization")
    if len(values) > 1:
        raise Problem(400, "More than one Authorization header was given")
    scheme, _, token = (values[0] if values else "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def presented_key(request: Request) -> str | None:
    """Return the key of the request, from ``?api_key=`` or the Authorization header.

    Raises:
        Problem: 400, different keys or one place twice.
    """
    in_query = request.query_params.getlist("api_key")
    found = {key for key in (*in_query, bearer(request)) if key}
    if len(in_query) > 1 or len(found) > 1:
        raise Problem(400, "More than one API key was given")
    return next(iter(found), None)


async def read_body(request: Request) -> bytes:
    """Return the body.

    Raises:
        Problem: 413, it is longer than 64 KiB; 400, the client went away in the middle.
    """
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT:
                raise Problem(413, "The body is too long")
    except ClientDisconnect:
        raise Problem(400, "The body is not complete") from None
    return bytes(body)


async def json_body(request: Request) -> dict[str, object]:
    """Return the JSON object of the body; an empty body counts as an empty one.

    Raises:
        Problem: 400, it is not a JSON object.
    """
    body = await read_body(request)
    try:
        parsed: object = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not JSON") from None
    if not isinstance(parsed, dict):
        raise Problem(400, "The body is not a JSON object")
    return cast("dict[str, object]", parsed)


async def oauth_form(request: Request, needed: str, optional: str = "") -> dict[str, str]:
    """Return fields of a form as OAuth has it (RFC 6749 section 3.2): one that is empty or missing reads as empty.

    Args:
        request: it comes with this.
        needed: fields that have to be there, with blanks between.
        optional: the others; what is in neither is of no interest.

    Raises:
        Problem: 400 ``invalid_request``, it is no such form.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise Problem(400, "invalid_request", detail=f"The body is not {FORM}")
    body = await read_body(request)
    try:
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=16)
    except ValueError:
        raise Problem(400, "invalid_request", detail="The body is not a form") from None
    found = {name: [value for each, value in fields if each == name] for name in f"{needed} {optional}".split()}
    for name, values in found.items():
        if len(values) > 1 or (name in needed.split() and not any(values)):
            raise Problem(400, "invalid_request", detail=f"The form needs exactly one {name}")
    return {name: "".join(values) for name, values in found.items()}


async def form_token(request: Request) -> str:
    """Return ``token`` of a form body (RFC 7662 section 2.1, RFC 7009 section 2.1).

    Raises:
        Problem: 400 ``invalid_request``, it is not a form with exactly one.
    """
    return (await oauth_form(request, "token"))["token"]
