"""With which key a command acts, and at which server.

* ``--workspace`` that names a stored key wins, then RF_API_KEY, then ROBOFLOW_API_KEY, then the stored default.
* A key is never taken from the command line: other people on the machine could read it there.
* It is sent to nobody but the server it came from (see ``_login.stored``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from rf_middleware._commands.shared import explained
from rf_middleware._login.addresses import Server, effective_region
from rf_middleware._login.content import Content
from rf_middleware._login.file import LoginFile
from rf_middleware._login.flow import login_file, named_server
from rf_middleware._login.obtain import World
from rf_middleware._login.reading import complaint, members
from rf_middleware._login.stored import find, server_of
from rf_middleware._login.talk import USUAL, Talk
from rf_middleware._login.values import Answer, Login, Unanswered, masked, usable
from rf_middleware._secret import Secret
from rf_middleware._terminal import Failed

__all__ = ["CHECK", "VARIABLES", "Acting", "acting", "good", "missing"]

CHECK: Final = "/?nocache=true"
VARIABLES: Final = ("RF_API_KEY", "ROBOFLOW_API_KEY")
_WAITING: Final = 3700.0
"""Seconds for what ends or shrinks a key: longer than the longest lease that an issuer grants."""

Body = dict[str, object]


@dataclass(frozen=True, slots=True)
class Acting:
    """A key and its server.

    Attributes:
        login: the key; its slug is empty when only the server knows.
        talk: to the server.
        file: the login file.
        source: the variable that holds the key, or the path of the file.
    """

    login: Login
    talk: Talk
    file: LoginFile
    source: str

    @property
    def stored(self) -> bool:
        """Whether the key is from the file."""
        return self.source not in VARIABLES

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None, *, waits: bool = False) -> Body:
        """Ask the server something.

        Args:
            method: of HTTP.
            path: of the request.
            body: sent as JSON.
            waits: the answer may take as long as a lease.

        Raises:
            Failed: it is refused, or there is no answer.
        """
        return good(self, self.talk.ask(method, path, self.login.key, body, _WAITING if waits else USUAL))

    def located(self) -> "Acting":
        """Return it with the slug of the workspace, which only the server may know.

        Raises:
            Failed: nobody knows it.
        """
        if self.login.slug:
            return self
        slug = self.ask("GET", CHECK).get("workspace")
        if not isinstance(slug, str) or not slug:
            message = f"{self.talk.server.api} gives no usable answer"
            raise Failed(message)
        return replace(self, login=replace(self.login, slug=slug))

    def keys(
        self, method: str, more: str = "", body: Mapping[str, object] | None = None, *, waits: bool = False
    ) -> Body:
        """Ask the server something about the keys of the workspace, like ``ask``.

        Raises:
            Failed: as there.
        """
        try:
            path = f"/{quote(self.login.slug, safe='')}/api-keys{more}"
        except UnicodeEncodeError:  # JSON has escapes for what UTF-8 has not
            message = f"the workspace has a name that can't be sent: {self.login.slug!a}"
            raise Failed(message) from None
        return self.ask(method, path, body, waits=waits)


def acting(world: World, workspace: str, url: str) -> Acting:
    """Return the key to act with.

    Raises:
        Failed: there is none, or nobody knows where it may be sent.
    """
    with explained():
        named = named_server(world, url)
        file = login_file(world)
        content = file.read()
        region = effective_region(world.environ, content.region)
        found = find(content, workspace, named.api if named else "")
        variable = next((each for each in VARIABLES if world.environ.get(each, "").strip()), "")
        if variable and not (workspace and found):
            login, called = Login("", workspace, "", Secret(world.environ[variable].strip())), f"the key in {variable}"
        elif found:
            login, called = found, f"the key of {found.slug} in {file.path}"
        else:
            raise Failed(missing(content, workspace, named))
        if not usable(login.key.reveal()):
            message = f"{called} is none: a key has 1 to 512 visible ASCII characters"
            raise Failed(message)
        talk = Talk(server_of(login, called, named, region), world.transport)
    return Acting(login, talk, file, str(file.path) if login is found else variable)


def missing(content: Content, workspace: str, named: Server | None) -> str:
    """Say why no stored key is the one that is meant."""
    logins = content.logins()
    if not logins:
        return "you are not logged in; rf-middleware login does that"
    known = ", ".join(f"{each.slug} ({each.issuer})" if each.issuer else each.slug for each in logins)
    if not workspace and not named:
        return f"which workspace? --workspace names one of: {known}"
    where = f" at {named.api}" if named else ""
    return f"you are not logged in{f' to {workspace}' if workspace else ''}{where}; you are to: {known}"


def good(who: Acting, answer: Answer | Unanswered) -> Body:
    """Return the members of a good answer.

    Raises:
        Failed: it is none.
    """
    if isinstance(answer, Unanswered):
        raise Failed(answer.text + ("; whether it was done is not known" if answer.sent else ""))
    if answer.status == 401:
        message = (
            f"the key {masked(who.login.key)} from {who.source} is not good at {who.talk.server.api}: "
            "unknown, revoked, expired or disabled"
        )
        raise Failed(message + ("; rf-middleware login --force gets a new one" if who.stored else ""))
    found = members(answer)
    if answer.status == 404:
        message = f"{complaint(answer)}: there is no such thing in this workspace, or this key may not see it"
        raise Failed(message)
    if found is None or not 200 <= answer.status < 300:
        raise Failed(complaint(answer))
    return found
