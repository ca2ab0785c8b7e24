"""``serve`` with an OpenID provider: real processes on this machine, and what is refused at the start."""

import re
import signal
import socket
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from rf_middleware.issuer.oidc import OpenIDConnect
from rf_middleware.issuer.oidc_client import open_id_connect
from rf_middleware.issuer.oidc_settings import Settings
from tests.issuer.browsing import PASSWORD, Forms, Reader
from tests.issuer.idp_process import SECRET, provider
from tests.issuer.rig import in_loop
from tests.issuer.test_serve import Served, printed, run, served

CLIENT = "rf middleware"
AT = ("--oidc-issuer", "https://idp.example", "--oidc-client-id", CLIENT)


@contextmanager
def beside_a_provider(database: Path) -> Generator[Served]:
    """Run a provider, and an issuer that lets everybody of example.com in from there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with provider(CLIENT) as idp:
        more = ("--oidc-issuer", idp, "--oidc-client-id", CLIENT, "--oidc-domain", "example.com")
        url, secret = f"http://127.0.0.1:{port}", {"RF_OIDC_CLIENT_SECRET": SECRET}
        with served(database, port=port, public_url=url, more=more, environment=secret) as issuer:
            yield issuer


def test_a_person_signs_in_from_process_to_process(tmp_path: Path) -> None:
    """The first administrator comes by the printed link, Ada by the provider, and nothing is said on stderr."""
    database = tmp_path / "issuer.db"
    printed("workspace", "create", "acme", "--database", str(database))
    with beside_a_provider(database) as issuer:
        assert issuer.process.stdout is not None
        link = issuer.process.stdout.readline().split()[-1]
        with httpx.Client(timeout=30, follow_redirects=True) as ann:
            form = {**Forms(ann.get(link).text).found[link.removeprefix(issuer.url)], "email": "ann@example.com"}
            assert "Default key" in ann.post(link, data={**form, "name": "Ann", "password": PASSWORD}).text
        with httpx.Client(timeout=30, follow_redirects=True) as ada:
            page = ada.get(f"{issuer.url}/settings/api").text
            there = next(each for each in Reader(page).all("a", "href") if each.startswith("/login/oidc"))
            at_the_provider = ada.get(issuer.url + there)
            (action,) = Forms(at_the_provider.text).found
            back = ada.post(at_the_provider.url.join(action))
            assert str(back.url) == f"{issuer.url}/settings/api"
            assert "signed in as ada@example.com" in back.text
        assert issuer.end(signal.SIGTERM) == (0, "")


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        (AT, {}, "OpenID Connect needs the public address of this server, https://..."),
        ((*AT[:2], "--public-url", "https://rf.example"), {}, "--oidc-issuer and --oidc-client-id are needed, both"),
        (
            (*AT, "--public-url", "https://rf.example"),
            {"RF_OIDC_CLIENT_SECRET": " "},
            "RF_OIDC_CLIENT_SECRET is empty",
        ),
        (
            (*AT, "--public-url", "https://rf.example", "--oidc-domain", "com"),
            {},
            "--oidc-domain is a domain of e-mail addresses, like example.com",
        ),
        (
            (*AT, "--public-url", "https://rf.example"),
            {"SSL_CERT_FILE": "/nowhere"},
            "the OpenID provider can't be asked: SSL_CERT_FILE or a proxy variable is wrong (FileNotFoundError)",
        ),
        (
            (*AT, "--public-url", "https://rf.example"),
            {"HTTPS_PROXY": "nonsense://canary"},
            "the OpenID provider can't be asked: SSL_CERT_FILE or a proxy variable is wrong (ValueError)",
        ),
    ],
)
def test_what_is_wrong_is_one_line_at_the_start(
    options: tuple[str, ...], environment: Mapping[str, str], said: str, tmp_path: Path
) -> None:
    """No connection is accepted, no ready line is printed, the exit is 1."""
    done = run("serve", "--port", "0", "--database", str(tmp_path / "issuer.db"), *options, **environment)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"rf-middleware: {said}\n")


def test_the_options_are_described() -> None:
    """``--help`` names each of them, and where the secret comes from."""
    text = " ".join(run("serve", "--help").stdout.split())
    assert set(re.findall(r"--oidc-[a-z-]+|RF_OIDC_\w+", text)) == {
        "--oidc-issuer",
        "--oidc-client-id",
        "--oidc-domain",
        "RF_OIDC_CLIENT_SECRET",
    }


@in_loop
async def test_no_cookie_of_the_provider_goes_along_with_the_next_question(tmp_path: Path) -> None:
    """What it sets while one person signs in says nothing about another."""
    sent: list[httpx.Headers] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers)
        return httpx.Response(503, headers={"set-cookie": "who=ada; Path=/"})

    settings = Settings("https://idp.example", CLIENT, None, "https://rf.example/login/oidc/callback")
    async with open_id_connect(settings, httpx.MockTransport(answer)) as oidc:
        assert isinstance(oidc, OpenIDConnect)
        for path in ("one", "two"):
            await oidc._provider._client.get(f"https://idp.example/{path}")
    assert [headers.get("cookie") for headers in sent] == [None, None]
    async with open_id_connect(None) as nothing:
        assert nothing is None
