"""Gets keys from a server: by a code on a page (RFC 8628), or by a token that is pasted, Roboflow's way.

The driver of ``device.py``: it shows, waits and asks, and decides nothing.
"""

import getpass
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import httpx

from rf_middleware._clock import Clock, now
from rf_middleware._login.device import Open, Step, Wait, device_login
from rf_middleware._login.reading import Asked, Failed, Tokens, read_asked, read_pasted
from rf_middleware._login.screen import Screen, hidden_input
from rf_middleware._login.talk import Talk
from rf_middleware._login.values import Answer, Unanswered, plain, usable
from rf_middleware._secret import Secret
from rf_middleware.exceptions import LoginError

__all__ = ["World", "by_code", "by_paste"]

_CLIENT: Final = "rf-middleware"
_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_NO_SUCH_PAGE: Final = frozenset({404, 405, 501})
_NOTHING: Final = Unanswered("")
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class World:
    """What a login touches outside itself.

    Attributes:
        screen: where it is shown.
        environ: the environment, which may hold a key.
        browse: opens a page, or does nothing.
        clock: seconds.
        sleep: waits.
        transport: replaces the network, for tests.
    """

    screen: Screen
    environ: Mapping[str, str] = field(repr=False)
    browse: Callable[[str], None]
    clock: Clock = now
    sleep: Callable[[float], None] = time.sleep
    transport: httpx.MockTransport | None = None


def by_code(world: World, talk: Talk, workspace: str) -> Tokens | None:
    """Log in by a code; ``None`` if the server knows no such thing.

    Raises:
        LoginError: it did not come about.
    """
    form = {"client_id": _CLIENT, "device_name": _device_name(), **({"workspace": workspace} if workspace else {})}
    answer = talk.post("/device_authorization", form)
    if isinstance(answer, Unanswered):
        raise LoginError(answer.text)
    if answer.status in _NO_SUCH_PAGE:
        return None
    asked = read_asked(answer)
    return _good(asked if isinstance(asked, Failed) else _drive(world, talk, asked))


def _drive(world: World, talk: Talk, asked: Asked) -> Tokens | Failed:
    steps = device_login(asked, talk.server.api, world.clock)
    try:
        step = next(steps)
        while True:
            step = steps.send(_do(step, world, talk))
    except StopIteration as end:
        ended: Tokens | Failed = end.value
        return ended


def _do(step: Step, world: World, talk: Talk) -> Answer | Unanswered:
    if isinstance(step, Open):
        minutes = max(1, round(step.asked.lasts / 60))
        world.screen.link(
            f"To log in at {talk.server.pages} open this page, see that it shows this code, and allow it:",
            step.asked.direct,
            step.asked.user_code,
            f"Waiting, for {minutes} min at most. An interrupt (Ctrl-C) gives up.",
        )
        world.browse(step.asked.direct)
    elif isinstance(step, Wait):
        world.sleep(step.seconds)
    else:
        form: dict[str, str | Secret] = {
            "grant_type": _GRANT,
            "client_id": _CLIENT,
            "device_code": step.asked.device_code,
        }
        return talk.post("/token", form)
    return _NOTHING


def by_paste(world: World, talk: Talk, workspace: str) -> Tokens:
    """Log in by a token from a page.

    Raises:
        LoginError: it did not come about.
    """
    page = f"{talk.server.pages}/auth-cli" + (f"/?workspace={quote(workspace, safe='')}" if workspace else "")
    world.screen.link("To log in open this page, pick workspaces and copy the token it shows:", page, "", "")
    world.browse(page)
    token = Secret(hidden_input("Paste the token here (it is not shown): ", world.screen).strip())
    if not usable(token.reveal()):
        message = "what was pasted is not a token"
        raise LoginError(message)
    answer = talk.pasted(token)
    if isinstance(answer, Unanswered):
        raise LoginError(answer.text)
    return _good(read_pasted(answer, talk.server.api))


def _good(found: Tokens | Failed) -> Tokens:
    if isinstance(found, Failed):
        raise LoginError(found.text)
    return found


def _device_name() -> str:
    """Return what the page calls this device: who, where."""
    user = ""
    with suppress(Exception):  # there are as many errors as systems without user names
        user = f"{getpass.getuser()}@"
    return plain(f"{user}{platform.node()}", _LONGEST_NAME)
