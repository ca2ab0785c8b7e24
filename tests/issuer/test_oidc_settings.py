"""How OpenID Connect is set up: what is needed together, what is refused, and that the secret is never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware.issuer.oidc_settings import SECRET, BadSettings, Settings, read_settings

ISSUER, CLIENT, HERE = "https://idp.example/realms/one", "rf-middleware", "https://rf.example"


def test_it_is_optional() -> None:
    """Without an issuer nothing of it is looked at."""
    assert read_settings(None, None, (), "http://rf.example", {SECRET: ""}) is None
    assert read_settings("", "", (), "", {}) is None


def test_all_that_can_be_set() -> None:
    """The secret comes from the environment, domains in any case and with or without an at sign."""
    found = read_settings(ISSUER, CLIENT, ["Example.com", "@a-b.example.org"], f"{HERE}/rf/", {SECRET: "canary"})
    domains = frozenset({"example.com", "a-b.example.org"})
    assert found == Settings(ISSUER, CLIENT, "canary", f"{HERE}/rf/login/oidc/callback", domains)
    assert "canary" not in repr(found)


def test_a_public_client_has_no_secret() -> None:
    """Without the variable the server proves itself by PKCE alone; on this machine HTTP will do."""
    found = read_settings("http://localhost:9000", CLIENT, (), "http://127.0.0.1:8080", {})
    assert found == Settings("http://localhost:9000", CLIENT, None, "http://127.0.0.1:8080/login/oidc/callback")


BOTH = "--oidc-issuer and --oidc-client-id are needed, both"
NO_ISSUER = "--oidc-issuer is an https:// address without a query, as the provider writes it"
NO_ADDRESS = "OpenID Connect needs the public address of this server, https://..."
NO_DOMAIN = "--oidc-domain is a domain of e-mail addresses, like example.com"


@pytest.mark.parametrize(
    ("given_for", "domains", "why"),
    [
        ((ISSUER, None, HERE), (), BOTH),
        ((ISSUER, "", HERE), (), BOTH),
        ((None, CLIENT, HERE), (), BOTH),
        ((None, None, HERE), ("example.com",), BOTH),
        (("idp.example", CLIENT, HERE), (), NO_ISSUER),
        (("http://idp.example", CLIENT, HERE), (), NO_ISSUER),
        (("https://idp.example?x", CLIENT, HERE), (), NO_ISSUER),
        ((ISSUER, CLIENT, "http://rf.example"), (), NO_ADDRESS),
        ((ISSUER, CLIENT, ""), (), NO_ADDRESS),
        ((ISSUER, CLIENT, f"{HERE}?x"), (), NO_ADDRESS),
        ((ISSUER, CLIENT, HERE), ("",), NO_DOMAIN),
        ((ISSUER, CLIENT, HERE), ("com",), NO_DOMAIN),
        ((ISSUER, CLIENT, HERE), ("*.example.com",), NO_DOMAIN),
        ((ISSUER, CLIENT, HERE), ("example.com", "ada@example.com"), NO_DOMAIN),
        ((ISSUER, CLIENT, HERE), ("example.com\n",), NO_DOMAIN),
    ],
)
def test_what_is_wrong_is_said(
    given_for: tuple[str | None, str | None, str], domains: tuple[str, ...], why: str
) -> None:
    """One line names the option, and does not hold the secret."""
    issuer, client_id, here = given_for
    with pytest.raises(BadSettings) as refused:
        read_settings(issuer, client_id, domains, here, {SECRET: "canary"})
    assert str(refused.value) == why


@pytest.mark.parametrize("secret", ["", " ", "\n"])
def test_an_empty_secret_is_a_mistake(secret: str) -> None:
    """A variable that is set to nothing does not make a public client of one that should have a secret."""
    with pytest.raises(BadSettings, match=r"^RF_OIDC_CLIENT_SECRET is empty$"):
        read_settings(ISSUER, CLIENT, (), HERE, {SECRET: secret})


@given(st.text(), st.text(), st.lists(st.text(), max_size=2), st.text(), st.text())
def test_any_text_is_taken_or_refused(issuer: str, client: str, domains: list[str], here: str, secret: str) -> None:
    """Nothing that can be typed breaks the reader."""
    try:
        found = read_settings(issuer, client, domains, here, {SECRET: secret})
    except BadSettings:
        return
    assert found is None
