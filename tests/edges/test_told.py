"""What an operator is told when something about the issuer is not as it should be."""

import logging
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from rf_middleware import IntrospectionIssuer, RoboflowIssuer, cli
from rf_middleware._terminal import Failed
from rf_middleware.exceptions import ConfigurationError
from rf_middleware.issuer.database import DatabaseProblem
from rf_middleware.issuer.serve import Options, serve
from rf_middleware.issuers import issuer_of
from rf_middleware.issuers._protocol import FeedError
from rf_middleware.wsgi import APIKeyMiddleware


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("https://api.roboflow.com", False),
        ("https://api.roboflow.eu/", False),
        ("http://127.0.0.1:8080", True),
        ("https://roboflow.com.example.org", True),
    ],
)
def test_a_forgotten_token_is_told(url: str, caplog: pytest.LogCaptureFixture, *, warned: bool) -> None:
    """An issuer of one's own without RF_ISSUER_TOKEN gives no lease, which nobody would notice otherwise."""
    with caplog.at_level(logging.WARNING, logger="rf_middleware"):
        assert isinstance(issuer_of(url, {}), RoboflowIssuer)
    assert ("RF_ISSUER_TOKEN" in caplog.text) is warned


def test_a_refused_token_is_named() -> None:
    """A feed that is refused says which setting to look at, and the feed says whose it is."""

    async def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"error": "no"})

    issuer = IntrospectionIssuer("http://issuer", "token", transport=httpx.MockTransport(refuse))
    assert issuer.feed is not None
    with pytest.raises(FeedError, match="RF_ISSUER_TOKEN"):
        issuer.feed.offered()
    assert repr(issuer.feed) == "http://issuer"
    issuer.close()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    """What is refused is told as what it is."""
    with pytest.raises(DatabaseProblem) as problem:
        serve(tmp_path, Options(host="127.0.0.1", port=0, lease=1.0), print)
    assert "hard link" not in str(problem.value)


@pytest.mark.parametrize(
    ("option", "value"),
    [("workspace_header", "Content-Length"), ("workspace_header", "set-cookie"), ("workspaces", ["not a slug!"])],
)
def test_what_could_only_go_wrong_is_refused(option: str, value: object) -> None:
    """A header that means something else, and a slug that no workspace has, fail at construction."""
    settings: dict[str, object] = {option: value}
    with pytest.raises(ConfigurationError, match=f"^{option}: "):
        APIKeyMiddleware(lambda environ, start_response: [], issuer="https://api.roboflow.com", **settings)  # type: ignore[arg-type]  # wrong on purpose  # pyright: ignore[reportArgumentType] - the same


def test_a_workspace_whose_keys_are_gone_gets_a_new_one(tmp_path: Path) -> None:
    """``workspace key`` adds a key with full access, shown once; an unknown workspace is an error."""
    runner = CliRunner(env={"RF_DATABASE_URL": f"sqlite:///{tmp_path / 'issuer.db'}"})
    runner.invoke(cli.group, ["workspace", "create", "acme"])
    added = runner.invoke(cli.group, ["workspace", "key", "acme", "--name", "spare"])
    assert added.exit_code == 0
    assert "rfk_" in added.stdout
    assert "(shown only now)" in added.stdout
    missing = runner.invoke(cli.group, ["workspace", "key", "other"])
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert issubclass(Failed, Exception)
    assert "there is no workspace other" in missing.stderr
