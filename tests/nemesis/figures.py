"""What came out of a run, as numbers and as a table."""

import statistics
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from tests.nemesis.oracle import History, late, violations

__all__ = ["Figures", "Quiet"]


@dataclass
class Quiet:
    """What was measured while nobody did any evil. Times in seconds.

    Attributes:
        validators: how many followed the feed.
        reads: round trips of ``GET /healthz``, writes: of ``POST /demo/api-keys`` (a durable write).
        revocations: times to acknowledge, each beside one of each of the others.
        hits: requests with a key that was known; introspections: questions to the issuer meanwhile.
        rounds: rounds of hits until the leases held throughout one.
    """

    validators: int = 0
    reads: list[float] = field(default_factory=list[float])
    writes: list[float] = field(default_factory=list[float])
    revocations: list[float] = field(default_factory=list[float])
    hits: int = 0
    introspections: int = 0
    rounds: int = 0


@dataclass
class Figures:
    """Everything about a run.

    Attributes:
        begun, ended: the time of the faults.
        workers: those that were there at the end.
        evils: how often each was done.
        hangs: what did not answer, on a connection that stood.
    """

    seed: int
    begun: float
    ended: float
    history: History
    quiet: Quiet
    workers: AbstractSet[int]
    evils: Mapping[str, int]
    hangs: Sequence[str]

    @property
    def storm(self) -> list[float]:
        """Times to acknowledge during the faults."""
        asked = self.history.asked
        acknowledged = self.history.acknowledged.items()
        return [at - asked[key] for key, at in acknowledged if self.begun <= asked[key] < self.ended]

    def table(self) -> str:
        """Return the figures for people."""
        history, quiet = self.history, self.quiet
        after = list(late(history))
        counts = {status: sum(one.status == status for one in history.seen) for status in (200, 401, 503)}
        confirmed = sum(receipt.confirmed for receipt in history.receipts)
        expired = sum(receipt.expired for receipt in history.receipts)
        rows: list[tuple[str, str]] = [
            ("seed, seconds of faults", f"{self.seed}, {self.ended - self.begun:.0f}"),
            ("requests (accepted / refused / 503)", f"{len(history.seen)} {tuple(counts.values())}"),
            ("revocations acknowledged", f"{len(history.acknowledged)} of {len(history.asked)}"),
            ("requests sent after an acknowledgement", f"{len(after)} ({history.untold} more had no idle connection)"),
            ("ACCEPTED AFTER ACKNOWLEDGED", f"{len(violations(history))}"),
            ("validators: confirmed / expired", f"{confirmed} / {expired}"),
            ("time to acknowledge with faults", _spread(self.storm)),
            (f"time to acknowledge without, {quiet.validators} validators", _spread(quiet.revocations)),
            ("round trip, GET /healthz", _spread(quiet.reads)),
            ("round trip, POST /demo/api-keys", _spread(quiet.writes)),
            (
                "p50 to acknowledge in round trips",
                f"{_ratio(quiet, quiet.reads)} GET, {_ratio(quiet, quiet.writes)} POST",
            ),
            (
                "calls to the issuer per 1,000 hits",
                f"{1000 * quiet.introspections / max(1, quiet.hits):g} ({quiet.hits} hits, round {quiet.rounds})",
            ),
            ("connections that hang", f"{len(self.hangs)}"),
            *((f"  {name}", f"{count}") for name, count in sorted(self.evils.items())),
        ]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows) + "\n"


def _ratio(quiet: Quiet, trips: list[float]) -> str:
    if not trips:
        return "-"
    return f"{statistics.median(quiet.revocations) / statistics.median(trips):.1f}"


def _spread(times: Sequence[float]) -> str:
    if not times:
        return "-"
    ordered = sorted(times)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000 for part in (0.5, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, most {ordered[-1] * 1000:.1f} ms (n={len(ordered)})"
