"""Real uvicorn and gunicorn workers: what was revoked is refused by each of them at once, and its streams are cut."""

import signal
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from rf_middleware.demo.workers import Key
from tests.core.servers import until
from tests.issuer.test_serve import printed, served
from tests.real.stage import LEASE, Issuer, Site, gunicorn, uvicorn


@pytest.fixture(name="issuer", scope="module")
def _issuer(tmp_path_factory: pytest.TempPathFactory) -> Generator[Issuer]:
    """One issuer for all: a lease that is left behind is over after two seconds."""
    database = tmp_path_factory.mktemp("issuer") / "issuer.db"
    made = printed("workspace", "create", "demo", "--database", str(database))
    token = printed("token", "create", "--database", str(database))["token"]
    with served(database, lease=LEASE) as issuer:
        yield Issuer(issuer, made["key"], token)


@pytest.fixture(name="sites", scope="module")
def _sites(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, Site]]:
    """Both servers with three workers in all, each of which holds a lease."""
    key = issuer.create()
    with ExitStack() as stack:
        sites = {
            "uvicorn": stack.enter_context(uvicorn(issuer, key)),
            "gunicorn": stack.enter_context(gunicorn(issuer, key, tmp_path_factory.mktemp("gunicorn"))),
        }
        issuer.followed(by=3)
        yield sites


def test_every_worker_refuses_a_revoked_key_at_once(issuer: Issuer, sites: dict[str, Site]) -> None:
    """The very next request to each worker, on a connection that was held, is refused; another key goes on."""
    workers = [worker for site in sites.values() for worker in site.workers]
    key, other = issuer.create(), issuer.create()
    for worker in workers:
        for each in (key, key, other):
            worker.accepts(each)
    receipt = issuer.revoke(key)
    answers = [worker.line.ask("/", key.secret) for worker in workers]
    assert [(answer.status, answer.problem) for answer in answers] == [(401, "invalid-key")] * 3
    assert (receipt.confirmed, receipt.expired) == (3, 0)
    for worker in workers:
        worker.accepts(other)


def test_preloaded_workers_are_validators_of_their_own(issuer: Issuer, sites: dict[str, Site], tmp_path: Path) -> None:
    """Workers forked from a master that had the key in its cache and a lease of its own refuse it at once too."""
    key = issuer.create()
    with gunicorn(issuer, key, tmp_path, preload=True) as site:
        issuer.followed(by=3 + 3)
        for worker in site.workers:
            worker.accepts(key)
        receipt = issuer.revoke(key)
        answers = [worker.line.ask("/", key.secret).status for worker in site.workers]
    assert answers == [401, 401]
    assert (receipt.confirmed, receipt.expired) == (6, 0)
    issuer.followed(by=3)


def test_a_websocket_is_closed_with_1008(issuer: Issuer, sites: dict[str, Site]) -> None:
    """When DELETE has returned, the WebSocket of the key has been closed, and one of another key has not."""
    key, other = issuer.create(), issuer.create()
    url = sites["uvicorn"].url.replace("http", "ws") + "/talk?api_key="
    with connect(url + key.secret) as socket, connect(url + other.secret) as good:
        for each in (socket, good):
            each.send("hello")
            assert each.recv(10) == "hello"
        receipt = issuer.revoke(key)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "invalid-key")
        good.send("still there")
        assert good.recv(10) == "still there"
    assert receipt.seconds < LEASE
    assert (receipt.confirmed, receipt.expired) == (3, 0)


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn"])
def test_a_streaming_response_is_cut(server: str, issuer: Issuer, sites: dict[str, Site]) -> None:
    """The client sees that the response was not finished, and the connection is gone."""
    key = issuer.create()
    parts = urlsplit(sites[server].url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        connection.request("GET", "/stream", headers={"Authorization": f"Bearer {key.secret}"})
        response = connection.getresponse()
        assert [response.read(5) for _ in range(3)] == [b"tick\n"] * 3
        receipt = issuer.revoke(key)
        with pytest.raises((HTTPException, ConnectionError)):
            response.read()
    finally:
        connection.close()
    assert (receipt.confirmed, receipt.expired) == (3, 0)


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn"])
def test_logs_show_no_key(server: str, issuer: Issuer, sites: dict[str, Site]) -> None:
    """A key in the query or the Referer of a request, accepted or refused, is not in a debug log, in any spelling."""
    site = sites[server]
    key = issuer.create().secret
    odd = "rfk_never%20made"
    parts = urlsplit(site.url)
    for number, (secret, status) in enumerate([(key, 200), (key, 200), (quote(key, safe=""), 200), (odd, 401)]):
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        referer = f"http://page.example/?api_key={secret}"
        connection.request("GET", f"/?seen=yes{number}&api_key={secret}&mark=end{number}", headers={"Referer": referer})
        assert connection.getresponse().status == status
        connection.close()
    until(lambda: "mark=end3" in site.said())
    said = site.said()
    assert all(f"/?seen=yes{number}&mark=end{number}" in said for number in range(4))
    assert key not in said
    assert key[4:] not in said
    assert "never" not in said


def test_a_killed_worker_is_waited_for_until_its_lease_ends(issuer: Issuer, sites: dict[str, Site]) -> None:
    """A validator that is gone without a word delays a revocation by what is left of its lease, and no longer."""
    key = issuer.create()
    with uvicorn(issuer, key) as site:
        issuer.followed(by=4)
        site.server.process.kill()
        site.server.process.wait(60)
        receipt = issuer.revoke(key)
    assert (receipt.confirmed, receipt.expired) == (3, 1)
    assert receipt.seconds < 3 * LEASE


def only_uvicorn(issuer: Issuer, key: Key, folder: Path) -> AbstractContextManager[Site]:
    """Run uvicorn, which needs no folder."""
    return uvicorn(issuer, key)


Start = Callable[[Issuer, Key, Path], AbstractContextManager[Site]]


@pytest.mark.parametrize(("start", "workers"), [(only_uvicorn, 1), (gunicorn, 2)], ids=["uvicorn", "gunicorn"])
def test_a_clean_stop_gives_the_lease_back(
    start: Start, workers: int, issuer: Issuer, sites: dict[str, Site], tmp_path: Path
) -> None:
    """After SIGTERM nobody waits for the leases of those workers: a revocation right after it expires none."""
    key = issuer.create()
    with start(issuer, key, tmp_path) as site:
        issuer.followed(by=3 + workers)
        for worker in site.workers:
            worker.line.close()
        site.server.process.send_signal(signal.SIGTERM)
        site.server.process.wait(60)
        receipt = issuer.revoke(key)
    assert (receipt.confirmed, receipt.expired) == (3, 0)
    assert receipt.seconds < LEASE
