"""Issuers of every kind that answer in every way: each is a way in which a check can end."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx

from rf_middleware import CallableIssuer, Denied, Grant, IntrospectionIssuer, RoboflowIssuer
from rf_middleware.issuers import Issuer
from tests.core.mock import TOKEN
from tests.leaks.failing import GRANT

__all__ = ["ISSUERS"]


def _raises(key: str) -> Grant | None:
    raise ValueError(f"no row for {key}")


async def _araises(key: str) -> Grant | None:
    raise ValueError(f"no row for {key}")


async def _arefuses(key: str) -> Grant | None:
    return None


def _denies(key: str) -> Grant | None:
    raise Denied(423)


def _exits(key: str) -> Grant | None:
    raise SystemExit


async def _acancels(key: str) -> Grant | None:
    raise asyncio.CancelledError


def _echoes(key: str) -> Any:
    return {"api_key": key}


async def _aechoes(key: str) -> Any:
    return key


class _Own:
    """An issuer object of somebody's own that fails with the key in its text."""

    def __repr__(self) -> str:
        return "_Own()"

    def check(self, key: str, timeout: float) -> Any:
        raise LookupError(key)

    async def acheck(self, key: str, timeout: float) -> Any:
        return key


def _http(answer: Callable[[httpx.Request], httpx.Response]) -> dict[str, Callable[[], Issuer]]:
    transport = httpx.MockTransport(answer)  # it keeps nothing of what it was asked
    return {
        "roboflow": lambda: RoboflowIssuer(transport=transport),
        "introspection": lambda: IntrospectionIssuer("https://issuer.example", TOKEN, feed=False, transport=transport),
    }


def _says(status: int, **more: Any) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _request: httpx.Response(status, **more)


def _down(request: httpx.Request) -> httpx.Response:
    message = "no route"
    raise httpx.ConnectError(message)


def _slow(request: httpx.Request) -> httpx.Response:
    message = "slow"
    raise httpx.ReadTimeout(message)


def _echo(request: httpx.Request) -> httpx.Response:
    return httpx.Response(500, content=repr(request.headers.raw).encode() + request.content)


def _redirect(request: httpx.Request) -> httpx.Response:
    sent = request.content.decode() + request.headers.get("authorization", "").removeprefix("Bearer ")
    return httpx.Response(307, headers={"Location": f"https://elsewhere.example/?{sent}"})


_ANSWERS: Final[Mapping[str, Callable[[httpx.Request], httpx.Response]]] = {
    "refuses": _says(401),
    "forbids": _says(403),
    "pauses": _says(423),
    "breaks": _says(500, text="no"),
    "echoes": _echo,
    "redirects": _redirect,
    "says nonsense": _says(200, text="<html>"),
    "says little": _says(200, json={"active": "yes", "workspace": None}),
    "is down": _down,
    "is slow": _slow,
}

ISSUERS: Final[Mapping[str, Callable[[], Issuer]]] = {
    "a function that grants": lambda: CallableIssuer(lambda _key: GRANT),
    "a function that refuses": lambda: CallableIssuer(lambda _key: None),
    "a coroutine that refuses": lambda: CallableIssuer(_arefuses),
    "a function that denies": lambda: CallableIssuer(_denies),
    "a function that raises": lambda: CallableIssuer(_raises),
    "a coroutine that raises": lambda: CallableIssuer(_araises),
    "a function that exits": lambda: CallableIssuer(_exits),
    "a coroutine that is cancelled": lambda: CallableIssuer(_acancels),
    "a function that echoes": lambda: CallableIssuer(_echoes),
    "a coroutine that echoes": lambda: CallableIssuer(_aechoes),
    "an object that raises": _Own,
    **{f"{kind} {how}": build for how, answer in _ANSWERS.items() for kind, build in _http(answer).items()},
}
"""How a check ends, by name."""
