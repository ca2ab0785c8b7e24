"""Every way that the benchmark measures checks keys: nobody's shortcut is measured as speed.

Peers whose packages are for the benchmark alone are tried by the benchmark itself, over sockets.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import answers, traffic
from benchmarks.drive import finish
from benchmarks.servers import issuer_process
from benchmarks.subjects import BARE, STACKS, Subject, World, made, world

FOR_THE_BENCHMARK_ALONE = {"keyshield", "httpauth"}
HERE = [
    pytest.param(stack, subject, id=f"{stack}, {subject.name}")
    for stack, subjects in STACKS.items()
    for subject in subjects
    if subject.function not in FOR_THE_BENCHMARK_ALONE
]


@pytest.fixture(scope="module")
def given() -> Iterator[World]:
    """Return a world with an issuer behind a socket."""
    with issuer_process() as url, world(url) as found:
        yield found


async def status_of(stack: str, app: Any, place: str, key: bytes) -> int:
    """Return what an app answers to a request with this key in this place."""
    statuses: list[int] = []

    async def send(message: traffic.Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    def start(status: str, headers: Any, exc_info: Any = None, /) -> Any:
        statuses.append(int(status[:3]))
        return len

    if stack in {"WSGI", "Flask"}:
        await asyncio.to_thread(lambda: finish(app(traffic.environ(place, key), start)))
    else:
        await app(traffic.scope(place, key), traffic.receive, send)
    return statuses[0]


@pytest.mark.parametrize(("stack", "subject"), HERE)
def test_every_way_lets_the_good_key_in_and_refuses_others(stack: str, subject: Subject, given: World) -> None:
    """The good key is served, first and again; a bad one, one of another form and none at all are refused."""
    app = made(stack, subject, given)
    bad, other = answers.BAD_KEY.encode(), answers.NOT_A_KEY.encode()
    requests = [(subject.place, key) for key in (traffic.KEY, traffic.KEY, bad, other, traffic.KEY)]

    async def main() -> list[int]:
        got = [await status_of(stack, app, place, key) for place, key in [*requests, ("nowhere", b"")]]
        while given.closing:
            await given.closing.pop()()
        return got

    refused = 200 if subject.name == BARE else 401
    assert asyncio.run(main()) == [200, 200, refused, refused, 200, refused]


def test_what_is_missing_is_no_subject_of_ours() -> None:
    """Only ways of others are left to the benchmark's own environment."""
    left = [each for subjects in STACKS.values() for each in subjects if each.function in FOR_THE_BENCHMARK_ALONE]
    assert len(left) == 2
    assert not any(each.name.startswith(("rf_middleware", "floor", BARE)) for each in left)
