"""The routes by which keys reach devices and programs: what they take, what they say, and how often."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, update

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.audit import Query
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.device_codes import DEVICE_PREFIX, PASTE_PREFIX
from rf_middleware.issuer.keys import mint
from rf_middleware.issuer.metadata import DEVICE_GRANT
from rf_middleware.issuer.people import Person
from rf_middleware.issuer.schema_people import devices
from tests.issuer.browsing import add_person
from tests.issuer.rig import BY, Rig, Turned, in_loop, new_key, opened, running, until
from tests.issuer.test_store_logins import crowd

FORM = {"client_id": "a client", "device_name": "ann@laptop"}


async def ask(rig: Rig, **more: str) -> dict[str, Any]:
    """Begin a login."""
    answer = await rig.http.post("/device_authorization", data={**FORM, **more})
    assert answer.status_code == 200, answer.text
    begun: dict[str, Any] = answer.json()
    return begun


async def poll(rig: Rig, code: str, **more: str) -> httpx.Response:
    """Ask for the keys of a login."""
    return await rig.http.post(
        "/token", data={"grant_type": DEVICE_GRANT, "client_id": "a client", "device_code": code, **more}
    )


async def error(rig: Rig, code: str, **more: str) -> str:
    """Ask for the keys of a login that gets none; return what is said."""
    answer = await poll(rig, code, **more)
    assert (answer.status_code, answer.headers["cache-control"]) == (400, "no-store")
    said: dict[str, str] = answer.json()
    assert set(said) == {"error", "error_description"}
    return said["error"]


def decide(rig: Rig, begun: dict[str, Any], person: Person, *slugs: str) -> None:
    """Answer a login: with these workspaces, or with a no."""
    device = rig.store.login_by_user_code(fingerprint(begun["user_code"].encode()))
    assert device is not None
    ids = {each.slug: each.id for each in rig.store.list_workspaces()}
    rig.store.decide_login(device.id, person, tuple(ids[slug] for slug in slugs), BY)


def alter(rig: Rig, **values: object) -> None:
    """Change every login in the database."""
    with rig.store._database.writing() as connection:
        connection.execute(update(devices).values(values))


def paste(rig: Rig, person: Person, *slugs: str) -> str:
    """Make a one-time token."""
    token = mint(PASTE_PREFIX)
    ids = {each.slug: each.id for each in rig.store.list_workspaces()}
    rig.store.offer_paste(fingerprint(token.encode()), person, [ids[slug] for slug in slugs], BY)
    return token


@running
async def test_a_login_begins_with_two_codes(rig: Rig) -> None:
    """The page is this server's, with the code in its address; nothing of it is kept as it is."""
    answer = await rig.http.post("/device_authorization", data=FORM, headers={"User-Agent": "a\x07gent/1" + "x" * 300})
    begun = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    page = "http://issuer.test:8080/device"
    assert begun.items() >= {"verification_uri": page, "expires_in": 600, "interval": 5}.items()
    assert begun["verification_uri_complete"] == f"{page}?user_code={begun['user_code']}"
    held = rig.store.login_by_device_code(fingerprint(begun["device_code"].encode()))
    assert held is not None
    assert (held.client, held.name, held.workspace, held.address) == ("a client", "ann@laptop", "", "127.0.0.1")
    assert held.agent == ("agent/1" + "x" * 300)[:200]
    assert held.ends - held.created == 600


@running
async def test_a_login_from_the_first_poll_to_the_keys(rig: Rig) -> None:
    """Pending until somebody allows it, then one answer with a key for each workspace, the first one first."""
    rig.store.create_workspace("beta", "", new_key("Default key", None)[1], BY)
    root = add_person(rig, "root@example.com", admin=True)
    begun = await ask(rig)
    code = begun["device_code"]
    assert await error(rig, code) == "authorization_pending"
    alter(rig, interval=500.0)  # however long the next poll takes
    assert await error(rig, code) == "slow_down"
    decide(rig, begun, root, "beta", "acme")
    answer = await poll(rig, code)
    assert (answer.status_code, answer.headers["cache-control"], answer.headers["pragma"]) == (
        200,
        "no-store",
        "no-cache",
    )
    tokens = answer.json()
    assert tokens.items() >= {"token_type": "Bearer", "scope": "*", "workspace": "beta"}.items()
    first, second = tokens["workspaces"].values()
    assert (first["url"], first["name"], first["apiKey"]) == ("beta", "", tokens["access_token"])
    assert (second["url"], second["name"]) == ("acme", "Acme & Sons")
    assert (await rig.introspect(second["apiKey"]))["workspace"] == "acme"
    assert list(tokens["workspaces"]) == [(await rig.introspect(each))["workspace_id"] for each in keys(tokens)]
    assert await error(rig, code) == "invalid_grant"


def keys(tokens: dict[str, Any]) -> list[str]:
    """Return the keys of an answer."""
    return [each["apiKey"] for each in tokens["workspaces"].values()]


@running
async def test_scopes_are_told(rig: Rig) -> None:
    """What the first key may do is in the answer, by name."""
    viewer = add_person(rig, "v@example.com", "viewer")
    begun = await ask(rig)
    decide(rig, begun, viewer, "acme")
    assert (await poll(rig, begun["device_code"])).json()["scope"] == "api-key:read workspace:read"


@running
async def test_a_login_that_is_denied_or_too_old_says_so(rig: Rig) -> None:
    """Each in the words of RFC 8628, as often as it is asked."""
    person = add_person(rig, "ann@example.com", "admin")
    denied, old, nobody = await ask(rig), await ask(rig), await ask(rig)
    decide(rig, denied, person)
    for _ in range(2):
        assert await error(rig, denied["device_code"]) == "access_denied"
    decide(rig, nobody, person, "acme")
    with rig.store._database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM members")
    assert await error(rig, nobody["device_code"]) == "access_denied"
    alter(rig, ends=time.time() - 1)
    for _ in range(2):
        assert await error(rig, old["device_code"]) == "expired_token"


@running
async def test_a_device_code_is_of_its_client(rig: Rig) -> None:
    """Another client gets nothing for it, and it stays good."""
    person = add_person(rig, "ann@example.com", "admin")
    begun = await ask(rig)
    decide(rig, begun, person, "acme")
    assert await error(rig, begun["device_code"], client_id="another") == "invalid_grant"
    assert (await poll(rig, begun["device_code"])).status_code == 200


@running
async def test_a_login_that_is_cleared_away_while_it_is_polled_is_not_known(rig: Rig) -> None:
    """It was there when it was read, and was not when it was to be written."""
    begun = await ask(rig)
    busy, go = Event(), Event()

    def clear() -> None:
        busy.set()
        go.wait(60)
        with rig.store._database.writing() as connection:
            connection.execute(delete(devices))

    clearing = asyncio.create_task(rig.revocations.write(clear))
    await until(busy.is_set)
    polling = asyncio.create_task(error(rig, begun["device_code"]))
    await until(lambda: rig.revocations._writer._work_queue.qsize() == 1)
    go.set()
    await clearing
    assert await polling == "invalid_grant"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"device_name": "a"}, "client_id"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "x" * 101}, "client_id"),
        ({"client_id": "caf\u00e9"}, "client_id"),
        ({"client_id": ["a", "b"]}, "client_id"),
        ({"client_id": "a", "device_name": "x" * 151}, "device_name"),
        ({"client_id": "a", "device_name": "a\x1b[2Jb"}, "device_name"),
        ({"client_id": "a", "device_name": "a\u202eb"}, "device_name"),
        ({"client_id": "a", "workspace": "../x"}, "workspace"),
        ({"client_id": "a", "workspace": "x" * 101}, "workspace"),
    ],
)
@in_loop
async def test_what_a_login_can_not_be_is_said(form: dict[str, Any], said: str, tmp_path: Path) -> None:
    """Wrong fields are a 400 that names them, and nothing is kept."""
    async with opened(tmp_path / "issuer.db") as rig:
        answer = await rig.http.post("/device_authorization", data=form)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert said in answer.json()["error_description"]
        assert not rig.store.search_audit(Query(action="login"))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": DEVICE_GRANT}, "invalid_request"),
        ({"grant_type": DEVICE_GRANT, "client_id": "a"}, "invalid_request"),
        ({"grant_type": DEVICE_GRANT, "device_code": "a"}, "invalid_request"),
        ({"grant_type": DEVICE_GRANT, "client_id": "a", "device_code": ["a", "b"]}, "invalid_request"),
        ({"grant_type": DEVICE_GRANT, "client_id": "a", "device_code": "a"}, "invalid_grant"),
        ({"grant_type": DEVICE_GRANT, "client_id": "a", "device_code": mint(DEVICE_PREFIX)}, "invalid_grant"),
    ],
)
@in_loop
async def test_errors_are_those_of_oauth(form: dict[str, Any], said: str, tmp_path: Path) -> None:
    """RFC 6749 section 5.2: a 400 with a code, which is not to be kept."""
    async with opened(tmp_path / "issuer.db") as rig:
        answer = await rig.http.post("/token", data=form)
        assert (answer.status_code, answer.json()["error"], answer.headers["cache-control"]) == (400, said, "no-store")
        other = await rig.http.post("/token", json=form)
        assert (other.status_code, other.json()["error"]) == (400, "invalid_request")


@running
async def test_a_token_is_exchanged_once(rig: Rig) -> None:
    """As the public clients ask: keys by workspace id, then null; a scanner that only asks for the head spends none."""
    person = add_person(rig, "ann@example.com", "developer")
    at = f"/query/cliAuthToken/{paste(rig, person, 'acme')}"
    assert (await rig.http.head(at)).status_code == 200
    answer = await rig.http.get(at)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    ((workspace_id, made),) = answer.json().items()
    found = await rig.introspect(made["apiKey"])
    assert (found["workspace_id"], made["url"], made["name"]) == (workspace_id, "acme", "Acme & Sons")
    for _ in range(2):
        again = await rig.http.get(at)
        assert (again.status_code, again.json()) == (200, None)


@running
async def test_a_token_of_somebody_who_left_is_null(rig: Rig) -> None:
    """No empty object: the public client would take the first of its keys."""
    person = add_person(rig, "ann@example.com", "developer")
    at = f"/query/cliAuthToken/{paste(rig, person, 'acme')}"
    with rig.store._database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM members")
    assert (await rig.http.get(at)).json() is None


def by_paste(code: str) -> tuple[str, str, dict[str, str]]:
    """Return the request that exchanges a token."""
    return "GET", f"/query/cliAuthToken/{code}", {}


def by_code(code: str) -> tuple[str, str, dict[str, str]]:
    """Return the request that exchanges a device code."""
    return "POST", "/token", {"grant_type": DEVICE_GRANT, "client_id": "a client", "device_code": code}


@pytest.mark.parametrize(
    ("prefix", "asking", "reason"),
    [(PASTE_PREFIX, by_paste, "unknown token"), (DEVICE_PREFIX, by_code, "unknown device code")],
)
@in_loop
async def test_who_guesses_waits_and_nobody_else(
    prefix: str, asking: Callable[[str], tuple[str, str, dict[str, str]]], reason: str, tmp_path: Path
) -> None:
    """Beyond thirty failures from an address each one more is a 429; what is good passes all the same."""
    clock = Turned()
    async with opened(tmp_path / "issuer.db", clock=clock) as rig:

        async def guess(code: str) -> httpx.Response:
            method, path, form = asking(code)
            return await rig.http.request(method, path, data=form)

        person = add_person(rig, "ann@example.com", "admin")
        begun = await ask(rig)
        good = begun["device_code"] if prefix == DEVICE_PREFIX else paste(rig, person, "acme")
        decide(rig, begun, person, "acme")
        for number in range(30):
            assert (await guess(mint(prefix) if number % 2 else f"junk{number}")).status_code != 429
        refused = await guess(mint(prefix))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
        noted = rig.store.search_audit(Query(action="login.fail", limit=100))
        assert len(noted) == 30
        assert {(each.by.kind, each.by.address, each.detail["reason"]) for each in noted} == {
            ("nobody", "127.0.0.1", reason)
        }
        assert "rfk_" in (await guess(good)).text
        clock.time += 10
        assert (await guess(mint(prefix))).status_code != 429


@in_loop
async def test_one_address_asks_for_so_many_logins(tmp_path: Path) -> None:
    """So nobody fills the database: one more only after a while."""
    clock = Turned()
    async with opened(tmp_path / "issuer.db", clock=clock) as rig:
        for _ in range(60):
            await ask(rig)
        refused = await rig.http.post("/device_authorization", data=FORM)
        assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
        assert refused.headers["retry-after"] == "10"
        assert len(rig.store.search_audit(Query(action="login.ask", limit=100))) == 60
        clock.time += 10
        await ask(rig)


@running
async def test_all_addresses_ask_for_so_many_logins(rig: Rig) -> None:
    """What waits for an answer is bounded, whoever asked."""
    crowd(rig.store._database)
    refused = await rig.http.post("/device_authorization", data=FORM)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")


@running
async def test_the_metadata_names_the_endpoints(rig: Rig) -> None:
    """RFC 8414, as RFC 8628 section 4 has it."""
    found = (await rig.http.get("/.well-known/oauth-authorization-server")).json()
    assert found["device_authorization_endpoint"] == "http://issuer.test:8080/device_authorization"
    assert found["token_endpoint"] == "http://issuer.test:8080/token"
    assert found["grant_types_supported"] == [DEVICE_GRANT]
    assert found["token_endpoint_auth_methods_supported"] == ["none"]


@running
async def test_no_code_and_no_key_is_in_database_or_log(rig: Rig) -> None:
    """What was handed out is nowhere, percent-encoded or not."""
    person = add_person(rig, "ann@example.com", "admin")
    begun = await ask(rig)
    decide(rig, begun, person, "acme")
    tokens = (await poll(rig, begun["device_code"])).json()
    token = paste(rig, person, "acme")
    pasted = (await rig.http.get(f"/query/cliAuthToken/{token}")).json()
    secrets = [begun["device_code"], begun["user_code"], token, *keys(tokens), *keys({"workspaces": pasted})]
    dump = dumped(rig.store._database)
    assert "login on ann@laptop" in dump
    assert not [each for each in secrets if each in dump]
    assert not [
        each for each in secrets if each in json.dumps([repr(e) for e in rig.store.search_audit(Query(limit=100))])
    ]


def dumped(database: Database) -> str:
    """Return all that is in a database, as text."""
    with database.reading() as connection:
        raw: Any = connection.connection.driver_connection
        return "\n".join(raw.iterdump())
