"""A login from beginning to end: which server, is there a good one already, get keys, keep them.

* The file is known to be good and writable before anybody is asked anything.
* Keys that were made but can't be kept are ended again: nothing is left that nobody knows of.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rf_middleware._login.addresses import URL_VARIABLE, Server, effective_region, hosted, server, url_in_environment
from rf_middleware._login.content import Content
from rf_middleware._login.file import LoginFile, path_of
from rf_middleware._login.obtain import World, by_code, by_paste
from rf_middleware._login.reading import Tokens
from rf_middleware._login.stored import find
from rf_middleware._login.talk import Talk
from rf_middleware._login.values import Answer, Login
from rf_middleware._models import SLUG
from rf_middleware.exceptions import ConfigurationError, LoginError

__all__ = ["Result", "Wish", "log_in", "login_file", "named_server"]

_QUICK = 5.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for.

    Attributes:
        workspace: slug; empty is whatever is picked on the page.
        url: the server; empty leaves the choice to environment and file.
        force: log in anew though there is a login.
        paste: Roboflow's way, also where the server knows the other.
    """

    workspace: str = ""
    url: str = ""
    force: bool = False
    paste: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it.

    Attributes:
        login: the workspace that is used when none is named.
        logins: all that are new; none if there was a login already.
        path: the file they are in.
    """

    login: Login
    logins: tuple[Login, ...]
    path: Path


def login_file(world: World) -> LoginFile:
    """Return the login file of this user.

    Raises:
        LoginError: there is no place for it.
    """
    return LoginFile(path_of(world.environ, Path.home, windows=os.name == "nt"))


def named_server(world: World, url: str) -> Server | None:
    """Return the server that the user names, by argument or environment.

    Raises:
        ConfigurationError: what is named is no address that a key may be sent to.
    """
    if url:
        return server(url, "url")
    in_environment = url_in_environment(world.environ)
    return server(in_environment, URL_VARIABLE) if in_environment else None


def log_in(wish: Wish, world: World) -> Result:
    """Log in.

    Raises:
        LoginError: it did not come about.
        ConfigurationError: an argument is wrong.
    """
    if wish.workspace and not SLUG.fullmatch(wish.workspace):
        message = "workspace: letters, digits, _ and -, a letter or digit first"
        raise ConfigurationError(message)
    named = named_server(world, wish.url)
    file = login_file(world)
    content = file.ready()
    known = find(content, wish.workspace, named.api if named else "")
    noted = server(known.issuer, f"the issuer of {known.slug} in the login file") if known and known.issuer else None
    chosen = named or noted or hosted(effective_region(world.environ, content.region))
    talk = Talk(chosen, world.transport)
    if known is not None and not wish.force and _still_good(talk, known):
        return Result(known, (), file.path)
    if not (named or noted):
        world.screen.say(f"No issuer is named (--url, {URL_VARIABLE}): this is a login at Roboflow, {chosen.pages}")
    tokens = None if wish.paste or chosen.hosted else by_code(world, talk, wish.workspace)
    return _keep(world, file, talk, wish, tokens or by_paste(world, talk, wish.workspace))


def _still_good(talk: Talk, known: Login) -> bool:
    """Say whether a login is good as far as one can know: its own server, and only that, may say no."""
    if known.issuer != talk.server.api:
        return True
    answer = talk.ask("GET", "/?nocache=true", known.key, timeout=_QUICK)
    return not (isinstance(answer, Answer) and answer.status == 401)


def _keep(world: World, file: LoginFile, talk: Talk, wish: Wish, tokens: Tokens) -> Result:
    by_slug = {each.slug: each for each in tokens.logins}
    first = by_slug.get(wish.workspace or tokens.first, tokens.logins[0])
    missed = bool(wish.workspace) and wish.workspace not in by_slug

    def with_them(content: Content) -> Content:
        # Roboflow's client wants to know from which of its regions the keys are; it takes any other server for one.
        region = talk.server.region or ("" if content.logins() else effective_region(world.environ, content.region))
        return content.with_logins(tokens.logins, "" if missed else first.slug, region)

    try:
        file.change(with_them)
    except BaseException as error:
        ended = _end(talk, tokens.logins)
        if not isinstance(error, LoginError):
            raise  # Ctrl-C
        message = f"{error}; {ended}"
        raise LoginError(message) from None
    if missed:
        message = f"{wish.workspace} was not allowed on the page; logged in to {', '.join(by_slug)} instead"
        raise LoginError(message)
    return Result(first, tokens.logins, file.path)


def _end(talk: Talk, logins: Sequence[Login]) -> str:
    """End keys that nobody will ever see; say whether that worked."""
    if not talk.server.hosted:
        answers = [talk.post("/revoke", {"token": each.key}) for each in logins]
        if all(isinstance(each, Answer) and each.status == 200 for each in answers):
            return "the keys made for this login were revoked again"
    return f"the keys made for this login are good and stored nowhere: revoke them at {talk.server.pages}/settings/api"
