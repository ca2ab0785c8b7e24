"""A validator that has done a bit of everything."""

from collections.abc import Generator
from contextlib import contextmanager, suppress

from rf_middleware import Denied, Grant, IssuerUnavailable, Validator
from rf_middleware._flight import Answer
from tests.core.helpers import GRANT, INVALID, UNAVAILABLE

KEYS = ["rfk_canary-good", "rfk_canary-bad", "rfk_canary-down", "rfk_canary-again"]


class Named:
    """An issuer with a name of its own, so that no other test's validator is added to it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Named({self.name})"

    def check(self, key: str, timeout: float) -> Answer:
        """Grant the good one; of the others one is bad and one can't be asked about."""
        if key.endswith("good"):
            return Answer(Grant(GRANT.workspace))
        return Answer(UNAVAILABLE if key.endswith("down") else INVALID)

    async def acheck(self, key: str, timeout: float) -> Answer:
        """Do the same."""
        return self.check(key, timeout)


@contextmanager
def busy(name: str) -> Generator[Validator]:
    """Yield a validator that has granted one, denied one, failed one and limited one."""
    with Validator(Named(name), unknown_key_rate=0.001, unknown_key_burst=1) as validator:
        for key in KEYS:
            with suppress(Denied, IssuerUnavailable):
                validator.check(key)
        yield validator
