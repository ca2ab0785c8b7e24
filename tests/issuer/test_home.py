"""``/`` for people, the metadata, the health routes, and what every answer has."""

import asyncio
from pathlib import Path

import pytest
from starlette.types import Message

from rf_middleware.issuer.app import build_app
from rf_middleware.issuer.metadata import revocation_bound_ms
from tests.issuer.browsing import signed_in
from tests.issuer.rig import Rig, in_loop, opened, running

HTML = {"Accept": "text/html,*/*;q=0.8"}


@running
async def test_a_browser_without_a_key_sees_what_this_is(rig: Rig) -> None:
    """The page tells how to protect an app and how fast a revocation holds."""
    page = await rig.http.get("/", headers=HTML)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["vary"] == "Accept, Cookie"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    assert "set-cookie" not in page.headers
    assert "RF_ISSUER_URL=http://issuer.test:8080\n" in page.text
    assert f"at most {revocation_bound_ms(0.3) / 1000:.1f} seconds" in page.text


@in_loop
async def test_the_page_knows_who_is_signed_in(tmp_path: Path) -> None:
    """A visitor finds the way to the other pages here, anybody else the way in."""
    async with signed_in(tmp_path, name="Ann") as browser:
        seen = (await browser.http.get("/", headers=HTML)).text
        browser.http.cookies.clear()
        stranger = (await browser.http.get("/", headers=HTML)).text
    assert ("Ann</span>" in seen, 'href="/login"' in seen) == (True, False)
    assert ("Ann</span>" in stranger, 'href="/login"' in stranger) == (False, True)


@running
async def test_only_a_browser_without_a_key_gets_the_page(rig: Rig) -> None:
    """A key is checked, POST is never a page, and other clients get 401 JSON."""
    assert (await rig.call("GET", "/", params={"api_key": rig.key})).json()["workspace"] == "acme"
    assert (await rig.http.post("/", headers=HTML)).status_code == 401
    assert (await rig.http.get("/?api_key=", headers={"Accept": "*/*"})).json() == {"error": "An API key is needed"}


@pytest.mark.parametrize("host", ["<script>", "a/b", "evil.example\t", ""])
def test_a_forged_host_is_not_repeated(host: str, tmp_path: Path) -> None:
    """What is not a host never gets into a page or a document."""

    async def main() -> None:
        async with opened(tmp_path / "issuer.db") as rig:
            answer = await rig.http.get("/.well-known/oauth-authorization-server", headers={"Host": host})
            assert answer.json()["issuer"] == "http://issuer.test:8080"

    asyncio.run(main())


@running
async def test_the_metadata_tells_endpoints_and_the_bound(rig: Rig) -> None:
    """RFC 8414, with the feed and the bound in whole milliseconds."""
    told = (await rig.http.get("/.well-known/oauth-authorization-server")).json()
    base = "http://issuer.test:8080"
    assert told["issuer"] == base
    assert told["introspection_endpoint"] == f"{base}/introspect"
    assert told["revocation_endpoint"] == f"{base}/revoke"
    assert told["revocation_feed_endpoint"] == f"{base}/feed"
    assert told["revocation_bound_ms"] == 803
    assert isinstance(told["revocation_bound_ms"], int)
    assert told["api_key_format"] == {"prefix": "rfk_", "length": 37, "checksum": "crc32-base62"}


def test_the_bound_is_one_lease_the_drift_and_half_a_second() -> None:
    """The published bound follows from the lease alone."""
    assert revocation_bound_ms(10.0) == 10_600


@running
async def test_health_and_readiness(rig: Rig) -> None:
    """An issuer that answers is alive, one that can read its database is ready."""
    assert (await rig.http.get("/healthz")).json() == {"status": "ok"}
    assert (await rig.http.get("/readyz")).json() == {"status": "ok"}


@in_loop
async def test_a_database_that_is_gone_is_said_and_not_explained(tmp_path: Path) -> None:
    """Requests get 503 and JSON, and the process stays."""
    path = tmp_path / "issuer.db"
    async with opened(path) as rig:
        rig.store._database.close()
        path.rename(tmp_path / "elsewhere")
        path.mkdir()
        for answer in (await rig.call("GET", "/"), await rig.http.get("/readyz")):
            assert answer.status_code == 503
            assert "database" in answer.json()["error"]
        assert (await rig.http.get("/healthz")).status_code == 200
        path.rmdir()
        (tmp_path / "elsewhere").rename(path)
        assert (await rig.call("GET", "/")).status_code == 200


def test_an_unexpected_exception_is_a_500_and_its_text_stays_out_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names type and place; the text of an exception may hold a key."""

    async def main() -> str:
        async with opened(tmp_path / "issuer.db") as rig:

            def fail(*_: object) -> None:
                raise RuntimeError(rig.key)

            rig.store.__dict__["look_up"] = fail
            answer = await rig.call("GET", "/")
            assert (answer.status_code, answer.json()) == (500, {"error": "Something went wrong here"})
            assert answer.headers["cache-control"] == "no-store"
            return rig.key

    key = asyncio.run(main())
    assert "RuntimeError in http" in caplog.text
    assert key not in caplog.text


@in_loop
async def test_a_websocket_is_refused(tmp_path: Path) -> None:
    """There is no route for anything but HTTP."""
    async with opened(tmp_path / "issuer.db") as rig:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await build_app(rig.parts)({"type": "websocket", "path": "/feed"}, receive, send)
        assert sent[0]["type"] == "websocket.close"


@in_loop
async def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_fault_of_ours(tmp_path: Path) -> None:
    """A body that never came to its end changes nothing and is not logged as a failure."""
    async with opened(tmp_path / "issuer.db") as rig:
        messages: list[Message] = [
            {"type": "http.request", "body": b"{", "more_body": True},
            {"type": "http.disconnect"},
        ]
        sent: list[Message] = []

        async def receive() -> Message:
            return messages.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        key = [(b"authorization", f"Bearer {rig.key}".encode())]
        scope = {"type": "http", "method": "POST", "path": "/acme/api-keys", "query_string": b"", "headers": key}
        await build_app(rig.parts)(scope, receive, send)
        assert sent[0]["status"] == 400
