"""Sends the requests of a login and of the command line to an issuer. httpx underneath; decides nothing.

* A key goes in a header or a form, never in a URL. The one-time token of a paste has to (that is Roboflow's way), so
  httpx's log line about it is held back.
* No redirect is followed: it would carry a key to another place.
* This machine is spoken to directly, past any proxy.
* Failures are values with a text that names no header and no path.
"""

import logging
import time
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.parse import quote, urlsplit

import httpx

from rf_middleware._login.addresses import Server
from rf_middleware._login.values import Answer, Unanswered, plain
from rf_middleware._secret import Secret

__all__ = ["USUAL", "Talk"]

USUAL: Final = 30.0
_LARGEST: Final = 1 << 24
_PASTED: Final = "/query/cliAuthToken/"


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    url: Secret
    timeout: float
    key: Secret | None = None
    form: Mapping[str, str | Secret] | None = None
    json: object = field(repr=False, default=None)


class Talk:
    """Talks to one server.

    Args:
        server: which.
        transport: replaces the network, for tests.
    """

    def __init__(self, server: Server, transport: httpx.MockTransport | None = None) -> None:
        self.server = server
        self._transport = transport

    def ask(
        self, method: str, path: str, key: Secret | None = None, json: object = None, timeout: float = USUAL
    ) -> Answer | Unanswered:
        """Send a request to the API, with a key as Bearer."""
        return self._answer(_Call(method, Secret(self.server.api + path), timeout, key=key, json=json))

    def post(self, path: str, form: Mapping[str, str | Secret], timeout: float = USUAL) -> Answer | Unanswered:
        """Send a form to the API, as OAuth has it."""
        return self._answer(_Call("POST", Secret(self.server.api + path), timeout, form=form))

    def pasted(self, token: Secret) -> Answer | Unanswered:
        """Exchange a one-time token from the pages."""
        url = Secret(f"{self.server.pages}{_PASTED}{quote(token.reveal(), safe='')}")
        with _unlogged():
            return self._answer(_Call("GET", url, USUAL))

    def _answer(self, call: _Call) -> Answer | Unanswered:
        sent = False
        try:
            with self._client(call) as client:
                request = _request(client, call)
                sent = True
                with closing(client.send(request, stream=True)) as response:
                    return _read(response, time.monotonic() + call.timeout)
        except httpx.ConnectError as error:
            return Unanswered(f"{self.server.api} can't be reached: {plain(str(error))}")
        except httpx.ConnectTimeout:
            return Unanswered(f"{self.server.api} can't be reached: no connection in time")
        except httpx.TimeoutException:
            return Unanswered(f"{self.server.api} did not answer in time", sent=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, there was no answer
            what = "gave no answer" if sent else "was not asked"
            return Unanswered(f"{self.server.api} {what} ({type(error).__name__})", sent=sent)

    def _client(self, call: _Call) -> httpx.Client:
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        return httpx.Client(
            transport=self._transport, cookies=no_cookies, timeout=call.timeout, trust_env=not self.server.loopback
        )


def _request(client: httpx.Client, call: _Call) -> httpx.Request:
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "rf-middleware",
    }
    if call.key is not None:
        headers["Authorization"] = f"Bearer {call.key.reveal()}"
    revealed = None if call.form is None else {name: _revealed(value) for name, value in call.form.items()}
    return client.build_request(call.method, call.url.reveal(), headers=headers, data=revealed, json=call.json)


def _revealed(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _read(response: httpx.Response, deadline: float) -> Answer | Unanswered:
    if response.headers.get("content-encoding", "identity") != "identity":
        return Unanswered("the answer is encoded, which was not asked for", sent=True)
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > _LARGEST:
            return Unanswered("the answer is too large", sent=True)
        if time.monotonic() > deadline:
            return Unanswered("the answer did not end in time", sent=True)
    return Answer(response.status_code, bytes(body), _leads_to(response))


def _leads_to(response: httpx.Response) -> str:
    """Return scheme and host of a redirect; the rest of its address may hold a secret."""
    if not response.has_redirect_location:
        return ""
    try:
        parts = urlsplit(response.headers["location"])
        host = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:
        return "another address"
    return plain(f"{parts.scheme}://{host}") if host else "another path of the same server"


@contextmanager
def _unlogged() -> Generator[None]:
    """Hold back the log lines that show a one-time token."""
    logger = logging.getLogger("httpx")
    logger.addFilter(_shows_no_token)
    try:
        yield
    finally:
        logger.removeFilter(_shows_no_token)


def _shows_no_token(record: logging.LogRecord) -> bool:
    return _PASTED not in record.getMessage()
