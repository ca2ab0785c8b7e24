"""What the ASGI adapters share: reading a scope and a body, and telling the app who is asking. No framework."""

import inspect
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from rf_middleware._challenge import respond
from rf_middleware._credentials import Pairs
from rf_middleware._finish import ASGI, SIZES, finished
from rf_middleware._guard import CONTEXT, Guard, Pending, Unread, Visit
from rf_middleware._models import Refusal
from rf_middleware._options import OnDenied
from rf_middleware._rules import inner_path, preflight
from rf_middleware.exceptions import Refused

if TYPE_CHECKING:
    from rf_middleware._identity import WorkspaceIdentity

__all__ = [
    "ASGIApp",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "attach",
    "completed",
    "custom_answer",
    "enter",
    "exempted",
    "header",
    "look",
    "refuse",
    "settle",
    "strip",
]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_log: Final = logging.getLogger("rf_middleware")
_DENIAL_RESPONSE: Final = "websocket.http.response"
_LONGEST_LENGTH: Final = 18  # digits of a body that anybody could send
_QUESTION_MARK: Final = ord("?")
_REQUESTED: Final = b"access-control-request-method"


def enter(guard: Guard, scope: Scope) -> Visit | Refusal | Pending | Unread:
    """Strip the scope and decide about it as far as that goes without waiting."""
    query: bytes = scope.get("query_string", b"") if CONTEXT not in scope else scope[CONTEXT].query
    named = strip(guard, scope, query)
    if guard.has_exempt and exempted(guard, scope):
        return guard.unguarded(query)
    return look(guard, scope, [pair for pair in scope["headers"] if pair[0] in guard.watched], named, query)


def look(guard: Guard, scope: Scope, headers: Pairs, named: Pairs, query: bytes) -> Visit | Refusal | Pending | Unread:
    """Look for the key, in all places but the body."""
    if scope.get("method") == "OPTIONS" and preflight("OPTIONS", header(scope, b"origin"), header(scope, _REQUESTED)):
        return guard.unguarded(query)
    if guard.looks_into_bodies and _wants_body(guard, scope, headers, named):
        return Unread(query, named)
    return guard.examine(headers, named, query)


async def settle(
    guard: Guard, scope: Scope, receive: Receive, step: Visit | Refusal | Pending | Unread
) -> tuple[Visit | Refusal, Receive]:
    """Wait for what is missing: the body, the issuer.

    Returns:
        The decision, and the ``receive`` that the app gets: it replays what was read, byte for byte.
    """
    if isinstance(step, Unread):
        body, receive = await _read_body(receive, guard.options.max_body)
        headers = [pair for pair in scope["headers"] if pair[0] in guard.watched]
        step = guard.examine(headers, step.named, step.query, body)
        del body, headers  # not in the locals of a traceback, nor of those below a log line
    if isinstance(step, Pending):
        peer, forwarded = scope.get("client") or ("", 0), header(scope, b"x-forwarded-for").decode("latin-1")
        client = guard.client(peer[0], forwarded)
        step = guard.settle(step, await guard.validator.aresolve(step.key, client))
    return step, receive


async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the answer of the table: an HTTP response, or the refusal of a WebSocket before it is accepted."""
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        if _DENIAL_RESPONSE not in (scope.get("extensions") or {}):
            return await send({"type": "websocket.close", "code": 1008, "reason": refusal.reason.suffix})
        prefix = _DENIAL_RESPONSE
    else:
        prefix = "http.response"
    response = respond(refusal)
    headers = [(name.encode(), value.encode()) for name, value in response.headers]
    body = b"" if scope.get("method") == "HEAD" else response.body
    await send({"type": prefix + ".start", "status": response.status, "headers": headers})
    await send({"type": prefix + ".body", "body": body})
    return None


def exempted(guard: Guard, scope: Scope) -> bool:
    """Tell whether the path that is routed needs no key."""
    path = inner_path(scope["path"], scope.get("root_path", ""))
    return guard.exempts(path, scope.get("raw_path") or b"")


def header(scope: Scope, name: bytes) -> bytes:
    """Return the headers of a name, joined as a WSGI server does; empty when there is none."""
    return b",".join(value for each, value in scope["headers"] if each == name)


def strip(guard: Guard, scope: Scope, query: bytes) -> Pairs:
    """Take keys out of the query and of Referer headers, in the server's own scope: its access log reads it.

    ``query`` is the one that came, which a middleware further out may have stripped from the scope already; what
    comes back are its parts that may be keys.
    """
    named, rest = guard.split(query)
    if guard.strips:
        seen = scope.get("query_string", b"")
        scope["query_string"] = rest if query == seen else guard.split(seen)[1]
        target = scope.get("raw_path")
        if target and _QUESTION_MARK in target:
            scope["raw_path"] = guard.stripped_target(target)
        for name, _ in scope["headers"]:
            if name == b"referer":
                _strip_referers(guard, scope)
                break
    return named


def _strip_referers(guard: Guard, scope: Scope) -> None:
    scope["headers"] = [
        (name, guard.stripped_target(value) if name == b"referer" else value) for name, value in scope["headers"]
    ]


def attach(scope: Scope, visit: Visit, identity: "type[WorkspaceIdentity] | None" = None) -> None:
    """Tell the app, decorators further in, and Starlette in its own terms who is asking. No header can set these."""
    grant = visit.grant
    scope[CONTEXT] = visit
    state = scope["state"] if "state" in scope else scope.setdefault("state", {})
    state["grant"] = grant
    state["workspace"] = None if grant is None else grant.workspace
    if identity is None:
        return
    if grant is None:
        identity.unknown(scope)
    else:
        scope["user"] = scope["auth"] = identity(grant)


def completed(message: Message, visit: Visit) -> Message:
    """Return the start of an answer to an accepted request, with its headers completed."""
    message = {**message}
    headers = message["headers"] = [*message.get("headers", ())]
    for name, _ in headers:
        if len(name) in SIZES:
            break
    else:
        if visit.guard.tells is None:
            headers += visit.carrier.asgi
            return message
    message["headers"] = finished(headers, ASGI, visit.carrier.asgi, _in_bytes(visit.told()))
    return message


async def custom_answer(on_denied: OnDenied, denied: Refused, request: object) -> object:
    """Return the user's own answer, or ``None`` when there is none; whatever it is, it lets nobody in."""
    try:
        answer = on_denied(denied, request)
        return await answer if inspect.isawaitable(answer) else answer
    except Exception:  # noqa: BLE001 - theirs to fail, ours to answer all the same
        _log.exception("on_denied failed; the standard answer is sent instead")
        return None


def _in_bytes(header: tuple[str, str] | None) -> tuple[bytes, bytes] | None:
    return None if header is None else (header[0].lower().encode(), header[1].encode())


def _wants_body(guard: Guard, scope: Scope, headers: Pairs, named: Pairs) -> bool:
    """Tell whether the key may be in a body that is not too large."""
    if scope["type"] != "http":
        return False
    length = header(scope, b"content-length").lstrip(b"0")
    small = not length.isdigit() or (len(length) <= _LONGEST_LENGTH and int(length) <= guard.options.max_body)
    content_type = header(scope, b"content-type").decode("latin-1")
    return small and guard.options.reader.wants_body(headers, named, content_type)


async def _read_body(receive: Receive, limit: int) -> tuple[bytes, Receive]:
    """Read a body up to ``limit`` bytes; a larger one, or one that is cut off, comes back empty."""
    messages: list[Message] = []
    body = bytearray()
    more = True
    while more and len(body) <= limit:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
    pending = iter(messages)

    async def replay() -> Message:
        for message in pending:
            return message
        return await receive()

    return (bytes(body) if not more and len(body) <= limit else b""), replay
