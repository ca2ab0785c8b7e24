"""Many questions at once on one event loop."""

import asyncio

import httpx

from rf_middleware.issuers._http import Call, Failure, Http, Received
from tests.core.helpers import KEY

LATE = 60.0


def test_a_crowd_of_questions_is_asked_in_order_and_all_of_it() -> None:
    """Of a thousand questions at once a bounded number is under way, the others follow, and none is lost."""
    under_way = most = answered = 0
    full = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most, answered
        under_way += 1
        most = max(most, under_way)
        if under_way == 256:
            full.set()
        await full.wait()
        under_way -= 1
        answered += 1
        return httpx.Response(200, stream=httpx.ByteStream(request.content))

    async def main() -> list[Received | Failure]:
        http = Http("http://issuer", httpx.MockTransport(answer))
        call = Call("POST", "/introspect", form={"token": KEY})
        try:
            return await asyncio.gather(*(http.asend(call, LATE) for _ in range(1000)))
        finally:
            await http.aclose()

    got = asyncio.run(main())
    assert {type(each) for each in got} == {Received}
    assert (most, answered, under_way) == (256, 1000, 0)
