"""``POST /feed`` and ``DELETE /feed/{session}``."""

import asyncio
from pathlib import Path

from rf_middleware._wire import Reply
from rf_middleware.issuer.changes import edit
from tests.issuer.rig import BY, SESSION, Rig, in_loop, opened, running, until


@running
async def test_the_first_poll_is_a_reset_with_a_lease(rig: Rig) -> None:
    """What the shared reader of messages makes of the answer is what the issuer meant."""
    answer = await rig.poll()
    reply = Reply.parse(answer.json())
    assert (reply.reset, reply.head, reply.events, reply.lease) == (True, 0, (), 0.3)
    assert answer.headers["cache-control"] == "no-store"


@running
async def test_a_parked_poll_is_answered_in_time(rig: Rig) -> None:
    """A poll with nothing to tell comes back empty after at most a third of the lease."""
    epoch = (await rig.poll()).json()["epoch"]
    reply = Reply.parse((await rig.poll(0, epoch, wait=60.0)).json())
    assert (reply.reset, reply.events) == (False, ())


@running
async def test_bad_polls_are_named(rig: Rig) -> None:
    """A message that is not exactly one is a 400 that says what is wrong, and costs no session."""
    good = {"session": SESSION, "epoch": None, "ack": 0, "wait": 0}
    for wrong, named in (({"ack": -1}, "ack"), ({"session": "x"}, "session"), ({"wait": "1"}, "wait")):
        answer = await rig.call("POST", "/feed", rig.token, json={**good, **wrong})
        assert answer.status_code == 400
        assert named in answer.json()["error"]
    for content in (b"", b"{", b"\xff", b"[" * 50_000, b'{"ack": ' + b"9" * 5000 + b"}"):
        answer = await rig.call("POST", "/feed", rig.token, content=content)
        assert (answer.status_code, answer.json()["error"]) == (400, "feed: the body is not JSON")
    assert (await rig.call("POST", "/feed", rig.token, content=b" " * 70_000)).status_code == 413


@running
async def test_the_feed_is_for_validators(rig: Rig) -> None:
    """A key is no validator token, on both routes."""
    assert (await rig.call("POST", "/feed", json={})).status_code == 401
    assert (await rig.call("DELETE", f"/feed/{SESSION}")).status_code == 401


@in_loop
async def test_a_lease_that_is_given_back_is_not_waited_for(tmp_path: Path) -> None:
    """A validator that shut down cleanly delays no revocation, and may say so twice."""
    async with opened(tmp_path / "issuer.db", lease=60.0) as rig:
        await rig.poll()
        for _ in range(2):
            answer = await rig.call("DELETE", f"/feed/{SESSION}", rig.token)
            assert (answer.status_code, answer.json()) == (200, {"released": True})
        deleted = await rig.call("DELETE", f"/acme/api-keys/{(await rig.new_key())[1]}")
        assert deleted.json()["validators"] == {"confirmed": 0, "expired": 0}


@in_loop
async def test_a_poll_that_is_cancelled_is_unparked(tmp_path: Path) -> None:
    """A handler that is cancelled leaves nothing behind."""
    async with opened(tmp_path / "issuer.db", lease=60.0) as rig:
        epoch = (await rig.poll()).json()["epoch"]
        parked = asyncio.create_task(rig.poll(0, epoch, wait=20.0))
        await until(lambda: rig.revocations._leases._parked)
        parked.cancel()
        await asyncio.wait([parked])
        assert rig.revocations._leases._parked == {}
        assert rig.revocations._polls._waiting == {}


@in_loop
async def test_a_closing_issuer_answers_and_grants_nothing_more(tmp_path: Path) -> None:
    """Parked polls are answered at once, later ones are told to come back."""
    async with opened(tmp_path / "issuer.db", lease=60.0) as rig:
        epoch = (await rig.poll()).json()["epoch"]
        parked = asyncio.create_task(rig.poll(0, epoch, wait=20.0))
        await until(lambda: rig.revocations._leases._parked)
        rig.revocations.stop()
        rig.revocations.stop()
        assert (await parked).json()["events"] == []
        late = await rig.poll(0, epoch)
        assert (late.status_code, late.headers["retry-after"]) == (503, "1")
        ready = await rig.http.get("/readyz")
        assert ready.status_code == 503


@running
async def test_sessions_of_one_token_are_limited(rig: Rig) -> None:
    """One token can't fill the issuer's memory."""
    rig.revocations._leases._limit = 1
    assert (await rig.poll()).status_code == 200
    answer = await rig.poll(session="another-session")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


@in_loop
async def test_all_who_wait_hear_of_an_event_and_each_other_poll_of_what_it_lacks(tmp_path: Path) -> None:
    """One answer goes to those who were parked; who comes later gets its own, and a newcomer a reset."""
    async with opened(tmp_path / "issuer.db", lease=60.0) as rig:
        [epoch] = {(await rig.poll(session=f"validator-{n}")).json()["epoch"] for n in range(3)}
        parked = [asyncio.create_task(rig.poll(0, epoch, wait=20.0, session=f"validator-{n}")) for n in range(2)]
        await until(lambda: len(rig.revocations._leases._parked) == 2)
        await rig.revocations.apply(edit(rig.key_id, {"status": "disabled"}), BY)
        told = [Reply.parse((await each).json()) for each in parked]
        assert told[0] == told[1]
        assert ([event.seq for event in told[0].events], told[0].head, told[0].reset) == ([1], 1, False)
        assert Reply.parse((await rig.poll(0, epoch, session="validator-2")).json()) == told[0]
        late = Reply.parse((await rig.poll(1, epoch, session="validator-0")).json())
        assert (late.events, late.head, late.reset) == ((), 1, False)
        new = Reply.parse((await rig.poll(1, epoch, session="validator-3")).json())
        assert (new.events, new.head, new.reset) == ((), 1, True)
