"""The provider of ``idp.py`` as a process on loopback: ``python -m tests.issuer.idp_process CLIENT_ID``.

It prints its address. Its page has one button, by which Ada signs in; a real browser can press it.
"""

import html
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.issuer.idp import Idp
from tests.issuer.rig import Turned

__all__ = ["SECRET", "provider"]

SECRET = "a secret: of+two/words"


@contextmanager
def provider(client_id: str) -> Generator[str]:
    """Run a provider that knows this client; yield its address."""
    command = [sys.executable, "-m", "tests.issuer.idp_process", client_id]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _app(idp: Idp) -> Starlette:
    async def page(request: Request) -> Response:
        button = (
            f'<form method="post" action="/authorize?{html.escape(request.url.query)}"><button>I am Ada</button></form>'
        )
        return HTMLResponse(f"<!doctype html><title>Provider</title>{button}")

    async def press(request: Request) -> Response:
        query = idp.sign_in(f"{idp.issuer}/authorize?{request.url.query}")
        back = dict(parse_qsl(request.url.query))["redirect_uri"]
        return RedirectResponse(f"{back}?{urlencode(query)}", 303)

    async def answer(request: Request) -> Response:
        idp.clock.time = time.time()
        url = f"{idp.issuer}{request.url.path}"
        asked = httpx.Request(request.method, url, headers=request.headers.raw, content=await request.body())
        said = await idp.client().send(asked)
        # As a load balancer does; it must not come back.
        return Response(said.content, said.status_code, {"set-cookie": "seen=1"}, "application/json")

    return Starlette(
        routes=[
            Route("/authorize", page, methods=["GET"]),
            Route("/authorize", press, methods=["POST"]),
            Route("/.well-known/openid-configuration", answer, methods=["GET"]),
            Route("/keys", answer, methods=["GET"]),
            Route("/token", answer, methods=["POST"]),
        ]
    )


def _main(client_id: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        # Another name than that of the issuer: for a browser it is another site.
        address = f"http://localhost:{listener.getsockname()[1]}"
        idp = Idp(Turned(), issuer=address, client_id=client_id, secret=SECRET)
        listener.listen()
        print(address, flush=True)  # noqa: T201 - what this process is asked for
        uvicorn.Server(uvicorn.Config(_app(idp), log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    _main(sys.argv[1])
