"""An issuer behind ``httpx.MockTransport``: what it was asked stands in ``asked``, what it answers is scripted."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from rf_middleware._flight import Answer
from rf_middleware._models import Grant, Reason, Refusal

TOKEN = "validator-token"
UNUSABLE: dict[str, httpx.Response] = {
    "201": httpx.Response(201, json={"workspace": "acme", "active": True}),
    "204": httpx.Response(204),
    "302": httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
    "304": httpx.Response(304),
    "307 to itself": httpx.Response(307, headers={"Location": "/"}, json={"workspace": "acme", "active": True}),
    "400": httpx.Response(400),
    "404": httpx.Response(404, json={"error": "nothing here"}),
    "418": httpx.Response(418),
    "429": httpx.Response(429),
    "500": httpx.Response(500, json={"workspace": "acme", "active": True}),
    "502": httpx.Response(502, html="<html>bad gateway</html>"),
    "503": httpx.Response(503, headers={"Retry-After": "7"}),
    "a page": httpx.Response(200, html="<html>sign in to this network</html>"),
    "nothing": httpx.Response(200),
    "cut JSON": httpx.Response(200, content=b'{"workspace": "acme", "active": true'),
    "JSON and more": httpx.Response(200, content=b'{"workspace": "acme", "active": true} {}'),
    "a list": httpx.Response(200, json=[{"workspace": "acme", "active": True}]),
    "a text": httpx.Response(200, json="acme"),
    "null": httpx.Response(200, json=None),
    "no text": httpx.Response(200, content=b'{"workspace": "\xff\xfe"}'),
    "deep JSON": httpx.Response(200, content=b"[" * 60_000),
    "a long body": httpx.Response(200, content=b'{"workspace": "acme", "active": true, "x": "' + b"x" * 70_000 + b'"}'),
    "long headers": httpx.Response(200, headers={"X-Long": "x" * 64_600}, json={"workspace": "acme", "active": True}),
    "a huge number": httpx.Response(200, content=b'{"workspace": ' + b"9" * 5000 + b"}"),
    "gzip": httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"\x1f\x8bjunk")),
}


class Asks(Protocol):
    """What issuers have in common."""

    def check(self, key: str, timeout: float) -> Answer:
        """Ask from a thread."""
        ...

    async def acheck(self, key: str, timeout: float) -> Answer:
        """Ask on a loop."""
        ...


@dataclass
class Mock:
    """Answers of a scripted issuer, and the requests it got.

    Attributes:
        answer: the response, an exception to raise, or a function of the request.
    """

    answer: Any = None
    asked: list[httpx.Request] = field(default_factory=list[httpx.Request])

    @property
    def transport(self) -> httpx.MockTransport:
        """The transport to hand to an issuer."""
        return httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, httpx.Response):  # a new one each time, as a network gives
            made = self.answer
            body = made.content if made.is_stream_consumed else b""
            stream = None if made.is_stream_consumed else made.stream
            return httpx.Response(made.status_code, headers=made.headers, content=body or None, stream=stream)
        response: httpx.Response = self.answer(request)
        return response


def saying(body: object) -> Mock:
    """Return an issuer that answers 200 with this JSON, also with numbers that JSON has no words for."""
    return Mock(httpx.Response(200, content=json.dumps(body).encode()))


def by_thread(issuer: Asks, key: str) -> Answer:
    """Ask from a thread."""
    return issuer.check(key, 5.0)


def by_task(issuer: Asks, key: str) -> Answer:
    """Ask on a loop."""

    async def main() -> Answer:
        async with asyncio.timeout(5.0):
            return await issuer.acheck(key, 5.0)

    return asyncio.run(main())


Ask = Callable[[Asks, str], Answer]


def reason(answer: Answer) -> Reason | None:
    """Return why an answer refuses, ``None`` for a grant that is believed."""
    verdict = answer.believed()
    return verdict.reason if isinstance(verdict, Refusal) else None


def granted(answer: Answer) -> Grant:
    """Return the grant of an answer."""
    verdict = answer.believed()
    assert isinstance(verdict, Grant)
    return verdict
