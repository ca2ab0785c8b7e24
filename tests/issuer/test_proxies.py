"""Where a request came from, when it came through proxies."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from rf_middleware.issuer.app import build_app
from rf_middleware.issuer.audit import Query
from tests.issuer.rig import in_loop, opened


@pytest.mark.parametrize(
    ("proxies", "said", "found"),
    [
        (0, ["203.0.113.7"], "127.0.0.1"),
        (1, [], "127.0.0.1"),
        (1, ["203.0.113.7"], "203.0.113.7"),
        (1, ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        (1, ["198.51.100.1", "2001:db8::7"], "2001:db8::7"),
        (2, ["198.51.100.1, 203.0.113.7,10.0.0.1"], "203.0.113.7"),
        (2, ["203.0.113.7"], "127.0.0.1"),
        (1, ["203.0.113.7, unknown"], "127.0.0.1"),
        (1, ["203.0.113.7, "], "127.0.0.1"),
    ],
)
@in_loop
async def test_only_what_the_proxies_added_counts(proxies: int, said: list[str], found: str, tmp_path: Path) -> None:
    """The entry of the outermost proxy is the client; what stands before it, and what is no address, is not."""
    async with opened(tmp_path / "issuer.db") as rig:
        app = build_app(replace(rig.parts, trusted_proxies=proxies))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://issuer.test:8080") as http:
            headers = [("X-Forwarded-For", each) for each in said]
            form = {"client_id": "a-client"}
            assert (await http.post("/device_authorization", data=form, headers=headers)).status_code == 200
        (row,) = rig.store.search_audit(Query(action="login.ask"))
        assert row.by.address == found
