"""Which validators there are and how the last changes reached them: the data of a page.

It tells of every workspace at once, so it is for those who run the issuer: whoever shows it says who that is.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

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
    """

    def __init__(self, store: Store, revocations: Revocations) -> None:
        self._store, self._revocations = store, revocations

    async def state(self, newest: int = _NEWEST) -> dict[str, object]:
        """Return what ``overview`` makes of how things stand now."""
        held = await self._revocations.read(self._store.newest_held, newest)
        tokens = await self._revocations.read(self._store.list_tokens)
        return overview(self._revocations.seen(), self._revocations.head, tokens, held)


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
