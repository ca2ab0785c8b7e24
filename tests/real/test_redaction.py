"""What real servers log of a request by themselves has no key in it once their logs are filtered."""

import httpx
import pytest

from tests.core.servers import until
from tests.real.started import started

KEY = "s3cr3t-k3y_OFsomebody"
SERVERS = {
    "uvicorn": "-m uvicorn --port 0 --log-level debug tests.real.redacted:asgi_app",
    "gunicorn": "-m gunicorn --bind 127.0.0.1:0 --log-level debug --access-logfile - tests.real.redacted:wsgi_app",
}


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_logs_no_key(name: str) -> None:
    """Neither its access log nor what it says of an app that fails: request line, headers, traceback."""
    server = started(name, SERVERS[name].split())

    def said() -> str:
        return "".join(list(server._lines))

    try:
        with httpx.Client(base_url=server.address(), timeout=30, headers={"Connection": "close"}) as http:
            for path, status in (("/fails", 500), ("/works", 200)):
                headers = {"X-API-Key": KEY, "Authorization": f"Bearer {KEY}", "Referer": f"http://x/?api_key={KEY}"}
                assert http.get(path, params={"api_key": KEY}, headers=headers).status_code == status
        until(lambda: "/works?api_key=[key]" in said())
        assert "RuntimeError: failed for" in said()
        assert KEY not in said()
    finally:
        server.end()
