"""``POST /introspect`` (RFC 7662) and ``POST /revoke`` (RFC 7009)."""

import asyncio
from pathlib import Path

import pytest

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.changes import revoke
from rf_middleware.issuer.keys import KEY_PREFIX, TOKEN_PREFIX, mint
from tests.issuer.rig import BY, Rig, in_loop, opened, running


@running
async def test_a_good_key_is_described_exactly(rig: Rig) -> None:
    """A validator learns workspace, key id, scopes and where the history stood, and nothing else."""
    found = await rig.introspect(rig.key)
    assert len(found.pop("workspace_id")) == 16
    assert len(found.pop("epoch")) == 36
    assert found == {
        "active": True,
        "workspace": "acme",
        "workspace_name": "Acme & Sons",
        "key_id": rig.key_id,
        "scope": "*",
        "publishable": False,
        "head": 0,
    }


@running
async def test_scopes_are_separated_by_blanks(rig: Rig) -> None:
    """A key without scopes has an empty text, not a star."""
    scoped, _ = await rig.new_key(["b:c", "a:b"])
    bare, _ = await rig.new_key([])
    assert (await rig.introspect(scoped))["scope"] == "a:b b:c"
    assert (await rig.introspect(bare))["scope"] == ""


@running
async def test_a_bad_key_is_inactive_and_nothing_more_is_said(rig: Rig) -> None:
    """Unknown, malformed and revoked keys, and validator tokens, have one answer."""
    dead, key_id = await rig.new_key()
    await rig.call("DELETE", f"/acme/api-keys/{key_id}")
    for key in (dead, mint(KEY_PREFIX), "rfk_x", "ä", "a b", "x" * 600, rig.token, "rf_nobody"):
        found = await rig.introspect(key)
        assert found.pop("epoch")
        assert found == {"active": False, "head": 1}


@running
async def test_a_publishable_key_says_so(rig: Rig) -> None:
    """It is marked, and may do inference alone."""
    workspace = (await rig.introspect(rig.key))["workspace_id"]
    found = await rig.introspect(f"rf_{workspace}")
    assert (found["publishable"], found["scope"], found["key_id"]) == (True, "model:infer", "publishable")


@running
async def test_only_validators_may_ask(rig: Rig) -> None:
    """Without a good validator token there is a challenge and no answer."""
    for headers in ({}, {"Authorization": "Basic eA=="}, {"Authorization": "Bearer "}):
        answer = await rig.http.post("/introspect", data={"token": rig.key}, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="rf-middleware"')
    for token in (rig.key, mint(TOKEN_PREFIX), "rfv_junk"):
        answer = await rig.call("POST", "/introspect", token, data={"token": rig.key})
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("path", ["/introspect", "/revoke"])
def test_a_bad_form_is_an_invalid_request(path: str, tmp_path: Path) -> None:
    """A form has exactly one token."""
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}

    async def main() -> None:
        async with opened(tmp_path / "issuer.db") as rig:
            form["Authorization"] = f"Bearer {rig.token}"
            for content in (b"", b"token=", b"token=a&token=b", b"key=a", b"\xff", b"a&" * 20):
                answer = await rig.http.post(path, content=content, headers=form)
                assert answer.status_code == 400, content
                assert answer.json()["error"] == "invalid_request"
            answer = await rig.call("POST", path, rig.token, json={"token": rig.key})
            assert answer.json()["error"] == "invalid_request"

    asyncio.run(main())


@in_loop
async def test_the_history_is_read_before_the_key(tmp_path: Path) -> None:
    """A revocation committed between the two reads shows in the key, so no answer is newer than its head says."""
    async with opened(tmp_path / "issuer.db") as rig:
        secret, key_id = await rig.new_key()
        before = rig.store.look_up(fingerprint(secret.encode()))
        await rig.revocations.apply(revoke(key_id), BY)
        after = rig.store.look_up(fingerprint(secret.encode()))
        assert before.key is not None
        assert after.key is not None
        assert (before.head, before.key.status, after.head, after.key.status) == (0, "active", 1, "revoked")


@running
async def test_whoever_holds_a_key_may_end_it(rig: Rig) -> None:
    """RFC 7009 needs no other authentication; the answer is the receipt, for repeats too."""
    secret, key_id = await rig.new_key()
    answer = await rig.http.post("/revoke", data={"token": secret, "token_type_hint": "access_token"})
    assert answer.json()["keyId"] == key_id
    assert (await rig.introspect(secret))["active"] is False
    assert (await rig.http.post("/revoke", data={"token": secret})).json() == answer.json()


@running
async def test_a_publishable_key_can_not_be_revoked(rig: Rig) -> None:
    """It is not secret, so holding it is no authority."""
    workspace = (await rig.introspect(rig.key))["workspace_id"]
    answer = await rig.http.post("/revoke", data={"token": f"rf_{workspace}"})
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_token_type")


@running
async def test_guessing_is_slowed_and_good_keys_are_not(rig: Rig) -> None:
    """Unknown tokens are answered 200 for a while, then 429; a known one is always heard."""
    secret, _ = await rig.new_key()
    answers = [await rig.http.post("/revoke", data={"token": f"guess-{n}"}) for n in range(70)]
    assert (answers[0].status_code, answers[0].json()) == (200, {})
    assert (answers[-1].status_code, answers[-1].headers["retry-after"]) == (429, "1")
    assert (await rig.http.post("/revoke", data={"token": secret})).json()["revoked"] is True


@in_loop
async def test_an_issuer_that_shuts_down_does_not_say_that_a_key_is_ended(tmp_path: Path) -> None:
    """Those who wait for a revocation are told to ask again, and it goes on in the next life."""
    async with opened(tmp_path / "issuer.db", lease=30.0) as rig:
        await rig.poll()
        secret, key_id = await rig.new_key()
        deleted = asyncio.create_task(rig.call("DELETE", f"/acme/api-keys/{key_id}"))
        while (await rig.introspect(secret))["active"]:
            pass
        revoked = asyncio.create_task(rig.http.post("/revoke", data={"token": secret}))
        await rig.call("GET", "/healthz")
        rig.revocations.stop()
        answer = await deleted
        assert (answer.status_code, answer.json()) == (202, {"receipt": "/revocations/1"})
        assert (await revoked).status_code == 503
        late, late_id = await rig.new_key()
        assert (await rig.call("DELETE", f"/acme/api-keys/{late_id}")).status_code == 202
        assert (await rig.introspect(late))["active"] is False
