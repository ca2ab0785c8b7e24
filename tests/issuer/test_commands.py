"""``workspace``, ``token`` and the command line around them."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner, Result

from rf_middleware import cli
from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.keys import KEY_PREFIX, TOKEN_PREFIX, well_formed
from rf_middleware.issuer.store import Store
from tests.core.modules import in_place_of


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "issuer.db"


def invoke(database: Path, *arguments: str) -> Result:
    """Run a command on a file named by the environment."""
    return CliRunner(env={"RF_DATABASE_URL": f"sqlite:///{database}"}).invoke(cli.group, list(arguments))


def test_a_workspace_comes_with_its_first_key(database: Path) -> None:
    """The printed key is good, whole and in JSON exactly three members."""
    done = invoke(database, "workspace", "create", "acme", "--name", "Acme & Sons", "--json")
    made = json.loads(done.stdout)
    assert made.keys() == {"workspace", "keyId", "key"}
    assert well_formed(made["key"], KEY_PREFIX)
    opened = Database(database)
    found = Store(opened).look_up(fingerprint(made["key"].encode())).key
    opened.close()
    assert found is not None
    assert (found.id, found.workspace.name, found.scopes, found.is_default) == (
        made["keyId"],
        "Acme & Sons",
        None,
        True,
    )


def test_without_json_people_read_it(database: Path) -> None:
    """Plain output says the same."""
    done = invoke(database, "workspace", "create", "acme", "--name", "Acme")
    assert done.stdout.startswith("workspace  acme\nkey id     ")
    assert "(shown only now)" in done.stdout
    assert invoke(database, "workspace", "list").stdout == "acme  Acme\n"
    (listed,) = json.loads(invoke(database, "workspace", "list", "--json").stdout)
    assert (listed["workspace"], listed["name"]) == ("acme", "Acme")


def test_a_token_is_known_by_its_fingerprint(database: Path) -> None:
    """The printed token is in the database as a digest alone."""
    token = json.loads(invoke(database, "token", "create", "--json").stdout)["token"]
    plain = invoke(database, "token", "create", "--name", "web").stdout.strip()
    assert well_formed(plain, TOKEN_PREFIX)
    opened = Database(database)
    assert Store(opened).token_id(fingerprint(token.encode())) is not None
    opened.close()
    assert token.encode() not in b"".join(path.read_bytes() for path in database.parent.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [["-acme"], ["a b"], [""], ["x" * 65], ["introspect"], ["Login"], ["acme", "--name", "a\nb"], ["acme", "-x"], []],
)
def test_a_bad_slug_or_name_is_bad_usage(arguments: list[str], database: Path) -> None:
    """Exit 2, and no file is made."""
    done = invoke(database, "workspace", "create", *arguments)
    assert done.exit_code == 2
    assert not database.exists()


def test_a_taken_slug_is_a_refusal(database: Path) -> None:
    """Exit 1, one line, and the workspace that was there stays as it is."""
    assert invoke(database, "workspace", "create", "acme").exit_code == 0
    done = invoke(database, "workspace", "create", "acme", "--name", "new")
    assert (done.exit_code, done.stderr) == (1, "rf-middleware: there is a workspace acme already\n")
    assert invoke(database, "workspace", "list").stdout == "acme\n"


def test_a_bad_database_is_a_refusal(database: Path) -> None:
    """Exit 1 and one line for every command."""
    database.write_text("no database at all, really " * 10)
    for arguments in (["workspace", "list"], ["workspace", "create", "acme"], ["token", "create"]):
        done = invoke(database, *arguments)
        assert (done.exit_code, done.stderr) == (1, f"rf-middleware: {database} is not a SQLite database\n")


@pytest.mark.parametrize(
    "arguments",
    [
        *(["workspace", each] for each in ("list", "key acme", "suspend acme", "resume acme", "delete acme --yes")),
        *(["workspace", each] for each in ("delete acme", "remove-owner acme ann", "import-keys acme -")),
        *(["user", each] for each in ("list", "disable a@b.example", "enable a@b.example", "reset a@b.example")),
        ["user", "create a@b.example --workspace acme"],
        *(["token", each] for each in ("list", "revoke x")),
        ["identity", "unlink a@b.example"],
        *(["audit", each] for each in ("list", "verify")),
    ],
    ids=" ".join,
)
def test_a_mistyped_path_is_not_taken_for_an_empty_database(arguments: list[str], database: Path) -> None:
    """What makes nothing new, or only in a workspace that is there, says that the file is not, and makes none."""
    done = invoke(database, *" ".join(arguments).split())
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"rf-middleware: there is no database {database}\n")
    assert list(database.parent.iterdir()) == []


@pytest.mark.parametrize("command", ["list", "create acme"])
def test_a_path_that_is_none_is_a_refusal(command: str, tmp_path: Path) -> None:
    """Exit 1 and one line where the system can't even look."""
    done = invoke(tmp_path / ("x" * 300), "workspace", *command.split())
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.endswith(" can't be opened: File name too long\n")


def test_help_imports_nothing_of_the_issuer() -> None:
    """The list of commands works without any extra but the command line's."""
    done = CliRunner().invoke(
        cli.Commands({"far": cli.Lazy("no_such_module", "x", "issuer", "Far away.")}, "h"), ["--help"]
    )
    assert done.exit_code == 0
    assert "Far away." in done.stdout


def test_a_missing_extra_is_named() -> None:
    """One line says what to install."""
    commands = cli.Commands({"far": cli.Lazy("no_such_module", "x", "issuer", "")}, "")
    done = CliRunner().invoke(commands, ["far"])
    assert (done.exit_code, done.stderr) == (1, 'rf-middleware: far needs more; pip install "rf-middleware[issuer]"\n')


def test_a_hole_in_the_package_itself_is_not_blamed_on_an_extra() -> None:
    """A module of our own that is missing is a fault, and shown as one."""
    commands = cli.Commands({"far": cli.Lazy("rf_middleware.nowhere", "x", "issuer", "")}, "")
    assert isinstance(CliRunner().invoke(commands, ["far"]).exception, ModuleNotFoundError)


def test_an_unknown_command_is_bad_usage() -> None:
    """Exit 2."""
    assert CliRunner().invoke(cli.group, ["nonsense"]).exit_code == 2


def test_the_demo_is_run_with_its_option_and_its_result_is_the_exit_code() -> None:
    """The command is thin: one call, one code."""
    seen: list[bool] = []

    def run(*, keep: bool) -> int:
        seen.append(keep)
        return 3

    module = ModuleType("rf_middleware.demo")
    module.__dict__["run"] = run
    with in_place_of("rf_middleware.demo", module):
        assert CliRunner().invoke(cli.group, ["demo", "--keep"]).exit_code == 3
        assert CliRunner().invoke(cli.group, ["demo"]).exit_code == 3
    assert seen == [True, False]


def test_without_click_one_line_says_what_to_install() -> None:
    """The script is there even when its extra is not."""
    with in_place_of("click", None), pytest.raises(SystemExit, match=r'pip install "rf-middleware\[cli\]"'):
        runpy.run_path(cli.__file__)


COMMAND = ["-c", "from rf_middleware.cli import main; main()"]
FULL = "rf-middleware: standard output can't be written: No space left on device"


def shell(
    database: Path, redirect: str, *arguments: str, unbuffered: str = "", stdout: int | None = None
) -> tuple[int, str]:
    """Run a command with its output sent somewhere; return exit code and what is said on stderr."""
    done = subprocess.run(
        ["sh", "-c", f'"$@" {redirect}', "sh", sys.executable, *COMMAND, *arguments],
        env={**os.environ, "RF_DATABASE_URL": str(database), "PYTHONUNBUFFERED": unbuffered},
        stderr=subprocess.PIPE,
        stdout=stdout,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["workspace", "create", "new"], "; the key could not be shown; rf-middleware workspace key new makes another"),
        (
            ["workspace", "key", "acme", "--json"],
            "; the key could not be shown; rf-middleware workspace key acme makes",
        ),
        (["token", "create"], "; the token could not be shown; rf-middleware token create makes another"),
        (["workspace", "list"], ""),
        (["serve", "--port", "0"], ""),
        (["demo"], ""),
        (["--help"], ""),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_full_disk_is_one_line(database: Path, arguments: list[str], hint: str, unbuffered: str) -> None:
    """What can't be written to stdout is said in one line, with what to do where a secret was lost, and exit 1."""
    assert invoke(database, "workspace", "create", "acme").exit_code == 0
    code, complaint = shell(database, ">/dev/full", *arguments, unbuffered=unbuffered)
    assert (code, complaint.count("\n")) == (1, 1)
    assert complaint.startswith(FULL + (hint or "\n"))


@pytest.mark.parametrize("arguments", [["workspace", "create", "acme"], ["token", "create"], ["serve"], ["demo"]])
def test_without_a_stdout_nothing_is_done(database: Path, arguments: list[str]) -> None:
    """A secret that nobody could see is not even made where stdout is closed: one line, exit 1, no database."""
    closed = (1, "rf-middleware: standard output is closed, so nothing was done\n")
    assert shell(database, ">&-", *arguments) == closed
    assert not database.exists()


def test_a_reader_that_has_seen_enough_is_no_error_worth_a_word(database: Path) -> None:
    """What ends because ``| head -1`` has ended ends with 1 and without a complaint."""
    assert invoke(database, "workspace", "create", "acme").exit_code == 0
    for arguments in (["workspace", "list"], ["workspace", "key", "acme"], ["serve", "--port", "0"], ["--help"]):
        reading, writing = os.pipe()
        os.close(reading)
        assert shell(database, "", *arguments, stdout=writing) == (1, "")
        os.close(writing)


def test_an_error_of_another_kind_is_not_put_down_to_the_output() -> None:
    """An error that is not about stdout is shown as what it is."""

    def run(*, keep: bool) -> int:
        raise OSError(28, "No space left on device")

    module = ModuleType("rf_middleware.demo")
    module.__dict__["run"] = run
    before, sys.argv = sys.argv, ["anything", "demo"]
    try:
        with in_place_of("rf_middleware.demo", module), pytest.raises(OSError, match="No space left"):
            cli.main()
    finally:
        sys.argv = before


def test_the_script_runs_the_group() -> None:
    """The entry point is the group under its own name."""
    before, sys.argv = sys.argv, ["anything", "--help"]
    try:
        with pytest.raises(SystemExit) as left:
            cli.main()
    finally:
        sys.argv = before
    assert left.value.code == 0
    assert isinstance(cli.group, click.Group)
