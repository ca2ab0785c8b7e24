"""Which issuer an ``issuer=`` option and the environment mean, and what is said when they mean none."""

from typing import Any

import pytest

from rf_middleware import CallableIssuer, IntrospectionIssuer, RoboflowIssuer, Validator
from rf_middleware.exceptions import ConfigurationError
from rf_middleware.issuers import issuer_of

URL = "https://issuer.example"


class Least:
    """All that an issuer must have."""

    check = acheck = print


@pytest.mark.parametrize(
    ("given", "environment", "kind"),
    [
        ("https://api.roboflow.com", {}, RoboflowIssuer),
        (URL, {}, RoboflowIssuer),
        (URL, {"RF_ISSUER_TOKEN": "t"}, IntrospectionIssuer),
        (URL, {"RF_ISSUER_TOKEN": ""}, RoboflowIssuer),
        (None, {"RF_ISSUER_URL": URL}, RoboflowIssuer),
        (None, {"RF_ISSUER_URL": URL, "RF_ISSUER_TOKEN": "t"}, IntrospectionIssuer),
        (URL, {"RF_ISSUER_URL": "https://other.example"}, RoboflowIssuer),
        (URL, {"RF_ISSUER_URL": f"{URL}/", "RF_ISSUER_TOKEN": "t"}, IntrospectionIssuer),
        (f"{URL}/", {"RF_ISSUER_URL": URL, "RF_ISSUER_TOKEN": "t"}, IntrospectionIssuer),
        (URL, {"RF_ISSUER_URL": "", "RF_ISSUER_TOKEN": "t"}, IntrospectionIssuer),
    ],
)
def test_a_url_and_a_token_choose_the_issuer(given: str | None, environment: dict[str, str], kind: type) -> None:
    """A URL alone is the hosted API, with a token an introspection issuer; what is given in code wins."""
    issuer = issuer_of(given, environment)
    assert type(issuer) is kind
    assert (given or URL).rstrip("/") in repr(issuer)


@pytest.mark.parametrize(
    ("url", "warned"),
    [("https://api.roboflow.com", False), ("https://api.roboflow.eu", False), (URL, True), ("http://127.0.0.1", True)],
)
def test_a_forgotten_token_is_warned_of(url: str, caplog: pytest.LogCaptureFixture, *, warned: bool) -> None:
    """An issuer of one's own without a token is asked as the hosted API is, without a lease: the log says so."""
    issuer_of(url, {})
    assert ("RF_ISSUER_TOKEN" in caplog.text) is warned


@pytest.mark.parametrize("other", ["https://other.example", f"{URL}.evil.example", "http://issuer.example", f"{URL}/b"])
def test_a_token_is_not_sent_to_another_host_than_its_own(other: str, caplog: pytest.LogCaptureFixture) -> None:
    """The token belongs to ``RF_ISSUER_URL``: a URL in code that is another one does without, and the log says why."""
    issuer = issuer_of(other, {"RF_ISSUER_URL": URL, "RF_ISSUER_TOKEN": "secret-token"})
    assert isinstance(issuer, RoboflowIssuer)
    (line,) = caplog.messages
    assert all(each in line for each in (other, "RF_ISSUER_TOKEN", "RF_ISSUER_URL", "remove issuer=", "unset"))
    assert "secret-token" not in caplog.text


@pytest.mark.parametrize("issuer", [CallableIssuer(lambda _key: None), RoboflowIssuer(URL), Least()])
def test_an_object_is_taken_as_it_is(issuer: Any) -> None:
    """An issuer object needs no environment, and no token is added to it."""
    assert issuer_of(issuer, {"RF_ISSUER_URL": URL, "RF_ISSUER_TOKEN": "t"}) is issuer


@pytest.mark.parametrize("environment", [{}, {"RF_ISSUER_URL": ""}, {"RF_ISSUER_TOKEN": "t"}])
def test_no_issuer_at_all_says_what_to_do(environment: dict[str, str]) -> None:
    """The error names the option and the variable."""
    with pytest.raises(ConfigurationError, match="RF_ISSUER_URL"):
        issuer_of(None, environment)


@pytest.mark.parametrize("given", [7, object(), [], {"url": URL}, b"https://issuer.example", RoboflowIssuer, Least])
def test_what_is_no_issuer_is_refused(given: Any) -> None:
    """Anything else is refused with its type and what is allowed; a class is not an issuer."""
    with pytest.raises(ConfigurationError, match=r"issuer: .*allowed are"):
        issuer_of(given, {})


@pytest.mark.parametrize("given", [len, RoboflowIssuer, print])
def test_a_function_is_told_how_to_become_an_issuer(given: Any) -> None:
    """The commonest mistake has its own hint."""
    with pytest.raises(ConfigurationError, match="wrap a function in CallableIssuer"):
        issuer_of(given, {})


@pytest.mark.parametrize("given", ["", "roboflow", "rfk_secret"])
def test_a_text_that_is_no_url_is_refused_unrepeated(given: str) -> None:
    """A key given as issuer by mistake is not printed."""
    with pytest.raises(ConfigurationError, match="issuer: ") as caught:
        issuer_of(given, {})
    assert "secret" not in str(caught.value)


def test_a_token_of_the_environment_that_is_none_is_refused_unrepeated() -> None:
    """A token with a line break in it is not printed either."""
    with pytest.raises(ConfigurationError, match="token: ") as caught:
        issuer_of(URL, {"RF_ISSUER_TOKEN": "secret\n"})
    assert "secret" not in str(caught.value)


def test_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an option the process's own environment says who the issuer is."""
    monkeypatch.setenv("RF_ISSUER_URL", URL)
    monkeypatch.delenv("RF_ISSUER_TOKEN", raising=False)
    assert isinstance(Validator().issuer, RoboflowIssuer)
    monkeypatch.setenv("RF_ISSUER_TOKEN", "t")
    assert isinstance(Validator().issuer, IntrospectionIssuer)
