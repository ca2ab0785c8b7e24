"""When to stop asking an issuer that does not answer, and how many unknown keys to ask about. Pure."""

from typing import Final

__all__ = ["Breaker", "Budget"]

_FAILURES: Final = 5
_FIRST_REST: Final = 1.0
_LONGEST_REST: Final = 10.0


class Breaker:
    """Opens after 5 failures in a row; lets one probe through after 1 s, doubling up to 10 s.

    While it is open an issuer that is down costs a request nothing, and the issuer coming back is
    not met by everybody at once.
    """

    __slots__ = ("_failures", "_probe_at", "_probing", "_rest")

    def __init__(self) -> None:
        self._probe_at = 0.0
        self.succeeded()

    def wait(self, now: float) -> float:
        """Return 0.0 when the issuer may be asked, else the seconds to wait."""
        if self._failures < _FAILURES:
            return 0.0
        if now < self._probe_at:
            return self._probe_at - now
        self._probing = True
        self._probe_at = now + self._rest  # the next probe comes after another rest, whatever becomes of this one
        return 0.0

    def succeeded(self) -> None:
        """Note a definite answer, whatever it said."""
        self._failures = 0
        self._rest = _FIRST_REST
        self._probing = False

    def failed(self, now: float) -> None:
        """Note that the issuer could not be asked."""
        if self._failures < _FAILURES:
            self._failures += 1
            self._probe_at = now + self._rest
        elif self._probing:  # questions that were under way when it opened say nothing new
            self._probing = False
            self._rest = min(2 * self._rest, _LONGEST_REST)
            self._probe_at = now + self._rest


class Budget:
    """A token bucket for questions that end in a denial: junk keys must not become load on the issuer.

    Args:
        rate: tokens per second.
        burst: tokens at most.
    """

    __slots__ = ("_burst", "_level", "_rate", "_since")

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._level = self._burst
        self._since: float | None = None

    def take(self, now: float) -> float:
        """Take a token and return 0.0, or return the seconds until there is one."""
        if self._since is not None:
            self._level = min(self._burst, self._level + (now - self._since) * self._rate)
        self._since = now
        if self._level >= 1.0:
            self._level -= 1.0
            return 0.0
        return (1.0 - self._level) / self._rate

    def give_back(self) -> None:
        """Return a token: the question did not end in a denial."""
        self._level = min(self._burst, self._level + 1.0)
