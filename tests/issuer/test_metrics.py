"""``/metrics``: what is counted, what no label says, and who may read it."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Receive, Scope, Send

from rf_middleware._wire import CHANGES, Event
from rf_middleware.issuer.app import build_app
from rf_middleware.issuer.audit import Query
from rf_middleware.issuer.changes import expire, revoke
from rf_middleware.issuer.decisions import Acknowledged, Counts
from rf_middleware.issuer.keys import TOKEN_PREFIX, mint
from rf_middleware.issuer.metrics import Metrics
from tests.issuer.rig import BY, Rig, in_loop, new_key, opened, running, until

IDLE = Counts(0, 0, 0)
HERE = {"host": "127.0.0.1:8080"}


def samples(text: str) -> dict[tuple[str, str], float]:
    """Return each value by its name and the value of its label."""
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Return what metrics say by themselves."""
    return samples(metrics.text(IDLE, 0, 0).decode())


async def scraped(rig: Rig) -> dict[tuple[str, str], float]:
    """Return what a server that is allowed to reads."""
    answer = await rig.call("GET", "/metrics", rig.token)
    assert answer.status_code == 200
    return samples(answer.text)


def test_everything_is_there_before_it_happens() -> None:
    """A rate over a counter is right from the first event on, because it was 0 and not missing."""
    found = told(Metrics())
    assert {label for name, label in found if name == "rf_issuer_revocations_total"} == CHANGES
    assert {label for name, label in found if name == "rf_issuer_introspections_total"} == {"active", "inactive"}
    assert {label for name, label in found if name == "rf_issuer_sign_ins_total"} == {"ok", "failed"}
    assert {value for (name, _), value in found.items() if not name.endswith("_created")} == {0.0}


def test_events_of_one_go_are_counted_and_timed_each() -> None:
    """The number of times in the histogram is the number of changes."""
    metrics = Metrics()
    metrics.published([Event(1, "expired", fingerprint=bytes(32)), Event(2, "suspended", workspace="acme")])
    metrics.acknowledged(Acknowledged(2, (), 0.2, also=(1,)))
    found = told(metrics)
    assert found["rf_issuer_revocations_total", "expired"] == found["rf_issuer_revocations_total", "suspended"] == 1
    assert found["rf_issuer_acknowledge_seconds_count", ""] == 2
    assert found["rf_issuer_acknowledge_seconds_sum", ""] == pytest.approx(0.4)
    assert found["rf_issuer_acknowledge_seconds_bucket", "0.1"] == 0
    assert found["rf_issuer_acknowledge_seconds_bucket", "0.25"] == 2


def test_sign_ins_are_counted_by_outcome() -> None:
    """What is counted is how it went, not who it was."""
    metrics = Metrics()
    metrics.signed_in("failed")
    metrics.signed_in("failed")
    assert told(metrics)["rf_issuer_sign_ins_total", "failed"] == 2


def test_two_servers_of_one_process_count_apart() -> None:
    """Nothing is registered where the rest of the process would see it."""
    one, other = Metrics(), Metrics()
    one.introspected(active=True)
    assert told(one)["rf_issuer_introspections_total", "active"] == 1
    assert told(other)["rf_issuer_introspections_total", "active"] == 0
    assert not [family.name for family in REGISTRY.collect() if family.name.startswith("rf_issuer")]


@in_loop
async def test_a_server_tells_how_things_stand(tmp_path: Path) -> None:
    """Counters grow and gauges follow: a lease, a parked poll, a change on its way, and its end."""
    async with opened(tmp_path / "issuer.db", lease=60.0) as rig:
        epoch = (await rig.poll()).json()["epoch"]
        await rig.introspect(rig.key)
        await rig.introspect("rfk_unknown")
        parked = asyncio.create_task(rig.poll(0, epoch, wait=60.0))
        await until(lambda: rig.revocations.counts().parked)
        before = await scraped(rig)
        assert [before["rf_issuer_introspections_total", each] for each in ("active", "inactive")] == [1, 1]
        assert (before["rf_issuer_leases", ""], before["rf_issuer_parked_polls", ""]) == (1, 1)
        assert before["rf_issuer_pending_revocations", ""] == before["rf_issuer_feed_head", ""] == 0
        ended = await rig.revocations.apply(revoke((await rig.new_key())[1]), BY)
        await parked
        during = await scraped(rig)
        assert during["rf_issuer_revocations_total", "revoked"] == during["rf_issuer_pending_revocations", ""] == 1
        assert (during["rf_issuer_parked_polls", ""], during["rf_issuer_feed_head", ""]) == (0, 1)
        assert during["rf_issuer_acknowledge_seconds_count", ""] == 0
        await rig.poll(ended.seq, epoch)
        after = await scraped(rig)
        assert (after["rf_issuer_acknowledge_seconds_count", ""], after["rf_issuer_pending_revocations", ""]) == (1, 0)
        (newest,) = rig.store.search_audit(Query(limit=1))
        assert after["rf_issuer_audit_head", ""] == newest.seq > before["rf_issuer_audit_head", ""]


@in_loop
async def test_what_an_earlier_life_left_is_timed_too(tmp_path: Path) -> None:
    """A change that a start finishes counts among those that took their time, not among those it published."""
    async with opened(tmp_path / "issuer.db") as rig:
        workspace = rig.store.list_workspaces()[0].id
        rig.store.create_key(workspace, new_key("k", None, expires=1.0)[1], BY)
        rig.store.apply(expire(2.0), BY)
    async with opened(tmp_path / "issuer.db") as rig:
        await rig.revocations.settled(1)
        found = await scraped(rig)
        assert found["rf_issuer_acknowledge_seconds_count", ""] == 1
        assert found["rf_issuer_revocations_total", "expired"] == 0


@running
async def test_no_label_names_anybody(rig: Rig) -> None:
    """Labels are a few words of the protocol and bounds of the histogram, whatever happened."""
    await rig.poll(name="a-validator")
    await rig.introspect(rig.key)
    await rig.call("DELETE", f"/acme/api-keys/{rig.key_id}")
    text = (await rig.call("GET", "/metrics", rig.token)).text
    labels = {
        (name, value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        for name, value in sample.labels.items()
        if name != "le"
    }
    outcomes = ("active", "inactive", "ok", "failed")
    assert labels == {*(("change", each) for each in CHANGES), *(("outcome", each) for each in outcomes)}
    for secret in (rig.key, rig.key_id, rig.token, "acme", "Acme", "a-validator", "a-session"):
        assert secret not in text


@running
async def test_a_validator_token_may_read_from_anywhere(rig: Rig) -> None:
    """Nothing but a good token will do, and the answer is Prometheus's text."""
    answer = await rig.call("GET", "/metrics", rig.token)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    for wrong in (rig.key, mint(TOKEN_PREFIX)):
        assert (await rig.call("GET", "/metrics", wrong)).status_code == 401
    assert (await rig.http.get("/metrics")).json() == {"error": "A validator token is needed"}


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("127.9.9.9", {}, 200),
        ("::1", {"host": "[::1]:8080"}, 200),
        ("127.0.0.1", {"host": "localhost"}, 200),
        ("192.0.2.1", {}, 401),
        ("", {}, 401),
        ("a name", {}, 401),
        ("127.0.0.1", {"host": "keys.example.com"}, 401),
        ("127.0.0.1", {"host": "localhost.example.com"}, 401),
        ("127.0.0.1", {"host": "127.0.0.1.example.com:80"}, 401),
        ("127.0.0.1", {"host": ""}, 401),
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, 401),
        ("127.0.0.1", {"X-Forwarded-Proto": "http"}, 401),
        ("127.0.0.1", {"forwarded": "for=127.0.0.1"}, 401),
        ("127.0.0.1", {"via": "1.1 x"}, 401),
        ("127.0.0.1", {"x-real-ip": "127.0.0.1"}, 401),
        ("127.0.0.1", {"CF-Connecting-IP": "127.0.0.1"}, 401),
        ("127.0.0.1", {"true-client-ip": "127.0.0.1"}, 401),
        ("127.0.0.1", {"x-original-host": "keys.example.com"}, 401),
        ("127.0.0.1", {"x-clientip": "192.0.2.1"}, 401),
        ("127.0.0.1", {"authorization": "Bearer rfv_wrong"}, 401),
    ],
    ids=str,
)
@in_loop
async def test_who_is_on_this_machine_may_read_without_a_token(
    tmp_path: Path, client: str, headers: dict[str, str], status: int
) -> None:
    """Loopback counts only where nothing says that somebody else is behind it."""
    async with opened(tmp_path / "issuer.db") as rig:
        transport = httpx.ASGITransport(build_app(rig.parts), client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://issuer.test") as http:
            assert (await http.get("/metrics", headers={**HERE, **headers})).status_code == status


@in_loop
async def test_a_proxy_that_says_nothing_of_itself_is_known_by_its_old_protocol(tmp_path: Path) -> None:
    """Left as it comes, nginx asks under the server's own name, with no header of its own, in HTTP/1.0."""
    async with opened(tmp_path / "issuer.db") as rig:
        app = build_app(rig.parts)

        async def old(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "http_version": "1.0"}, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(old), base_url="http://127.0.0.1:8080") as http:
            assert (await http.get("/metrics")).status_code == 401
            allowed = await http.get("/metrics", headers={"authorization": f"Bearer {rig.token}"})
            assert allowed.status_code == 200


@pytest.mark.parametrize("proxied", [{"public_url": "https://keys.example.com"}, {"trusted_proxies": 1}])
@in_loop
async def test_behind_a_proxy_everybody_needs_a_token(proxied: dict[str, Any], tmp_path: Path) -> None:
    """A server with a public address, or a proxy, takes no request for one of this machine, whatever is left out."""
    async with opened(tmp_path / "issuer.db") as rig:
        transport = httpx.ASGITransport(build_app(replace(rig.parts, **proxied)))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
            assert (await http.get("/metrics")).status_code == 401
            allowed = await http.get("/metrics", headers={"authorization": f"Bearer {rig.token}"})
            assert allowed.status_code == 200
