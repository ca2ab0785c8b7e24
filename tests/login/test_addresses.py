"""Which addresses a key may be sent to, and what stands for Roboflow's own service."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._login.addresses import Server, effective_region, hosted, server, url_in_environment
from rf_middleware.exceptions import ConfigurationError


@pytest.mark.parametrize(
    ("given_url", "base"),
    [
        ("https://issuer.example", "https://issuer.example"),
        ("https://issuer.example/", "https://issuer.example"),
        ("  https://issuer.example\n", "https://issuer.example"),
        ("HTTPS://Issuer.EXAMPLE:443/", "https://issuer.example"),
        ("https://issuer.example:8443/keys/v1/", "https://issuer.example:8443/keys/v1"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://LOCALHOST", "http://localhost"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://127.8.9.10:8080", "http://127.8.9.10:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_has_one_spelling(given_url: str, base: str) -> None:
    """Case of the host, default ports and a last slash make no difference between two issuers."""
    assert server(given_url, "url") == Server(base, base)
    assert not server(given_url, "url").hosted


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "issuer.example",
        "ftp://issuer.example",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user:word@issuer.example",
        "https://issuer.example?api_key=secret",
        "https://issuer.example/#secret",
        "https://issuer.example:0",
        "https://issuer.example:65536",
        "https://issuer.example:port",
        "https://issuer example",
        "https://issuer.example//x",
        "https://issuer.example/a b",
        "https://issuer.example\\@evil.example",
        "https://[::1",
        "https://[:::]",
        "https://[dead.beef]",
        "https://bücher.example",
        "https://issuer.example/\x1b[31m",
    ],
)
def test_what_is_no_address_is_refused_without_being_shown(wrong: str) -> None:
    """The message names the place it stands and what an address looks like, never the text itself."""
    with pytest.raises(ConfigurationError, match="RF_ISSUER_URL: what is given is not an address") as refused:
        server(wrong, "RF_ISSUER_URL")
    assert "secret" not in str(refused.value)
    assert "word" not in str(refused.value)


@pytest.mark.parametrize(
    "plain", ["http://issuer.example", "http://10.0.0.1:8080", "http://localhost.evil.example", "http://[2001:db8::1]"]
)
def test_http_is_for_this_machine_only(plain: str) -> None:
    """A key does not travel in the clear."""
    with pytest.raises(ConfigurationError, match="url: https is needed"):
        server(plain, "url")


@given(st.text(max_size=30), st.sampled_from(["https://", "http://localhost", "http://127.0.0.1:", ""]))
def test_whatever_is_given_there_is_a_server_or_an_explanation(text: str, start: str) -> None:
    """No text makes anything else than a good base URL or a ConfigurationError, and a base URL stays what it is."""
    try:
        found = server(start + text, "url")
    except ConfigurationError:
        return
    assert found.api.startswith(("https://", "http://localhost", "http://127."))
    assert server(found.api, "url") == found


@pytest.mark.parametrize(
    ("one", "api", "pages", "region"),
    [
        ("https://api.roboflow.com", "https://api.roboflow.com", "https://app.roboflow.com", "us"),
        ("https://app.roboflow.com/", "https://api.roboflow.com", "https://app.roboflow.com", "us"),
        ("https://APP.roboflow.eu", "https://api.roboflow.eu", "https://app.roboflow.eu", "eu"),
    ],
)
def test_roboflows_own_service_is_known_by_either_address(one: str, api: str, pages: str, region: str) -> None:
    """Its API and its pages are at two hosts, and each names both."""
    found = server(one, "url")
    assert (found.api, found.pages, found.region, found.hosted) == (api, pages, region, True)
    assert hosted(region) == found


@pytest.mark.parametrize(
    ("url", "loopback"),
    [("http://localhost:1", True), ("http://[::1]", True), ("https://127.0.0.1", True), ("https://a.example", False)],
)
def test_this_machine_is_known(url: str, *, loopback: bool) -> None:
    """Loopback addresses are told from others, for they are reached past any proxy."""
    assert server(url, "url").loopback is loopback


def test_a_blank_variable_names_nothing() -> None:
    """RF_ISSUER_URL counts when there is something in it."""
    assert url_in_environment({"RF_ISSUER_URL": "  "}) == ""
    assert url_in_environment({}) == ""
    assert url_in_environment({"RF_ISSUER_URL": " https://a.example "}) == "https://a.example"


@pytest.mark.parametrize(
    ("variable", "stored", "region"),
    [(None, "", "us"), (None, "eu", "eu"), (" EU ", "us", "eu"), ("mars", "eu", "us"), (None, "nonsense", "us")],
)
def test_the_region_is_found_as_roboflows_client_finds_it(variable: str | None, stored: str, region: str) -> None:
    """The environment wins over the file, and what is unknown is the United States."""
    assert effective_region({} if variable is None else {"ROBOFLOW_REGION": variable}, stored) == region
