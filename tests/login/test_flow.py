"""A login from beginning to end in one process, against an issuer behind httpx's mock."""

import io
import json
import stat
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from rf_middleware._login.flow import Result, Wish, log_in
from rf_middleware.exceptions import ConfigurationError, LoginError
from tests.core.modules import in_place_of
from tests.login.worlds import (
    DEVICE,
    ISSUER,
    KEY,
    OTHER_KEY,
    TOKENS,
    WORKSPACES,
    Made,
    Script,
    a_world,
    pending,
)

ASK, POLL, REVOKE, CHECK = "POST /device_authorization", "POST /token", "POST /revoke", "GET /?nocache=true"
NOTHING: dict[str, object] = {}
GOOD: Script = {ASK: (200, DEVICE), POLL: (200, TOKENS)}
HERE = {"RF_ISSUER_URL": ISSUER}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A login file that is not there yet."""
    return tmp_path / "roboflow" / "config.json"


def stored(path: Path) -> dict[str, Any]:
    """Return what is in the file."""
    whole: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return whole


def put(path: Path, **whole: object) -> None:
    """Write a login file."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(whole), encoding="utf-8")


def refusal(made: Made, wish: Wish = Wish()) -> str:  # noqa: B008 - a frozen value
    """Return why a login did not come about."""
    with pytest.raises(LoginError) as refused:
        log_in(wish, made.world)
    return str(refused.value)


def entry(key: str = KEY, issuer: str | None = ISSUER, slug: str = "acme") -> dict[str, object]:
    """Return an entry of the file."""
    return {"url": slug, "name": slug.title(), "apiKey": key, **({"issuer": issuer} if issuer else {})}


def test_a_login_shows_a_code_waits_and_keeps_the_key(path: Path) -> None:
    """The page is opened with the code, the address and the code are shown, and the key is in the file afterwards."""
    made = a_world(path, {ASK: (200, DEVICE), POLL: [pending(), pending(), (200, TOKENS)]}, HERE)
    result = log_in(Wish(), made.world)
    assert isinstance(result, Result)
    assert (result.login.slug, result.login.key.reveal(), result.path) == ("acme", KEY, path)
    assert made.opened == [f"{ISSUER}/device?user_code=BCDF-GHJK"]
    assert f"{ISSUER}/device" in made.screen.text
    assert "BCDF-GHJK" in made.screen.text
    assert made.time.waits == [5.0, 5.0, 5.0]
    asked = made.issuer.form(0)
    assert (asked["client_id"], "workspace" in asked) == ("rf-middleware", False)
    assert 0 < len(asked["device_name"]) <= 100
    assert made.issuer.form(1) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "client_id": "rf-middleware",
        "device_code": "the-device-code",
    }
    assert stored(path) == {
        "workspaces": {"id-of-acme": {"url": "acme", "name": "Acme & Sons", "apiKey": KEY, "issuer": ISSUER}},
        "RF_WORKSPACE": "acme",
        "ROBOFLOW_CREDENTIALS_REGION": "us",
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KEY not in made.screen.text
    assert "the-device-code" not in made.screen.text


def test_the_workspace_that_is_wanted_is_asked_for_and_becomes_the_default(path: Path) -> None:
    """Of several that were allowed the wanted one is used when none is named, and the rest of the file is kept."""
    put(path, workspaces={"old": entry("old-key", None, "old")}, RF_WORKSPACE="old", mine={"a": 1})
    two = {**WORKSPACES, "id-2": {"url": "other", "name": "Other", "apiKey": OTHER_KEY}}
    made = a_world(path, {**GOOD, POLL: (200, {**TOKENS, "workspaces": two})}, HERE)
    result = log_in(Wish(workspace="other"), made.world)
    assert made.issuer.form(0)["workspace"] == "other"
    assert [each.slug for each in result.logins] == ["acme", "other"]
    assert result.login.workspace.id == "id-2"
    found = stored(path)
    assert (found["RF_WORKSPACE"], found["mine"], list(found["workspaces"])) == (
        "other",
        {"a": 1},
        ["old", "id-of-acme", "id-2"],
    )
    assert "ROBOFLOW_CREDENTIALS_REGION" not in found


def test_another_workspace_than_the_wanted_one_is_kept_and_said(path: Path) -> None:
    """A script that goes on after the login must not act on the wrong workspace: it is a refusal, and no default."""
    put(path, workspaces={"old": entry("old-key", None, "old")}, RF_WORKSPACE="old")
    made = a_world(path, GOOD, HERE)
    assert refusal(made, Wish(workspace="other")) == ("other was not allowed on the page; logged in to acme instead")
    assert (stored(path)["RF_WORKSPACE"], len(stored(path)["workspaces"])) == ("old", 2)


@pytest.mark.parametrize("slug", ["a b", "-a", "../x", "ä"])
def test_a_workspace_that_is_none_is_bad_usage(path: Path, slug: str) -> None:
    """Nobody is asked anything."""
    made = a_world(path, GOOD, HERE)
    with pytest.raises(ConfigurationError, match="workspace: letters, digits"):
        log_in(Wish(workspace=slug), made.world)
    assert made.issuer.asked == []


def test_the_file_is_looked_at_before_anybody_is_asked(path: Path) -> None:
    """A damaged file stops the login while nothing has been made."""
    path.parent.mkdir()
    path.write_text("{", encoding="utf-8")
    made = a_world(path, GOOD, HERE)
    assert "is not JSON; nothing was changed" in refusal(made)
    assert made.issuer.asked == []
    assert path.read_text(encoding="utf-8") == "{"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {"revoked": True}), "the keys made for this login were revoked again"),
        (
            (503, NOTHING),
            f"the keys made for this login are good and stored nowhere: revoke them at {ISSUER}/settings/api",
        ),
        (
            httpx.ConnectError("gone"),
            f"the keys made for this login are good and stored nowhere: revoke them at {ISSUER}/settings/api",
        ),
    ],
)
def test_keys_that_can_not_be_kept_are_ended_again(path: Path, answer: Any, said: str) -> None:
    """A file that breaks while the person is on the page leaves no key that nobody knows of, or it is said."""
    made = a_world(path, {**GOOD, REVOKE: answer}, HERE, lambda: path.write_text("broken", encoding="utf-8"))
    text = refusal(made)
    assert "is not JSON" in text
    assert text.endswith(said)
    assert made.issuer.form(-1) == {"token": KEY}
    assert path.read_text(encoding="utf-8") == "broken"


def test_ctrl_c_while_the_key_is_written_ends_the_key(path: Path) -> None:
    """Giving up at the last moment leaves no key behind either."""
    real, interrupted = sys.modules["fcntl"], ModuleType("fcntl")

    def flock(_lock: int, _how: int) -> None:
        raise KeyboardInterrupt

    interrupted.__dict__.update(flock=flock, LOCK_EX=2)
    script = {**GOOD, REVOKE: (200, NOTHING)}
    made = a_world(path, script, HERE, lambda: sys.modules.update(fcntl=interrupted))
    with in_place_of("fcntl", real), pytest.raises(KeyboardInterrupt):
        log_in(Wish(), made.world)
    assert made.issuer.asked[-1] == REVOKE
    assert not path.exists()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ({ASK: (200, NOTHING)}, "the issuer's answer makes no sense"),
        ({ASK: (400, {"error": "invalid_request", "error_description": "no such workspace"})}, "no such workspace"),
        ({ASK: httpx.ConnectError("Connection refused")}, f"{ISSUER} can't be reached: Connection refused"),
        ({**GOOD, POLL: pending("access_denied")}, "the login was denied on the page"),
        ({**GOOD, POLL: pending("expired_token")}, "the code has expired; log in again"),
        ({**GOOD, POLL: pending()}, "nobody answered in time; log in again"),
        ({**GOOD, POLL: httpx.ReadTimeout("")}, f"no answer in time: {ISSUER} did not answer in time"),
    ],
)
def test_a_login_that_does_not_come_about_changes_nothing(path: Path, script: Script, said: str) -> None:
    """One line says why, and the file is as it was."""
    put(path, mine=1)
    assert refusal(a_world(path, script, HERE)) == said
    assert stored(path) == {"mine": 1}


def test_a_login_that_is_there_is_not_made_again(path: Path) -> None:
    """A good key stays; its own issuer is asked whether it is good."""
    put(path, workspaces={"id-of-acme": entry()}, RF_WORKSPACE="acme")
    made = a_world(path, {**GOOD, CHECK: (200, {"workspace": "acme"})}, HERE)
    result = log_in(Wish(), made.world)
    assert (result.login.slug, result.logins) == ("acme", ())
    assert made.issuer.asked == [CHECK]
    assert made.issuer.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("answer", [(503, NOTHING), (402, NOTHING), httpx.ConnectError("")])
def test_only_a_clear_no_makes_a_new_login(path: Path, answer: Any) -> None:
    """An issuer that can't be asked does not make a login bad."""
    put(path, workspaces={"id-of-acme": entry()}, RF_WORKSPACE="acme")
    assert log_in(Wish(), a_world(path, {**GOOD, CHECK: answer}, HERE).world).logins == ()


@pytest.mark.parametrize(
    ("wish", "check"),
    [
        (Wish(), (401, {"error": "no"})),
        (Wish(force=True), (200, NOTHING)),
        (Wish(workspace="acme", force=True), (200, NOTHING)),
    ],
)
def test_a_login_that_is_bad_or_forced_is_made_again(path: Path, wish: Wish, check: Any) -> None:
    """A revoked key is replaced without being asked to, a good one by ``force``."""
    put(path, workspaces={"id-of-acme": entry("old-key")}, RF_WORKSPACE="acme")
    assert len(log_in(wish, a_world(path, {**GOOD, CHECK: check}, HERE).world).logins) == 1
    assert stored(path)["workspaces"]["id-of-acme"]["apiKey"] == KEY


def test_a_login_at_another_place_is_another_login(path: Path) -> None:
    """A key from one issuer, or for one workspace, does not stand for another, and is sent nowhere."""
    put(path, workspaces={"x": entry("old-key", "https://second.example")}, RF_WORKSPACE="acme")
    made = a_world(path, GOOD, HERE)
    assert len(log_in(Wish(), made.world).logins) == 1
    assert [each.headers.get("authorization") for each in made.issuer.requests] == [None, None]
    assert len(stored(path)["workspaces"]) == 2


def test_what_another_program_wrote_down_is_a_login_too(path: Path) -> None:
    """Roboflow's own client does not note the issuer, so nobody is asked whether the key is good."""
    put(path, workspaces={"acme": entry("a-key-of-roboflow", None)}, RF_WORKSPACE="acme")
    made = a_world(path, {})
    assert log_in(Wish(), made.world).logins == ()
    assert (made.issuer.asked, made.screen.said) == ([], [])


@pytest.mark.parametrize(
    ("wish", "environ", "host"),
    [
        (Wish(url="https://second.example"), HERE, "second.example"),
        (Wish(force=True), HERE, "issuer.example"),
        (Wish(force=True), {}, "noted.example"),
        (Wish(force=True, workspace="acme"), {"RF_ISSUER_URL": "  "}, "noted.example"),
    ],
)
def test_the_server_is_the_one_that_is_named_else_the_one_that_is_noted(
    path: Path, wish: Wish, environ: dict[str, str], host: str
) -> None:
    """An argument wins over the environment, and that over the file."""
    put(path, workspaces={"n": entry("old-key", "https://noted.example")}, RF_WORKSPACE="acme")
    made = a_world(path, {ASK: (400, {"error": "stop"})}, environ)
    assert refusal(made, wish) == "stop"
    assert made.issuer.requests[0].url.host == host


@pytest.mark.parametrize(
    ("url", "environ", "said"),
    [
        ("http://issuer.example", {}, "url: https is needed"),
        ("", {"RF_ISSUER_URL": "nonsense"}, "RF_ISSUER_URL: what is given is not an address"),
    ],
)
def test_a_server_that_is_none_is_bad_usage(path: Path, url: str, environ: dict[str, str], said: str) -> None:
    """Nobody is asked anything, and the message names where the address stands."""
    made = a_world(path, GOOD, environ)
    with pytest.raises(ConfigurationError, match=said):
        log_in(Wish(url=url), made.world)
    assert (made.issuer.asked, path.exists()) == ([], False)


def typed(token: str, run: Callable[[], Any]) -> Any:
    """Run something while a pipe on stdin holds a token."""
    before, sys.stdin = sys.stdin, io.StringIO(f"{token}\n")
    try:
        return run()
    finally:
        sys.stdin = before


@pytest.mark.parametrize(
    ("wish", "environ", "page", "region"),
    [
        (Wish(), {}, "https://app.roboflow.com", "us"),
        (Wish(), {"ROBOFLOW_REGION": "eu"}, "https://app.roboflow.eu", "eu"),
        (Wish(), {"RF_ISSUER_URL": "https://api.roboflow.eu"}, "https://app.roboflow.eu", "eu"),
    ],
)
def test_roboflows_own_service_is_logged_in_at_by_pasting(
    path: Path, wish: Wish, environ: dict[str, str], page: str, region: str
) -> None:
    """Without an issuer it is Roboflow, which is said; the page shows a token, and its region is noted."""
    made = a_world(path, {"GET /query/cliAuthToken/tok%2Fen": (200, WORKSPACES)}, environ)
    result = typed(" tok/en ", lambda: log_in(wish, made.world))
    api = page.replace("app.", "api.")
    assert (made.opened, result.login.issuer) == ([f"{page}/auth-cli"], api)
    assert made.issuer.requests[0].url.host == page.removeprefix("https://")
    assert ("No issuer is named" in made.screen.text) is ("RF_ISSUER_URL" not in environ)
    assert stored(path)["ROBOFLOW_CREDENTIALS_REGION"] == region
    assert stored(path)["workspaces"]["id-of-acme"]["issuer"] == api
    assert "tok" not in made.screen.text.replace("token", "")


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_codes_is_logged_in_at_by_pasting(path: Path, status: int) -> None:
    """The other way is tried by itself, and the workspace that is wanted is in the address of the page."""
    made = a_world(path, {ASK: (status, {}), "GET /query/cliAuthToken/token": (200, WORKSPACES)}, HERE)
    assert typed("token", lambda: log_in(Wish(workspace="acme"), made.world)).login.slug == "acme"
    assert made.opened == [f"{ISSUER}/auth-cli/?workspace=acme"]


def test_pasting_can_be_chosen(path: Path) -> None:
    """``paste`` does not even ask for a code."""
    made = a_world(path, {"GET /query/cliAuthToken/token": (200, WORKSPACES)}, HERE)
    typed("token", lambda: log_in(Wish(paste=True), made.world))
    assert made.issuer.asked == ["GET /query/cliAuthToken/token"]


@pytest.mark.parametrize(
    ("token", "answer", "said"),
    [
        ("", (200, WORKSPACES), "what was pasted is not a token"),
        ("two words", (200, WORKSPACES), "what was pasted is not a token"),
        ("token", (200, b"null"), "this token is not good: used before, too old, or not copied whole"),
        ("token", (500, NOTHING), "the server answers 500"),
        ("token", httpx.ConnectError("gone"), f"{ISSUER} can't be reached: gone"),
    ],
)
def test_a_token_that_is_no_good_changes_nothing(path: Path, token: str, answer: Any, said: str) -> None:
    """One line says why."""
    made = a_world(path, {"GET /query/cliAuthToken/token": answer}, HERE)
    assert typed(token, lambda: refusal(made, Wish(paste=True))) == said
    assert not path.exists()


def test_keys_of_roboflow_that_can_not_be_kept_are_named(path: Path) -> None:
    """Roboflow ends keys on its page alone, so that is where one is sent."""
    made = a_world(
        path,
        {"GET /query/cliAuthToken/token": (200, WORKSPACES)},
        {},
        lambda: path.write_text("broken", encoding="utf-8"),
    )
    text = typed("token", lambda: refusal(made))
    assert text.endswith("stored nowhere: revoke them at https://app.roboflow.com/settings/api")
    assert len(made.issuer.asked) == 1


def test_no_failure_shows_a_key(path: Path) -> None:
    """Neither the text nor the locals of any frame of ours hold a key, a code or a token."""
    put(path, workspaces={"x": entry(OTHER_KEY)}, RF_WORKSPACE="acme")
    made = a_world(path, {**GOOD, CHECK: (401, NOTHING)}, HERE, lambda: path.write_text("broken", encoding="utf-8"))
    with pytest.raises(LoginError) as refused:
        log_in(Wish(), made.world)
    whole = traceback.TracebackException.from_exception(refused.value, capture_locals=True)
    ours = [frame for frame in whole.stack if "tests" not in frame.filename]
    shown = "\n".join(f"{frame.line} {frame.locals}" for frame in ours) + str(refused.value)
    assert ours
    assert [secret for secret in (KEY, OTHER_KEY, "the-device-code") if secret in shown] == []
