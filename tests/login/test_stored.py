"""Which stored key is meant, and where it may be sent."""

import pytest

from rf_middleware._login.addresses import Server, hosted, server
from rf_middleware._login.content import Content
from rf_middleware._login.stored import find, server_of
from rf_middleware._login.values import Login
from rf_middleware._secret import Secret
from rf_middleware.exceptions import ConfigurationError, LoginError
from tests.login.worlds import ISSUER, KEY

SECOND = "https://second.example"


def content(*places: tuple[str, str], default: str = "") -> Content:
    """Return a file with keys of these workspaces and issuers, numbered."""
    logins = [Login(str(number), slug, "", Secret(f"key{number}"), at) for number, (slug, at) in enumerate(places)]
    return Content().with_logins(logins, default, "")


@pytest.mark.parametrize(
    ("places", "default", "slug", "issuer", "found"),
    [
        ([], "", "", "", None),
        ([("acme", ISSUER)], "", "", "", "key0"),
        ([("acme", ISSUER)], "gone", "", "", "key0"),
        ([("acme", ISSUER)], "", "other", "", None),
        ([("acme", ISSUER), ("other", ISSUER)], "", "", "", None),
        ([("acme", ISSUER), ("other", ISSUER)], "acme", "", "", "key0"),
        ([("acme", ISSUER), ("other", ISSUER)], "acme", "other", "", "key1"),
        ([("acme", ISSUER), ("other", SECOND)], "acme", "", SECOND, "key1"),
        ([("acme", ISSUER), ("other", SECOND)], "acme", "acme", SECOND, None),
        ([("acme", ISSUER), ("acme", SECOND)], "acme", "", "", "key1"),
        ([("acme", ISSUER), ("acme", SECOND)], "acme", "", ISSUER, "key0"),
        ([("acme", ISSUER), ("acme", "")], "acme", "", ISSUER, "key0"),
        ([("acme", SECOND), ("acme", "")], "acme", "", ISSUER, "key1"),
    ],
)
def test_a_key_is_found_by_workspace_and_issuer(
    places: list[tuple[str, str]], default: str, slug: str, issuer: str, found: str | None
) -> None:
    """The named workspace, else the default, else the only one; of two the last; never that of another issuer."""
    login = find(content(*places, default=default), slug, issuer)
    assert (login.key.reveal() if login else None) == found


@pytest.mark.parametrize(
    ("issuer", "key", "named", "where"),
    [
        (ISSUER, KEY, None, Server(ISSUER, ISSUER)),
        (ISSUER, KEY, SECOND, Server(ISSUER, ISSUER)),
        ("", KEY, SECOND, Server(SECOND, SECOND)),
        ("", "a-key-of-roboflow", None, hosted("eu")),
        ("https://api.roboflow.com", "a-key-of-roboflow", None, hosted("us")),
    ],
)
def test_a_key_goes_where_it_came_from(issuer: str, key: str, named: str | None, where: Server) -> None:
    """What is noted wins over what is named; what is not noted is for the named server, else for Roboflow's own."""
    login = Login("1", "acme", "", Secret(key), issuer)
    assert server_of(login, "the key", server(named, "url") if named else None, "eu") == where


def test_a_key_of_a_self_hosted_issuer_never_goes_to_roboflow() -> None:
    """Where nobody says where it came from, it is sent to nobody."""
    with pytest.raises(LoginError, match="where the key came from is not known; --url or RF_ISSUER_URL names"):
        server_of(Login("1", "acme", "", Secret(KEY)), "the key", None, "us")


def test_an_issuer_that_is_no_address_is_not_spoken_to() -> None:
    """Somebody may have edited the file."""
    with pytest.raises(ConfigurationError, match="the issuer of the key: https is needed"):
        server_of(Login("1", "acme", "", Secret(KEY), "http://evil.example"), "the key", None, "us")
