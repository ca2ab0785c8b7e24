"""Options that are not given in code: the environment, Flask's config, and who wins."""

from collections.abc import Iterator

import pytest
from flask import Flask

from rf_middleware import CallableIssuer, IntrospectionIssuer, Validator
from rf_middleware.exceptions import ConfigurationError
from rf_middleware.flask import APIKeyAuth
from rf_middleware.flask import require_key as flask_require_key
from tests.contract.apps import flask_echo
from tests.contract.issuing import GOOD, Keys, bearer
from tests.contract.test_construction import BUILDERS, TAKE_ALL, TAKE_ISSUERS
from tests.harness import Request, call_asgi, call_wsgi

URL = "https://issuer.example"


@pytest.fixture
def validator() -> Iterator[Validator]:
    """Return a validator."""
    with Validator(CallableIssuer(Keys())) as one:
        yield one


@pytest.mark.parametrize("builder", TAKE_ALL)
def test_without_an_issuer_the_error_names_the_variable(builder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No issuer in code and none in the environment is an error that says what to set."""
    monkeypatch.delenv("RF_ISSUER_URL", raising=False)
    with pytest.raises(ConfigurationError, match="RF_ISSUER_URL"):
        BUILDERS[builder]()


@pytest.mark.parametrize("builder", TAKE_ALL)
@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("RF_OPTIONAL", "perhaps"),
        ("RF_MAX_BODY", "1MiB"),
        ("RF_EXEMPT", "/ok,/*"),
        ("RF_AMBIGUOUS", "last"),
        ("RF_LOCATIONS", "bearer,nowhere"),
    ],
)
def test_a_wrong_variable_is_refused(
    builder: str, validator: Validator, monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    """A text in the environment that can't be an option fails at construction, and the message names the variable."""
    monkeypatch.setenv(variable, text)
    with pytest.raises(ConfigurationError, match=f"^{variable}: "):
        BUILDERS[builder](validator=validator)


@pytest.mark.parametrize("builder", TAKE_ISSUERS)
@pytest.mark.parametrize(("variable", "text"), [("RF_TTL", "-1"), ("RF_MAXSIZE", "0"), ("RF_TIMEOUT", "nan")])
def test_a_wrong_setting_of_the_validator_names_its_variable(
    builder: str, monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    """What the validator refuses of the environment is called by the variable; what is given in code, by its option."""
    monkeypatch.setenv(variable, text)
    with pytest.raises(ConfigurationError, match=f"^{variable}: .* is refused; allowed is"):
        BUILDERS[builder](issuer=URL)
    if builder in TAKE_ALL:
        name = variable.removeprefix("RF_").lower()
        with pytest.raises(ConfigurationError, match=f"^{name}: "):
            BUILDERS[builder](issuer=URL, **{name: -1})


def test_a_wrong_config_is_named_as_it_stands_there(validator: Validator) -> None:
    """Of ``app.config`` too the message names the key, whoever refuses its value."""
    for name, value in (("RF_TTL", -1), ("RF_EXEMPT", ["/*"]), ("RF_STRIP", "perhaps")):
        app = Flask("configured")
        app.config[name] = value
        with pytest.raises(ConfigurationError, match=f"^{name}: "):
            APIKeyAuth(app, issuer=URL)
    with pytest.raises(ConfigurationError, match=r"^exempt: "):
        APIKeyAuth(Flask("configured"), validator=validator, exempt=["/*"])


def test_options_come_from_the_environment_unless_they_are_given(
    validator: Validator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``RF_`` and the name in capitals set an option, lists comma-separated; what is given in code wins."""
    monkeypatch.setenv("RF_EXEMPT", " /healthz , /public/* ,")
    monkeypatch.setenv("RF_STRIP", "no")
    monkeypatch.setenv("RF_SCOPES", "")
    for build, call in ((BUILDERS["wsgi"], call_wsgi), (BUILDERS["asgi"], call_asgi)):
        app = build(validator=validator)
        assert call(app, Request("GET", "/healthz")).status == 200
        assert call(app, Request("GET", "/public/a?api_key=x")).json["query"] == "api_key=x"
        assert call(app, Request("GET", "/admin")).status == 401
        assert call(app, Request("GET", "/admin", [bearer("scopeless")])).status == 200
        other = build(validator=validator, exempt=["/other"], strip=True)
        assert call(other, Request("GET", "/healthz")).status == 401
        assert call(other, Request("GET", "/other?api_key=x")).json["query"] == ""


def test_flask_reads_its_config_first(validator: Validator, monkeypatch: pytest.MonkeyPatch) -> None:
    """``app.config["RF_..."]`` wins over the environment, and an argument over both."""
    monkeypatch.setenv("RF_LOCATIONS", "query:env")
    configs: list[tuple[dict[str, str], str]] = [({}, "env"), ({"RF_LOCATIONS": "query:cfg"}, "cfg")]
    for config, query in configs:
        app = flask_echo(flask_require_key)
        app.config |= config
        APIKeyAuth(app, validator=validator)
        assert call_wsgi(app, Request("GET", f"/echo?{query}={GOOD}")).status == 200
    app = flask_echo(flask_require_key)
    app.config["RF_LOCATIONS"] = "query:cfg"
    later = APIKeyAuth(validator=validator, locations=["query:arg"])
    later.init_app(app)
    assert call_wsgi(app, Request("GET", f"/echo?arg={GOOD}")).status == 200
    assert call_wsgi(app, Request("GET", f"/echo?cfg={GOOD}")).status == 401
    with pytest.raises(ConfigurationError, match="APIKeyAuth"):
        later.init_app(app)


@pytest.mark.parametrize("in_code", [True, False])
def test_flask_takes_a_token_from_its_config(monkeypatch: pytest.MonkeyPatch, *, in_code: bool) -> None:
    """``app.config["RF_ISSUER_TOKEN"]`` counts whether the URL stands in code or beside it."""
    for name in ("RF_ISSUER_URL", "RF_ISSUER_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    app = Flask("configured")
    app.config |= {"RF_ISSUER_TOKEN": "t"} | ({} if in_code else {"RF_ISSUER_URL": URL})
    APIKeyAuth(app, issuer=URL if in_code else None)
    assert isinstance(app.extensions["rf_middleware"].validator.issuer, IntrospectionIssuer)
