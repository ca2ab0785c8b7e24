"""The options of ``keys create`` and ``keys update``: what they make of the body."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._commands.fields import Fields, fields, key_argument, when

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


def body(*arguments: str) -> dict[str, Any]:
    """Return the body that options make."""

    @click.command()
    @fields
    def command(given: Fields) -> None:
        click.echo(json.dumps(given.body(NOW)))

    done = CliRunner().invoke(command, list(arguments))
    if done.exit_code:
        raise AssertionError(done.exit_code, done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], {}),
        (["--name", ""], {"name": ""}),
        (["--scope", "a:b", "--scope", "c:d"], {"scopes": ["a:b", "c:d"]}),
        (["--role", "developer", "--scope", "a:b"], {"scopes": ["a:b", "role:developer"]}),
        (["--full-access"], {"scopes": None}),
        (["--no-scopes"], {"scopes": []}),
        (["--expires", "never"], {"expiresAt": None}),
        (["--expires", "2030-01-31"], {"expiresAt": "2030-01-31T00:00:00Z"}),
        (["--expires", "2030-01-31T12:00:00+02:00"], {"expiresAt": "2030-01-31T10:00:00Z"}),
        (["--expires", "2030-01-31T12:00"], {"expiresAt": "2030-01-31T12:00:00Z"}),
        (["--expires", "45m"], {"expiresAt": "2026-01-31T12:45:00Z"}),
        (["--expires", "12h"], {"expiresAt": "2026-02-01T00:00:00Z"}),
        (["--expires", "90d"], {"expiresAt": "2026-05-01T12:00:00Z"}),
        (["--rotation-due", "2w"], {"rotationDueAt": "2026-02-14T12:00:00Z"}),
        (["--rotation-due", "never"], {"rotationDueAt": None}),
        (["--owner", "ann", "--owner", "bob"], {"owners": ["ann", "bob"]}),
        (["--no-owners"], {"owners": []}),
        (["--metadata", "team=vision", "--metadata", "a=b=c", "--metadata", "e="], None),
        (["--no-metadata"], {"customMetadata": {}}),
        (["--protected"], {"protected": True}),
    ],
)
def test_each_option_is_a_field(arguments: list[str], wanted: dict[str, object] | None) -> None:
    """What is not given is not in the body; ``never``, ``--no-...`` and ``--full-access`` are null and empty."""
    metadata = {"customMetadata": {"team": "vision", "a": "b=c", "e": ""}}
    assert body(*arguments) == (metadata if wanted is None else wanted)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scope", "a:b", "--full-access"], "only one of --scope and --role, --full-access, --no-scopes"),
        (["--role", "x", "--no-scopes"], "only one of --scope and --role, --full-access, --no-scopes"),
        (["--full-access", "--no-scopes"], "only one of --scope and --role, --full-access, --no-scopes"),
        (["--owner", "ann", "--no-owners"], "only one of --owner, --no-owners"),
        (["--metadata", "a=b", "--no-metadata"], "only one of --metadata, --no-metadata"),
        (["--metadata", "alone"], "--metadata takes NAME=VALUE"),
        (["--metadata", "=b"], "--metadata takes NAME=VALUE"),
        (["--expires", "soon"], "'soon' is no time"),
        (["--expires", "999999w"], "'999999w' is no time"),
        (["--rotation-due", ""], "'' is no time"),
    ],
)
def test_what_contradicts_itself_is_bad_usage(arguments: list[str], said: str) -> None:
    """Exit 2, and the text names the options."""
    with pytest.raises(AssertionError) as refused:
        body(*arguments)
    code, errors = refused.value.args
    assert code == 2
    assert said in errors


@given(st.text(max_size=12) | st.from_regex(r"\d{1,6}[mhdw]", fullmatch=True))
def test_any_text_is_a_time_or_bad_usage(text: str) -> None:
    """Nothing else comes of it, and a time has its offset."""
    try:
        moment = when(text, NOW)
    except click.UsageError:
        return
    assert moment is None or datetime.fromisoformat(moment).tzinfo is not None


def test_folders_are_for_new_keys() -> None:
    """Where a command has the option, its values are in the body."""
    given_fields = Fields(
        name=None,
        scope=(),
        role=(),
        full_access=False,
        no_scopes=False,
        expires=None,
        owner=(),
        no_owners=False,
        metadata=(),
        no_metadata=False,
        protected=False,
        rotation_due=None,
    )
    assert given_fields.body(NOW) == {}
    assert replace(given_fields, folder=("f1", "f2")).body(NOW) == {"folderIds": ["f1", "f2"]}


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("Z19rGdh3iznimezr", True),
        ("an id of another kind", True),
        ("rfk_0123456789ABCDEFGHIJKLMNOPQRSTUVW", False),
        ("rfv_token", False),
        ("rf_workspace", False),
        ("a/b", False),
    ],
)
def test_a_key_is_not_taken_for_its_id(text: str, *, good: bool) -> None:
    """A secret typed by mistake goes into no URL, and the message does not repeat it."""
    seen: list[str] = []

    def take(key_id: str) -> None:
        seen.append(key_id)

    make: Callable[[Callable[[str], None]], click.Command] = click.command()
    done = CliRunner().invoke(make(key_argument(take)), [text])
    assert (seen, done.exit_code) == (([text], 0) if good else ([], 2))
    assert good or text not in done.stderr
