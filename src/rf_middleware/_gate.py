"""Whether the issuer may be asked now: not while it is left alone, and not about more junk than allowed. Pure."""

from dataclasses import replace
from typing import Final

from rf_middleware._breaker import Breaker
from rf_middleware._budget import Budget
from rf_middleware._counts import Counts
from rf_middleware._flight import Flight
from rf_middleware._limits import Limits
from rf_middleware._models import Grant, Reason, Refusal, Verdict

__all__ = ["UNAVAILABLE", "Gate"]

UNAVAILABLE: Final = Refusal(Reason.ISSUER_UNAVAILABLE)


class Gate:
    """What every question passes, and every answer. Used under the core's lock."""

    __slots__ = ("_breaker", "_budget", "_counts")

    def __init__(self, limits: Limits, counts: Counts) -> None:
        self._breaker = Breaker()
        self._budget = Budget(limits.unknown_key_rate, limits.unknown_key_burst)
        self._counts = counts

    def rests(self, now: float) -> bool:
        """Tell whether the issuer is left alone; false lets one question through."""
        return self._breaker.wait(now) > 0

    def refusal(self, now: float, payer: str | None) -> Refusal | None:
        """Return why the issuer is not asked, or ``None``: then it has to be.

        Args:
            now: on the package's clock.
            payer: the client that asks; ``None`` where the key was good before.
        """
        rest = self._breaker.wait(now)
        if rest > 0:
            self._counts.resting += 1
            return replace(UNAVAILABLE, retry_after=rest)
        shortage = 0.0 if payer is None else self._budget.take(now, payer)
        if shortage > 0:
            self._counts.limited += 1
            return Refusal(Reason.TOO_MANY_UNKNOWN_KEYS, retry_after=shortage)
        return None

    def answered(self, verdict: Verdict, now: float) -> bool:
        """Note an answer; false when it is none."""
        if isinstance(verdict, Refusal) and verdict.reason is Reason.ISSUER_UNAVAILABLE:
            self._counts.unavailable += 1
            self._breaker.failed(now)
            return False
        self._breaker.succeeded()
        return True

    def ended(self, flight: Flight, verdict: Verdict | None) -> None:
        """Note what came of a question, and give back what it cost unless that was a denial."""
        denied = isinstance(verdict, Refusal) and verdict.reason is not Reason.ISSUER_UNAVAILABLE
        self._counts.denied += denied
        self._counts.granted += isinstance(verdict, Grant)
        if flight.payer is not None and not denied:
            self._budget.give_back(flight.payer)

    def reopen(self) -> None:
        """Ask again at once: the issuer is back."""
        self._breaker.succeeded()
