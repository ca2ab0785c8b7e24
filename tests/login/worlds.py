"""A login in this process: a screen that remembers, a clock turned by waiting, an issuer behind httpx's mock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

import httpx

from rf_middleware._login.obtain import World

KEY = "rfk_0123456789ABCDEFGHIJKLMNOPQRSTUVW"
OTHER_KEY = "rfk_WVUTSRQPONMLKJIHGFEDCBA9876543210"
ISSUER = "https://issuer.example"
DEVICE = {
    "device_code": "the-device-code",
    "user_code": "BCDF-GHJK",
    "verification_uri": f"{ISSUER}/device",
    "verification_uri_complete": f"{ISSUER}/device?user_code=BCDF-GHJK",
    "expires_in": 600,
    "interval": 5,
}
WORKSPACES = {"id-of-acme": {"url": "acme", "name": "Acme & Sons", "apiKey": KEY}}
TOKENS = {"access_token": KEY, "token_type": "Bearer", "scope": "*", "workspace": "acme", "workspaces": WORKSPACES}

Reply = tuple[int, object]
Script = Mapping[str, Reply | list[Reply] | Exception]


@dataclass
class Shown:
    """A screen: what was said on it."""

    said: list[str] = field(default_factory=list[str])
    can_browse: bool = True

    def say(self, text: str) -> None:
        """Remember a line."""
        self.said.append(text)

    def link(self, before: str, url: str, code: str, after: str) -> None:
        """Remember a link."""
        self.said += [before, url, code, after]

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.said)


@dataclass
class Scripted:
    """An issuer that answers each path as it is told to, a list one after another.

    Attributes:
        script: answers by method and path.
        asked: method and path of what came, in order.
        requests: the requests themselves.
    """

    script: Script
    asked: list[str] = field(default_factory=list[str])
    requests: list[httpx.Request] = field(default_factory=list[httpx.Request])

    @property
    def transport(self) -> httpx.MockTransport:
        """The transport to hand to a world."""
        return httpx.MockTransport(self._answer)

    def form(self, number: int) -> dict[str, str]:
        """Return the form that came with a request."""
        return dict(parse_qsl(self.requests[number].content.decode()))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        asked = f"{request.method} {request.url.raw_path.decode()}"
        self.asked.append(asked)
        reply = self.script.get(asked, (404, {"error": "Not Found"}))
        if isinstance(reply, list):
            reply = reply.pop(0) if len(reply) > 1 else reply[0]
        if isinstance(reply, Exception):
            raise reply
        status, body = reply
        return httpx.Response(status, content=body) if isinstance(body, bytes) else httpx.Response(status, json=body)


@dataclass
class Time:
    """A clock that goes on while somebody waits."""

    now: float = 100.0
    waits: list[float] = field(default_factory=list[float])

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.now += seconds


@dataclass
class Made:
    """A world and its parts."""

    world: World
    screen: Shown
    time: Time
    opened: list[str]
    issuer: Scripted
    path: Path


def a_world(
    path: Path, script: Script, environ: Mapping[str, str] | None = None, on_open: Callable[[], object] = lambda: None
) -> Made:
    """Return a world whose login file is at this path."""
    screen, clock, opened, issuer = Shown(), Time(), list[str](), Scripted(script)

    def browse(url: str) -> None:
        opened.append(url)
        on_open()

    variables = {"ROBOFLOW_CONFIG_DIR": str(path), **(environ or {})}
    return Made(
        World(screen, variables, browse, clock, clock.sleep, issuer.transport), screen, clock, opened, issuer, path
    )


def pending(error: str = "authorization_pending") -> Reply:
    """Return an answer to a poll that is no key."""
    return 400, {"error": error}
