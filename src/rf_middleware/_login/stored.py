"""Which stored key is meant, and which server it belongs to. Pure.

* A key is only ever sent to the server that it came from. Where another program wrote it down that is not noted: then
  it is the server that was named, else Roboflow's own; a key that a self-hosted issuer made never goes there.
"""

from typing import Final

from rf_middleware._login.addresses import Server, hosted, server
from rf_middleware._login.content import Content
from rf_middleware._login.values import Login
from rf_middleware.exceptions import LoginError

__all__ = ["OURS", "find", "server_of"]

OURS: Final = "rfk_"
"""How the keys of a self-hosted issuer begin."""


def find(content: Content, slug: str = "", issuer: str = "") -> Login | None:
    """Return the key for a workspace.

    Args:
        content: the login file.
        slug: the workspace; empty is the default one, or the only one.
        issuer: a server; only keys that came from it, or may have, count. Empty is any.
    """
    known = [each for each in content.logins() if not issuer or each.issuer in {"", issuer}]
    found = [each for each in known if each.slug == (slug or content.default)]
    if not found and not slug and len({each.slug for each in known}) == 1:
        found = known
    noted = [each for each in found if each.issuer == issuer]
    return next(reversed(noted or found), None)


def server_of(login: Login, called: str, named: Server | None, region: str) -> Server:
    """Return where a key may be sent.

    Args:
        login: the key.
        called: what the user calls it.
        named: the server that the user names, if any.
        region: of Roboflow's own service.

    Raises:
        LoginError: nobody knows where it came from.
        ConfigurationError: what is noted in the file is no address.
    """
    if login.issuer:
        return server(login.issuer, f"the issuer of {called}")
    if named is None and login.key.reveal().startswith(OURS):
        message = f"where {called} came from is not known; --url or RF_ISSUER_URL names the issuer"
        raise LoginError(message)
    return named or hosted(region)
