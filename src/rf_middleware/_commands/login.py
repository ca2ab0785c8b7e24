"""``login`` and ``whoami``. Thin: options in, one answer out; results on stdout, all else on stderr."""

from dataclasses import replace

import click

from rf_middleware._commands.acting import CHECK, VARIABLES, Acting, acting, good
from rf_middleware._commands.shared import (
    TEXT,
    explained,
    in_words,
    json_option,
    objects,
    print_json,
    table,
    url_option,
    workspace_option,
)
from rf_middleware._login import the_world
from rf_middleware._login.flow import Wish, log_in
from rf_middleware._login.values import Answer, masked
from rf_middleware._terminal import Failed

__all__ = ["login", "whoami"]


@click.command()
@click.option("--url", default="", type=TEXT, help="The issuer; RF_ISSUER_URL when omitted, else Roboflow.")
@click.option("--paste", is_flag=True, help="Copy a token from the page and paste it here.")
@click.option(
    "--workspace", default="", type=TEXT, metavar="SLUG", help="Ask for this workspace, and use it by default."
)
@click.option("--force", is_flag=True, help="Log in anew though you are logged in.")
@click.option("--no-browser", is_flag=True, help="Open no browser, only show the address.")
@json_option
def login(url: str, workspace: str, *, paste: bool, force: bool, no_browser: bool, as_json: bool) -> None:
    """Get a key: a page opens, you allow it there, and the key is kept in your login file."""
    world = the_world(browser=not no_browser)
    with explained():
        result = log_in(Wish(workspace, url, force, paste), world)
    found = result.login
    where = f" at {found.issuer}" if found.issuer else ""
    if result.logins:
        slugs = ", ".join(each.slug for each in result.logins)
        world.screen.say(f"Logged in to {slugs}{where}; kept in {result.path}")
    else:
        world.screen.say(f"Already logged in to {found.slug}{where}; --force logs in anew")
    for variable in VARIABLES:
        if world.environ.get(variable, "").strip():
            world.screen.say(f"Note: {variable} is set, and is used in place of what is stored.")
    if as_json:
        new = [{"workspace": each.slug, "name": each.name, "workspaceId": each.id} for each in result.logins]
        said = {"workspace": found.slug, "name": found.name, "issuer": found.issuer or None, "new": new}
        print_json({**said, "file": str(result.path)})


@click.command()
@url_option
@workspace_option
@json_option
def whoami(url: str, workspace: str, *, as_json: bool) -> None:
    """Say which key is used, where it is from, and whether it is still good."""
    who = acting(the_world(browser=False), workspace, url)
    answer = who.talk.ask("GET", CHECK, who.login.key)
    refused = isinstance(answer, Answer) and answer.status == 401
    if not refused:
        slug = good(who, answer).get("workspace")
        who = replace(who, login=replace(who.login, slug=slug if isinstance(slug, str) else ""))
    own = {} if refused else _own(who)
    scopes = own.get("scopes", [])
    said: dict[str, object] = {
        "workspace": who.login.slug or None,
        "name": who.login.name or None,
        "issuer": who.talk.server.api,
        "key": masked(who.login.key),
        "source": who.source,
        "keyId": own.get("keyId"),
        "scopes": (["*"] if scopes is None else scopes) if own else None,
        "valid": not refused,
    }
    if as_json:
        print_json(said)
    else:
        click.echo(table([(name, in_words(value)) for name, value in said.items()]))
    if refused:
        good(who, answer)  # says so, and ends with 1


def _own(who: Acting) -> dict[str, object]:
    """Return what the issuer shows of the key itself; nothing if the key may not see that."""
    prefix, _, last_four = masked(who.login.key).partition("...")
    try:
        keys = objects(who.keys("GET", "?includeDisabled=true").get("apiKeys"))
    except Failed:
        return {}
    own = [each for each in keys if (each.get("prefix"), each.get("lastFour")) == (prefix, last_four)]
    return own[0] if own else {}
