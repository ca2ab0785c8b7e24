"""With which key a command acts, and what is said when an issuer answers oddly."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import rf_middleware
from rf_middleware.cli import group
from tests.core.servers import Behave, Server, requests, serving, silent
from tests.login.issuing import Issuing, environment, issuing
from tests.login.worlds import KEY

NOTHING: dict[str, object] = {}


def run(path: Path, *arguments: str, **more: str) -> Result:
    """Run a command in this process."""
    return CliRunner(env=environment(path, **more)).invoke(group, list(arguments))


def answering(*answers: tuple[int, object]) -> Behave:
    """Give these answers one after another, each on a connection of its own, the last again and again."""
    left = [f"HTTP/1.1 {status} X\r\nConnection: close\r\n\r\n{json.dumps(body)}".encode() for status, body in answers]

    def behave(connection: socket.socket, server: Server) -> None:
        reply = left.pop(0) if len(left) > 1 else left[0]
        next(requests(connection), None)
        connection.sendall(reply)

    return behave


@contextmanager
def odd(*answers: tuple[int, object]) -> Generator[dict[str, str]]:
    """Run a server with these answers; yield the environment that leads there with a key."""
    with serving(answering(*answers)) as running:
        yield {"RF_API_KEY": KEY, "RF_ISSUER_URL": running.url}


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([(200, NOTHING)], "gives no usable answer"),
        ([(200, {"workspace": ""})], "gives no usable answer"),
        ([(200, {"workspace": ["acme"]})], "gives no usable answer"),
        ([(200, ["a"])], "the server answers 200"),
        ([(204, NOTHING)], ""),
        ([(402, {"error": "no credits \x1b[31mleft"})], "no credits left"),
        ([(403, {"error": "not here"})], "not here"),
        ([(429, NOTHING)], "the server answers 429"),
        ([(200, {"workspace": "acme"}), (500, "oops")], "the server answers 500"),
        ([(200, {"workspace": "acme"}), (403, {"error": "Forbidden"})], "Forbidden"),
    ],
)
def test_an_odd_answer_is_a_refusal_in_words(tmp_path: Path, answers: list[tuple[int, object]], said: str) -> None:
    """Exit 1, one plain line, no traceback, whatever a server says."""
    with odd(*answers) as environ:
        done = run(tmp_path / "config.json", "keys", "list", **environ)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("rf-middleware: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({}, "KEY ID  NAME  KEY  SCOPES  STATE  LAST USED\n"),
        ({"apiKeys": ["none", 5]}, "KEY ID  NAME  KEY  SCOPES  STATE  LAST USED\n"),
        (
            {"apiKeys": [{"keyId": "x", "name": "\x1b]0;evil\x07<img src=x onerror=alert(1)>"}]},
            "KEY ID  NAME                          KEY    SCOPES       STATE  LAST USED\n\
x       <img src=x onerror=alert(1)>  -...-  every scope  none   -\n",
        ),
    ],
)
def test_a_list_shows_what_there_is_and_nothing_else(tmp_path: Path, body: object, shown: str) -> None:
    """A name can't do anything to the terminal, and what is missing is a dash."""
    with odd((200, {"workspace": "acme"}), (200, body)) as environ:
        done = run(tmp_path / "config.json", "keys", "list", **environ)
    assert (done.exit_code, done.stdout) == (0, shown)


@pytest.mark.parametrize(
    ("answers", "shown"),
    [
        ([(200, {"apiKey": "?"})], "\n"),
        (
            [(200, {"apiKey": {"name": "n", "scopes": ["a:b", "c:d"], "protected": True}})],
            "name       n\nscopes     a:b, c:d\nprotected  yes\n",
        ),
    ],
)
def test_one_key_is_shown_as_far_as_it_is_known(tmp_path: Path, answers: list[tuple[int, object]], shown: str) -> None:
    """Each member is a line."""
    with odd((200, {"workspace": "acme"}), *answers) as environ:
        assert run(tmp_path / "config.json", "keys", "get", "x", **environ).stdout == shown


@pytest.mark.parametrize(
    ("receipt", "said"),
    [
        (
            {"validators": {"confirmed": 8, "expired": 0}, "took_ms": 12},
            "refused everywhere: 8 of 8 validators confirmed in 12 ms",
        ),
        (
            {"validators": {"confirmed": 2, "expired": 1}, "took_ms": 3900.4},
            "refused everywhere: 2 of 3 validators confirmed, the leases of 1 ran out in 3900 ms",
        ),
        ({"validators": {"confirmed": "?"}}, "refused everywhere: no validator holds a lease"),
        ({"receipt": "/revocations/17"}, "accepted, but not confirmed everywhere yet: rf-middleware keys receipt 17"),
        ({}, "revoked"),
    ],
)
def test_a_receipt_is_said_in_one_line(tmp_path: Path, receipt: object, said: str) -> None:
    """How many validators confirmed, how many were waited out, how long it took; or where it will be."""
    with odd((200, {"workspace": "acme"}), (404, {}), (200, receipt)) as environ:
        done = run(tmp_path / "config.json", "keys", "revoke", "x", "--yes", **environ)
    assert (done.exit_code, done.stdout) == (0, f"{said}\n")


def test_a_receipt_that_is_not_there_yet_says_whom_it_waits_for(tmp_path: Path) -> None:
    """A pending change is no success yet, and no failure."""
    with odd((200, {"workspace": "acme"}), (200, {"state": "pending", "seq": 7, "waiting_for": 2})) as environ:
        done = run(tmp_path / "config.json", "keys", "receipt", "7", **environ)
    assert (done.exit_code, done.stdout) == (0, "not confirmed yet: waiting for 2 validators\n")


def test_whoami_makes_nothing_of_a_strange_list(tmp_path: Path) -> None:
    """What the key may do is not known then; that it is good is."""
    with odd((200, {"workspace": "acme"}), (200, {"apiKeys": 5})) as environ:
        done = run(tmp_path / "config.json", "whoami", "--json", **environ)
    assert json.loads(done.stdout) == {
        "workspace": "acme",
        "name": None,
        "issuer": environ["RF_ISSUER_URL"],
        "key": f"{KEY[:8]}...{KEY[-4:]}",
        "source": "RF_API_KEY",
        "keyId": None,
        "scopes": None,
        "valid": True,
    }


def test_an_issuer_that_is_gone_is_said_to_be_that(tmp_path: Path) -> None:
    """Exit 1, and nobody thinks that the key is bad."""
    with serving(silent) as running:
        url = running.url
    done = run(tmp_path / "config.json", "whoami", RF_API_KEY=KEY, RF_ISSUER_URL=url)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"rf-middleware: {url} can't be reached: ")


def test_what_may_have_been_done_is_said(tmp_path: Path) -> None:
    """A connection that is lost after the request leaves it open whether the key was made."""

    def hang_up(connection: socket.socket, server: Server) -> None:
        next(requests(connection), None)

    with serving(hang_up) as running:
        environ = {"RF_API_KEY": KEY, "RF_ISSUER_URL": running.url}
        done = run(tmp_path / "config.json", "keys", "create", "--workspace", "acme", **environ)
    assert done.exit_code == 1
    assert done.stderr.endswith("gave no answer (RemoteProtocolError); whether it was done is not known\n")


@pytest.mark.parametrize("key", ["two words", "line\nX-Evil: 1", "ä", "x" * 600])
def test_what_can_not_be_a_key_is_sent_to_nobody(tmp_path: Path, key: str) -> None:
    """The variable is named, its value is not shown."""
    done = run(tmp_path / "config.json", "whoami", RF_API_KEY=key, RF_ISSUER_URL="https://issuer.example")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "rf-middleware: the key in RF_API_KEY is none: a key has 1 to 512 visible ASCII characters\n"
    )


def test_a_key_of_a_self_hosted_issuer_is_not_sent_to_roboflow(tmp_path: Path) -> None:
    """Without an issuer a command with such a key stops, and says what is missing."""
    done = run(tmp_path / "config.json", "keys", "list", RF_API_KEY=KEY)
    assert done.exit_code == 1
    assert done.stderr == (
        "rf-middleware: where the key in RF_API_KEY came from is not known; --url or RF_ISSUER_URL names the issuer\n"
    )


def test_a_damaged_file_stops_every_command(tmp_path: Path) -> None:
    """Each says what is wrong with it and leaves it alone."""
    path = tmp_path / "config.json"
    path.write_text("{", encoding="utf-8")
    for arguments in (["login"], ["logout"], ["whoami"], ["keys", "list"], ["logout", "--all", "--keep-key"]):
        done = run(path, *arguments, RF_ISSUER_URL="https://issuer.example")
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith(f"rf-middleware: the login file {path} is not JSON; nothing was changed")
    assert path.read_text(encoding="utf-8") == "{"


def test_a_blank_variable_holds_no_key(tmp_path: Path) -> None:
    """An empty RF_API_KEY does not hide the login."""
    with issuing(Issuing()) as issuer:
        issuer.keys[KEY] = "acme"
        path = tmp_path / "config.json"
        entry = {"url": "acme", "name": "Acme", "apiKey": KEY, "issuer": issuer.url}
        path.write_text(json.dumps({"workspaces": {"x": entry}}), encoding="utf-8")
        assert json.loads(run(path, "whoami", "--json", RF_API_KEY=" ").stdout)["source"] == str(path)


ALONE = """
import sys
for name in ("sqlalchemy", "starlette", "uvicorn", "jinja2", "argon2", "cryptography", "authlib", "platformdirs"):
    sys.modules[name] = None
from rf_middleware.cli import main
main()
"""


@pytest.mark.parametrize("arguments", [["login", "--help"], ["logout", "--help"], ["whoami"], ["keys", "list"]])
def test_these_commands_need_nothing_of_the_issuer(tmp_path: Path, arguments: list[str]) -> None:
    """Httpx and click are enough: a client machine does not install a server."""
    with issuing(Issuing()) as issuer:
        environ = environment(tmp_path / "config.json", RF_API_KEY=KEY, RF_ISSUER_URL=issuer.url)
        done = subprocess.run(
            [sys.executable, "-c", ALONE, *arguments], env=environ, capture_output=True, text=True, check=False
        )
    assert "needs more" not in done.stderr
    assert done.returncode == (0 if "--help" in arguments else 1)
    assert ("is not good at" in done.stderr) is ("--help" not in arguments)


def test_login_is_there_without_being_loaded() -> None:
    """Its name is among the public ones, and importing the package does not bring its modules or httpx."""
    assert "login" in dir(rf_middleware)
    code = "import sys, rf_middleware; print([n for n in sys.modules if '_login' in n or n == 'httpx'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout == "[]\n"
