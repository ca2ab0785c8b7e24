"""Sends one request to an issuer and brings back its answer, in a thread or on a loop. httpx underneath.

* Clients are pooled, and made at the first use: one per event loop, threads have one together.
* Of many requests at once some wait here, in order, and not in httpx's pool: there each step of each request
  looks at all that wait (a thousand new keys were 20 s of processor time, now 2.5).
* ``timeout`` bounds the whole exchange: names, connection, headers and the last byte of the body.
* No redirect is followed: it would carry a key to another place.
* An answer that was there before its question was sent belongs to another question, perhaps about another key.
* Failures are values with a text that names no URL and no header.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from rf_middleware._secret import Unpicklable
from rf_middleware.exceptions import ConfigurationError
from rf_middleware.issuers._background import background

if TYPE_CHECKING:
    import httpx

__all__ = ["Call", "Failure", "Http", "Received", "checked_url"]

_CLOSING: Final = 1.0
_VERSIONS: Final = frozenset({b"HTTP/1.0", b"HTTP/1.1"})
_AT_ONCE: Final = 256
"""Requests under way on one event loop, and so connections."""


@dataclass(frozen=True, slots=True)
class Call(Unpicklable):
    """One request, and how many bytes its answer may have, headers too. Its repr shows neither: one holds a key."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False, default_factory=dict[str, str])
    form: Mapping[str, str] | None = field(repr=False, default=None)
    json: object = field(repr=False, default=None)
    largest: int = (1 << 16) - (1 << 10)  # less than is read at once: what follows it is read with it, and seen


@dataclass(frozen=True, slots=True)
class Received(Unpicklable):
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """There was no answer; ``text`` says why without naming the request."""

    text: str


def checked_url(name: str, url: object) -> str:
    """Return an http or https URL without its trailing slash.

    Raises:
        ConfigurationError: it is something else, or has user, query or fragment.
    """
    allowed = "an http or https URL such as 'https://api.roboflow.com', without user, query or fragment"
    if not isinstance(url, str) or not _is_base_url(url):
        # Not shown: what stands there by mistake may be a secret.
        message = f"{name}: what is given is no such URL; allowed is {allowed}"
        raise ConfigurationError(message)
    return url.rstrip("/")


def _is_base_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = "@" not in parts.netloc and "?" not in url and "#" not in url
    return named and plain and url.isascii() and url.isprintable() and " " not in url


class Http:
    """Talks to one issuer.

    Args:
        url: base URL.
        transport: replaces the network, for tests (``httpx.MockTransport``).
    """

    def __init__(self, url: str, transport: "httpx.MockTransport | None" = None) -> None:
        self.url = url
        self._transport = transport
        self.forked()

    def forked(self) -> None:
        """Let go of connections without closing them: in a child they belong to the parent."""
        self._clients: dict[asyncio.AbstractEventLoop | None, tuple[httpx.AsyncClient, asyncio.Semaphore]] = {}

    def send(self, call: Call, timeout: float) -> Received | Failure:
        """Send from a thread; answered after ``timeout`` seconds at the latest."""
        try:
            return background.run(lambda: self.asend(call, timeout), timeout)
        except TimeoutError:
            return Failure("no answer in time")

    async def asend(self, call: Call, timeout: float) -> Received | Failure:
        """Send on the running event loop; whoever awaits this cancels it after ``timeout`` seconds."""
        try:
            client, gate = self._client()
            async with gate:
                response = await client.send(self._request(client, call, timeout), stream=True)
                try:
                    return await _read(response, call.largest)
                finally:
                    await response.aclose()
        except Exception as error:  # noqa: BLE001 - whatever it is, there was no answer
            return Failure(type(error).__name__)

    def _client(self) -> "tuple[httpx.AsyncClient, asyncio.Semaphore]":
        from http.cookiejar import CookieJar, DefaultCookiePolicy  # noqa: PLC0415 - the same

        import httpx  # noqa: PLC0415 - not at import: a hit does not need it

        loop = asyncio.get_running_loop()
        found = self._clients.get(loop)
        if found is None:
            # An issuer's cookie for one key must not vouch for the next.
            no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=_AT_ONCE)
            client = httpx.AsyncClient(transport=self._transport, cookies=no_cookies, limits=limits)
            found = self._clients[loop] = client, asyncio.Semaphore(_AT_ONCE)
            for dead in [each for each in list(self._clients) if each is not None and each.is_closed()]:
                self._clients.pop(dead, None)
        return found

    def _request(self, client: "httpx.AsyncClient", call: Call, timeout: float) -> "httpx.Request":
        return client.build_request(
            call.method,
            self.url + call.path,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **call.headers},
            data=call.form,
            json=call.json,
            timeout=timeout,
            extensions={"trace": _Watch()},
        )

    def close(self) -> None:
        """Close what threads used."""
        if background.loop in self._clients:
            with contextlib.suppress(TimeoutError):
                background.run(self._close_here, _CLOSING)

    async def aclose(self) -> None:
        """Close what threads and the running event loop used."""
        await self._close_here()
        await asyncio.to_thread(self.close)

    async def _close_here(self) -> None:
        found = self._clients.pop(asyncio.get_running_loop(), None)
        if found is not None:
            await found[0].aclose()


class _Watch:
    """Sees to what httpx leaves undone; it is told of each step of an exchange (the ``trace`` extension of httpcore).

    * An answer that needed no waiting for is refused: what the other end sent too much is read with what came before
      it. A read from a socket always gives way to what else is due on the loop, here to a call of ours.
    * A connection whose TLS handshake is cancelled is closed.
    """

    def __init__(self) -> None:
        self._opened: list[Any] = []
        self._waited = False

    async def __call__(self, step: str, facts: Mapping[str, Any]) -> None:
        if step == "connection.connect_tcp.complete":
            self._opened.append(facts["return_value"])
        elif step == "connection.start_tls.failed":
            for stream in self._opened:
                await stream.aclose()
        elif step == "http11.receive_response_headers.started":
            asyncio.get_running_loop().call_soon(self._wait)
        elif step == "http11.receive_response_headers.complete" and not self._waited:
            message = "the answer was there before the question"
            raise ValueError(message)

    def _wait(self) -> None:
        self._waited = True


async def _read(response: "httpx.Response", largest: int) -> Received | Failure:
    if response.extensions.get("http_version", b"HTTP/1.1") not in _VERSIONS:
        return Failure("the answer is in no version of HTTP that was asked for")
    if response.headers.get("content-encoding", "identity") != "identity":
        return Failure("the answer is encoded, which was not asked for")
    body, head = bytearray(), sum(len(name) + len(value) for name, value in response.headers.raw)
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) + head > largest:
            return Failure("the answer is too large")
    return Received(response.status_code, response.headers, bytes(body))
