"""When to stop asking an issuer that does not answer. Pure.

It is ours and not a library's (stamina, tenacity, purgatory, pybreaker): those wrap a call, and sleep or raise by
themselves. Here the decision is made under the core's lock, by the clock that was passed in, and is simulated with the
rest; an outage ends early when the feed is back.
"""

from typing import Final

__all__ = ["Breaker"]

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
