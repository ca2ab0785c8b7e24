"""An issuer as fast as Python allows: a raw ASGI app (``uvicorn benchmarks.issuer_app:app``) beside ``answers.py``.

So what is measured of a miss, or of asking about each request, is not the work of the issuer. ``/calls`` tells how
often it was asked about a key.
"""

import asyncio
import json
from typing import Final
from urllib.parse import parse_qs

from benchmarks import answers
from benchmarks.traffic import Receive, Scope, Send

__all__ = ["app"]

_HELD: Final = 5.0
"""Seconds a poll is held; nothing ever happens."""


class _App:
    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            return
        body = json.dumps(await self._answer(scope["path"], await _body(receive))).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, path: str, body: bytes) -> object:
        match path:
            case "/introspect":
                self.calls += 1
                key = parse_qs(body.decode())["token"][0]
                await asyncio.sleep(answers.delay(key))
                return answers.introspected(key)
            case "/feed":
                epoch = json.loads(body)["epoch"]
                if epoch is not None:
                    await asyncio.sleep(_HELD)
                return answers.woken(epoch)
            case "/calls":
                return self.calls
            case _:
                return dict(answers.METADATA)


async def _body(receive: Receive) -> bytes:
    found = bytearray()
    while True:
        message = await receive()
        found += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(found)


app = _App()
