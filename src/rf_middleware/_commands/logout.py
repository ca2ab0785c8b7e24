"""``logout``: ends a key at its issuer, then forgets it here.

* What can't be ended is not forgotten: it would stay good, and nobody could end it any more by holding it.
  ``--keep-key`` forgets it all the same.
* Only a key that our login got is ended. One that another program wrote down may be in use elsewhere; it is forgotten.
"""

from dataclasses import dataclass

import click

from rf_middleware._commands.acting import missing
from rf_middleware._commands.keys_shown import receipt_line
from rf_middleware._commands.shared import explained, json_option, print_json, url_option, workspace_option
from rf_middleware._login import the_world
from rf_middleware._login.addresses import server
from rf_middleware._login.file import LoginFile
from rf_middleware._login.flow import login_file, named_server
from rf_middleware._login.obtain import World
from rf_middleware._login.reading import complaint, members
from rf_middleware._login.stored import find
from rf_middleware._login.talk import Talk
from rf_middleware._login.values import Answer, Login, masked
from rf_middleware._terminal import Failed
from rf_middleware.exceptions import ConfigurationError

__all__ = ["logout"]

_WAITING = 3700.0


@dataclass(frozen=True, slots=True)
class _Ended:
    """What became of a key: ``why`` it is still good, else the receipt."""

    revoked: bool
    forget: bool
    text: str


@click.command()
@url_option
@workspace_option
@click.option("--all", "everything", is_flag=True, help="Of every workspace.")
@click.option("--keep-key", is_flag=True, help="Only forget the key here: it stays good.")
@json_option
def logout(url: str, workspace: str, *, everything: bool, keep_key: bool, as_json: bool) -> None:
    """End the key of a login at its issuer, then forget it here."""
    world = the_world(browser=False)
    with explained():
        named = named_server(world, url)
        file = login_file(world)
        content = file.read()
    issuer = named.api if named else ""
    one = find(content, workspace, issuer)
    every = [each for each in content.logins() if not issuer or each.issuer in {"", issuer}]
    chosen = every if everything else [one] if one else []
    if not chosen:
        raise Failed(missing(content, workspace, named))
    said = [_leave(world, file, each, keep_key=keep_key) for each in chosen]
    if as_json:
        print_json({"workspaces": said, "file": str(file.path)})
    if not all(each["forgotten"] for each in said):
        raise click.exceptions.Exit(1)


def _leave(world: World, file: LoginFile, login: Login, *, keep_key: bool) -> dict[str, object]:
    ended = _Ended(revoked=False, forget=True, text="it stays good") if keep_key else _end(world, login)
    if ended.forget:
        with explained():
            file.change(lambda content: content.without(login.key))
    done = "forgotten" if ended.forget else f"still in {file.path}; try again, or --keep-key only forgets it"
    where = f" at {login.issuer}" if login.issuer else ""
    world.screen.say(f"{login.slug}{where}: the key {masked(login.key)}: {ended.text}; {done}")
    return {
        "workspace": login.slug,
        "issuer": login.issuer or None,
        "revoked": ended.revoked,
        "forgotten": ended.forget,
    }


def _end(world: World, login: Login) -> _Ended:
    if not login.issuer:
        return _Ended(revoked=False, forget=True, text="another program wrote it down, so it stays good")
    try:
        issuer = server(login.issuer, "the issuer in the login file")
    except ConfigurationError as wrong:
        return _Ended(revoked=False, forget=False, text=str(wrong))
    if issuer.hosted:
        text = f"Roboflow ends keys at {issuer.pages}/settings/api only, until then it stays good"
        return _Ended(revoked=False, forget=True, text=text)
    answer = Talk(issuer, world.transport).post("/revoke", {"token": login.key}, _WAITING)
    if isinstance(answer, Answer) and answer.status == 200:
        receipt = receipt_line(members(answer) or {}, "refused")
        return _Ended(revoked=True, forget=True, text=receipt or "revoked before")
    why = complaint(answer) if isinstance(answer, Answer) else answer.text
    return _Ended(revoked=False, forget=False, text=f"could not be revoked ({why}), so it may still be good")
