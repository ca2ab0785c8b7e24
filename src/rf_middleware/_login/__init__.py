"""``rf_middleware.login()``: gets a key for this user from an issuer, and keeps it in the login file.

addresses, reading, values, content, stored, device    decide, without I/O
obtain, flow                                           do what was decided, in order
talk, file, screen                                     HTTP, the disk, the eyes of the user
"""

import os
import sys

from rf_middleware._login.flow import Wish, log_in
from rf_middleware._login.obtain import World
from rf_middleware._login.screen import browse, headless, the_screen
from rf_middleware._models import Workspace

__all__ = ["login", "the_world"]


def login(
    workspace: str | None = None,
    force: bool = False,  # noqa: FBT001, FBT002 - the signature of roboflow.login
    *,
    url: str | None = None,
    paste: bool = False,
    browser: bool = True,
) -> Workspace:
    """Log in, in a terminal or a notebook: a page opens, you allow it there, and the key is kept for this user.

    The key is stored where Roboflow's own client has it (``~/.config/roboflow/config.json``), so that client uses it
    too.

    Args:
        workspace: slug of the workspace; ``None`` is whichever you pick on the page.
        force: log in anew though you are logged in.
        url: the issuer. ``None``: ``RF_ISSUER_URL``, else where the workspace was logged in before, else Roboflow.
        paste: copy a token from the page and paste it; needed for servers that have no other way, chosen by itself
            then.
        browser: open the page by itself where that is possible.

    Returns:
        The workspace that is used when none is named.

    Raises:
        LoginError: it did not come about; the text says why.
        ConfigurationError: an argument is wrong.
    """
    world = the_world(browser=browser)
    wish = Wish(workspace or "", url or "", force, paste)
    result = log_in(wish, world)
    found = result.login
    where = f" ({found.issuer})" if found.issuer else ""
    world.screen.say(f"{'Logged in' if result.logins else 'Already logged in'} to {found.slug}{where}")
    return found.workspace


def the_world(*, browser: bool) -> World:
    """Return what a login touches outside itself, as it really is."""
    screen = the_screen(sys.modules)
    shown = browser and screen.can_browse and not headless(os.environ, sys.platform)
    return World(screen, os.environ, browse if shown else _nowhere)


def _nowhere(_url: str) -> None:
    """Open nothing: the address is shown."""
