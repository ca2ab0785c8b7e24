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
_CROWDED: Final = Refusal(Reason.ISSUER_UNAVAILABLE, "Too many requests wait for the issuer of API keys.")


class Gate:
    """What every question passes, and every answer. Used under the core's lock.

    An issuer that fails on keys that nobody knows may still know the others: strangers must not have it left alone
    for those. So there is a breaker for each of the two.
    """

    __slots__ = ("_budget", "_counts", "_for_known", "_for_unknown")

    def __init__(self, limits: Limits, counts: Counts) -> None:
        self._for_known, self._for_unknown = Breaker(), Breaker()
        self._budget = Budget(limits.unknown_key_rate, limits.unknown_key_burst)
        self._counts = counts

    def rests(self, now: float) -> bool:
        """Tell whether the issuer is left alone; false lets one question about a known key through."""
        return self._for_known.wait(now) > 0

    def refusal(self, now: float, payer: str | None) -> Refusal | None:
        """Return why the issuer is not asked, or ``None``: then it has to be.

        Args:
            now: on the package's clock.
            payer: the client that asks; ``None`` where the key was good before.
        """
        shortage = 0.0 if payer is None else self._budget.take(now, payer)
        if shortage > 0:
            self._counts.limited += 1
            return Refusal(Reason.TOO_MANY_UNKNOWN_KEYS, retry_after=shortage)
        rest = (self._for_known if payer is None else self._for_unknown).wait(now)
        if rest > 0:
            self._counts.resting += 1
            self._give_back(payer)
            return replace(UNAVAILABLE, retry_after=rest)
        return None

    def crowded(self) -> Refusal:
        """Note that a request is not asked about since too many wait, and return what it is told."""
        self._counts.crowded += 1
        return _CROWDED

    def answered(self, verdict: Verdict, now: float, payer: str | None) -> bool:
        """Note an answer; false when it is none."""
        if isinstance(verdict, Refusal) and verdict.reason is Reason.ISSUER_UNAVAILABLE:
            self._counts.unavailable += 1
            self._for_unknown.failed(now)
            if payer is None:
                self._for_known.failed(now)
            return False
        self.reopen()
        return True

    def ended(self, flight: Flight, verdict: Verdict | None) -> None:
        """Note what came of a question, and give back what it cost unless that was a denial."""
        denied = isinstance(verdict, Refusal) and verdict.reason is not Reason.ISSUER_UNAVAILABLE
        self._counts.denied += denied
        self._counts.granted += isinstance(verdict, Grant)
        if not denied:
            self._give_back(flight.payer)

    def reopen(self) -> None:
        """Ask again at once: the issuer is back."""
        self._for_known.succeeded()
        self._for_unknown.succeeded()

    def _give_back(self, payer: str | None) -> None:
        if payer is not None:
            self._budget.give_back(payer)
