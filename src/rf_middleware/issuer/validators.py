"""Which validators there are and how the last changes reached them: the data of a page, and the same as JSON.

It tells of every workspace at once, so it is for those who run the issuer: whoever puts it on a path says who that is.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse

from rf_middleware.issuer.answers import answer
from rf_middleware.issuer.decisions import Seen
from rf_middleware.issuer.receipts import SHOWN
from rf_middleware.issuer.records import Held, Token
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.store import Store

__all__ = ["ValidatorsState", "overview"]

_NEWEST: Final = 50


class ValidatorsState:
    """The state of the validators.

    Args:
        store: the database.
        revocations: the running feed.
        guard: is called first, and raises for whoever may not see this.
    """

    def __init__(self, store: Store, revocations: Revocations, guard: Callable[[Request], Awaitable[object]]) -> None:
        self._store, self._revocations, self._guard = store, revocations, guard

    async def state(self, newest: int = _NEWEST) -> dict[str, object]:
        """Return what ``overview`` makes of how things stand now."""
        held = await self._revocations.read(self._store.newest_held, newest)
        tokens = await self._revocations.read(self._store.list_tokens)
        return overview(self._revocations.seen(), self._revocations.head, tokens, held)

    async def show(self, request: Request) -> JSONResponse:
        """Answer with the state as JSON."""
        await self._guard(request)
        return answer(await self.state())


def overview(seen: Sequence[Seen], head: int, tokens: Sequence[Token], held: Sequence[Held]) -> dict[str, object]:
    """Return the validators by token and name, and the newest changes that hold everywhere. Pure."""
    names = {token.id: token.name for token in tokens}
    validators: list[dict[str, object]] = [
        {
            "session": each.session[:SHOWN],
            "name": each.name,
            "token": names.get(each.owner, ""),
            "version": each.version,
            "lease_left": round(each.lease, 1) if each.lease else None,
            "applied": each.applied,
            "behind": head - each.applied,
            "heard_ago": round(each.heard, 1),
        }
        for each in sorted(seen, key=lambda each: (names.get(each.owner, ""), each.name, each.session))
    ]
    return {"head": head, "validators": validators, "acknowledged": [asdict(each) for each in held]}
