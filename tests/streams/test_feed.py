"""What the revocation feed says about keys, workspaces and resets reaches the streams that are open on a loop."""

import asyncio
from typing import Any

import pytest

from rf_middleware import Validator
from rf_middleware._fingerprint import fingerprint
from rf_middleware._wire import Event
from rf_middleware.asgi import APIKeyMiddleware
from tests.core.helpers import UNAVAILABLE
from tests.core.scripted import reply
from tests.core.servers import until
from tests.streams.opened import KEY, OTHER, Open, PerKey, Receive, Send, fed, issuer_of_two, open_streams, talking

DIGEST = fingerprint(KEY.encode())


async def opened(validator: Validator, app: Any = talking) -> list[Open]:
    """Open a WebSocket with each of the two keys, and a second one with the first."""
    connections = [Open(APIKeyMiddleware(app, validator=validator), key) for key in (KEY, KEY, OTHER)]
    for connection in connections:
        await connection.reached(1)
    return connections


async def left(connections: list[Open]) -> list[list[int]]:
    """Let the clients of those that are still open hang up; return how each WebSocket was closed."""
    for connection in connections:
        connection.put({"type": "websocket.disconnect", "code": 1000})
        await connection.ended()
    return [connection.codes for connection in connections]


@pytest.mark.parametrize(
    "event",
    [
        Event(1, "revoked", fingerprint=DIGEST),
        Event(1, "updated", fingerprint=DIGEST),
        Event(1, "suspended", workspace="acme"),
    ],
    ids=lambda event: event.change,
)
def test_an_event_ends_all_streams_it_names(event: Event) -> None:
    """All WebSockets of the key, or of the workspace, are closed when the event is acknowledged; others are not."""

    async def serve(validator: Validator, issuer: PerKey) -> list[list[int]]:
        connections = await opened(validator)
        issuer.ended.add(KEY)
        issuer.head = 1
        issuer.steps.put(reply(event, head=1))
        await asyncio.to_thread(issuer.reached, 1)
        assert issuer.polls[-1].ack == 1
        assert [connection.codes for connection in connections] == [[1008], [1008], []]
        return await left(connections)

    with fed() as (validator, issuer):
        assert asyncio.run(serve(validator, issuer)) == [[1008], [1008], []]
        assert open_streams(validator) == []


def test_the_acknowledgement_waits_for_the_apps_to_end() -> None:
    """The poll that acknowledges is not sent while an app still clears up after its cancellation."""

    async def serve(validator: Validator, issuer: PerKey) -> None:
        told, may_go = asyncio.Event(), asyncio.Event()

        async def tidy(scope: Any, receive: Receive, send: Send) -> None:
            await send({"type": "websocket.accept"})
            try:
                await asyncio.Event().wait()
            finally:
                told.set()
                await may_go.wait()

        connection = Open(APIKeyMiddleware(tidy, validator=validator))
        await connection.reached(1)
        polls = len(issuer.polls)
        issuer.ended.add(KEY)
        issuer.steps.put(reply(Event(1, "revoked", fingerprint=DIGEST), head=1))
        await asyncio.wait_for(told.wait(), 60)
        assert len(issuer.polls) == polls
        may_go.set()
        await connection.ended()
        await asyncio.to_thread(issuer.reached, 1)
        assert issuer.polls[-1].ack == 1
        assert connection.codes == [1008]

    with fed() as (validator, issuer):
        asyncio.run(serve(validator, issuer))


@pytest.mark.parametrize("change", ["enabled", "updated"])
def test_a_change_that_leaves_a_key_good_ends_nothing(change: str) -> None:
    """Good news, a later end, other scopes that are enough: none of them closes a WebSocket."""

    async def serve(validator: Validator, issuer: PerKey) -> list[list[int]]:
        connections = await opened(validator)
        issuer.head = 1
        issuer.steps.put(reply(Event(1, change, fingerprint=DIGEST), head=1))
        await asyncio.to_thread(issuer.reached, 1)
        return await left(connections)

    with fed() as (validator, issuer):
        assert asyncio.run(serve(validator, issuer)) == [[], [], []]


def test_a_key_that_may_do_less_loses_the_streams_that_need_more() -> None:
    """A stream whose route needs a scope that the key has lost is closed for that; one that needs none goes on."""

    async def serve(validator: Validator, issuer: PerKey) -> None:
        needing = Open(APIKeyMiddleware(talking, validator=validator, scopes=["model:infer"]))
        content = Open(APIKeyMiddleware(talking, validator=validator))
        for connection in (needing, content):
            await connection.reached(1)
        issuer.scopes, issuer.head = frozenset({"model:other"}), 1
        issuer.steps.put(reply(Event(1, "updated", fingerprint=DIGEST), head=1))
        await asyncio.to_thread(issuer.reached, 1)
        assert (needing.codes, content.codes) == ([1008], [])
        assert needing.sent[-1]["reason"] == "forbidden"
        await left([content])

    with fed() as (validator, issuer):
        asyncio.run(serve(validator, issuer))


def test_a_key_that_changed_and_then_ended_ends_its_streams_once() -> None:
    """Both in one answer of the feed: the app is cancelled once and clears up, nobody is asked, the code is 1008."""

    async def serve(validator: Validator, issuer: PerKey) -> list[str]:
        done: list[str] = []

        async def tidy(scope: Any, receive: Receive, send: Send) -> None:
            await send({"type": "websocket.accept"})
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                done.append("tidied up")

        connection = Open(APIKeyMiddleware(tidy, validator=validator))
        await connection.reached(1)
        asked = len(issuer.log)
        events = [Event(1, "updated", fingerprint=DIGEST), Event(2, "revoked", fingerprint=DIGEST)]
        issuer.steps.put(reply(*events, head=2))
        await connection.ended()
        await asyncio.to_thread(issuer.reached, 1)
        assert ("check", KEY) not in issuer.log[asked:]
        assert (connection.codes, connection.task.cancelling()) == ([1008], 0)
        return done

    with fed() as (validator, issuer):
        assert asyncio.run(serve(validator, issuer)) == ["tidied up"]


def test_a_stream_is_ended_once() -> None:
    """What is ended twice is cancelled once, for the first reason."""
    issuer = issuer_of_two()
    validator = Validator(issuer)

    async def serve() -> list[int]:
        connection = Open(APIKeyMiddleware(talking, validator=validator))
        await connection.reached(1)
        (stream,) = open_streams(validator)
        stream.end()
        stream.end(UNAVAILABLE)
        await connection.ended()
        return connection.codes

    assert asyncio.run(serve()) == [1008]


def test_a_reset_ends_those_that_are_refused_now() -> None:
    """After a reset each open stream's key is asked about again: those refused close, the good ones go on."""

    async def serve(validator: Validator, issuer: PerKey) -> list[list[int]]:
        connections = await opened(validator)
        issuer.ended.add(KEY)
        asked = len(issuer.log)
        issuer.steps.put(reply(reset=True))
        for connection in connections[:2]:
            await connection.ended()
        await asyncio.to_thread(until, lambda: ("check", OTHER) in issuer.log[asked:])
        assert ("check", KEY) in issuer.log[asked:]
        connections[2].put({"type": "websocket.receive", "text": "still there"})
        await connections[2].reached(2)
        return await left(connections)

    with fed() as (validator, issuer):
        assert asyncio.run(serve(validator, issuer)) == [[1008], [1008], []]


def test_forgetting_a_key_ends_its_streams() -> None:
    """Who tells this process to forget a key closes its WebSockets, from any thread."""

    async def serve(validator: Validator, issuer: PerKey) -> list[list[int]]:
        connections = await opened(validator)
        await asyncio.to_thread(validator.forget, KEY)
        for connection in connections[:2]:
            await connection.ended()
        return await left(connections)

    with fed() as (validator, issuer):
        assert asyncio.run(serve(validator, issuer)) == [[1008], [1008], []]
