"""The pytest plugin: its fixtures, and that it is no burden to those who do not use them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rf_middleware import Grant, Validator, Workspace
from rf_middleware.issuer.keys import KEY_PREFIX, could_be_key, well_formed
from rf_middleware.testing import FakeIssuer

LOCATIONS = """
import flask
import pytest
from rf_middleware.wsgi import APIKeyMiddleware
from rf_middleware.testing import assert_all_routes_protected

@pytest.fixture
def app(fake_issuer):
    app = flask.Flask("app", static_folder=None)
    app.add_url_rule("/", view_func=lambda: "hello", methods=["GET", "POST"])
    places = ["bearer", "header:X-API-Key", "query:api_key", "cookie:key", "json:key"]
    app.wsgi_app = APIKeyMiddleware(app.wsgi_app, issuer=fake_issuer, locations=places)
    return app

def test_everywhere(app, api_key):
    client = app.test_client()
    answers = [
        client.get("/", headers={"Authorization": f"Bearer {api_key}"}),
        client.get("/", headers={"X-API-Key": api_key}),
        client.get(f"/?api_key={api_key}"),
        client.post("/", json={"key": api_key}),
    ]
    client.set_cookie("key", api_key)
    answers.append(client.get("/"))
    assert [answer.status_code for answer in answers] == [200] * 5

def test_revoked(app, api_key, fake_issuer):
    client = app.test_client()
    headers = {"X-API-Key": api_key}
    assert client.get("/", headers=headers).status_code == 200
    fake_issuer.revoke(api_key)
    assert client.get("/", headers=headers).status_code == 401

def test_new_for_each_test(app, fake_issuer):
    assert fake_issuer.asked == []
    assert_all_routes_protected(app)
"""


MYAPP = """
import flask
from rf_middleware.flask import require_key
from rf_middleware.wsgi import APIKeyMiddleware

def create_app(issuer):
    app = flask.Flask("myapp")
    app.add_url_rule("/healthz", "healthz", lambda: "fine")
    app.add_url_rule("/infer", "infer", require_key(scopes=["model:infer"])(lambda: "cat"))
    app.wsgi_app = APIKeyMiddleware(app.wsgi_app, issuer=issuer, exempt=["/healthz", "/static/*"])
    return app
"""


def run(*arguments: str, folder: Path) -> str:
    """Run Python in a folder and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_project_of_its_own_has_the_fixtures(tmp_path: Path) -> None:
    """The fixtures are found without any set-up, and the key works in every location."""
    (tmp_path / "test_app.py").write_text(LOCATIONS, encoding="utf-8")
    printed = run("-m", "pytest", "-p", "no:cacheprovider", "test_app.py", folder=tmp_path)
    assert "3 passed" in printed


def test_the_examples_of_the_documentation_pass(tmp_path: Path) -> None:
    """What the page on testing shows works as it stands there."""
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "myapp.py").write_text(MYAPP, encoding="utf-8")
    (tmp_path / "test_page.py").write_text("\n".join(examples), encoding="utf-8")
    assert "3 passed" in run("-m", "pytest", "-p", "no:cacheprovider", "test_page.py", folder=tmp_path)


def test_the_fixtures_are_told_by_pytest(tmp_path: Path) -> None:
    """``pytest --fixtures`` lists them with what they are."""
    printed = run("-m", "pytest", "-p", "no:cacheprovider", "--fixtures", folder=tmp_path)
    assert "An issuer that knows no keys yet, new for each test." in printed
    assert "A key that ``fake_issuer`` knows" in printed


def test_whoever_does_not_use_it_pays_nothing(tmp_path: Path) -> None:
    """The plugin itself loads no framework, no HTTP client, and not the helpers either."""
    absent = {"flask", "werkzeug", "starlette", "fastapi", "httpx", "rf_middleware.testing"}
    code = f"import sys, rf_middleware.pytest_plugin; print(*sorted({absent!r} & set(sys.modules)))"
    assert run("-c", code, folder=tmp_path).split() == []


def test_the_helpers_load_no_framework(tmp_path: Path) -> None:
    """A framework that the app does not use is not loaded, not even by a walk."""
    absent = {"flask", "werkzeug", "starlette", "fastapi", "httpx", "pytest"}
    code = f"""
import sys
from rf_middleware.testing import assert_all_routes_protected
try:
    assert_all_routes_protected(lambda environ, start_response: [])
except TypeError:
    print(*sorted({absent!r} & set(sys.modules)))
"""
    assert run("-c", code, folder=tmp_path).split() == []


def test_the_key_looks_like_a_real_one(api_key: str) -> None:
    """An issuer, or a filter, that looks at the shape and checksum of a key lets it pass."""
    assert well_formed(api_key, KEY_PREFIX)
    assert could_be_key(api_key)


def test_the_key_is_known_to_the_issuer(fake_issuer: FakeIssuer, api_key: str) -> None:
    """The two fixtures of one test belong together."""
    with Validator(fake_issuer) as validator:
        assert validator.check(api_key) == Grant(Workspace("test-workspace"))


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_has_an_issuer_of_its_own(fake_issuer: FakeIssuer, turn: int) -> None:
    """What one test did to the issuer, another does not see."""
    assert repr(fake_issuer) == "FakeIssuer(0 keys, 0 revoked)"
    fake_issuer.add(f"key-{turn}")
