"""What the issuer counts for those who run it. No key, e-mail address, workspace or validator is in any label.

Each server has a registry of its own: nothing is shared with whatever else counts in this process.
"""

from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from rf_middleware._wire import CHANGES, Event
from rf_middleware.issuer.decisions import Acknowledged, Counts

__all__ = ["Metrics"]

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 11.0, 15.0, 30.0, 60.0, 300.0, 3600.0)
"""From a round trip to the longest lease; 11 is just above the lease of ten seconds that is the default."""


class Metrics:
    """Counters and gauges. Used on one event loop."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._revocations = Counter(
            "rf_issuer_revocations", "Changes that were published, by what they did", ["change"], registry=registry
        )
        self._acknowledged = Histogram(
            "rf_issuer_acknowledge_seconds",
            "From the question for a change until it held everywhere",
            buckets=_SECONDS,
            registry=registry,
        )
        self._introspections = Counter(
            "rf_issuer_introspections", "Answers about keys, by what they said", ["outcome"], registry=registry
        )
        self._sign_ins = Counter("rf_issuer_sign_ins", "People who signed in, or tried", ["outcome"], registry=registry)
        for change in sorted(CHANGES):  # shown as 0 before the first
            self._revocations.labels(change)
        for outcome in ("active", "inactive"):
            self._introspections.labels(outcome)
        for outcome in ("ok", "failed"):
            self._sign_ins.labels(outcome)
        self._leases = Gauge("rf_issuer_leases", "Leases that are held", registry=registry)
        self._parked = Gauge("rf_issuer_parked_polls", "Polls that wait for an answer", registry=registry)
        self._pending = Gauge("rf_issuer_pending_revocations", "Changes not acknowledged yet", registry=registry)
        self._read_only = Gauge(
            "rf_issuer_read_only", "1 while the database can't be written: a full disk, a lock", registry=registry
        )
        self._lost = Gauge(
            "rf_issuer_lost_changes",
            "Changes that validators know of and the database does not: an older copy was put back",
            registry=registry,
        )
        self._head = Gauge("rf_issuer_feed_head", "The number of the newest event", registry=registry)
        self._audit = Gauge("rf_issuer_audit_head", "The number of the newest row of the audit log", registry=registry)

    def lost(self, events: int) -> None:
        """Note that the database lacks changes that validators know of."""
        self._lost.set(events)

    def published(self, events: Sequence[Event]) -> None:
        """Count changes that validators are being told of."""
        for event in events:
            self._revocations.labels(event.change).inc()

    def acknowledged(self, done: Acknowledged) -> None:
        """Note how long changes took to hold everywhere."""
        for _ in (*done.also, done.seq):
            self._acknowledged.observe(done.took)

    def introspected(self, *, active: bool) -> None:
        """Count an answer about a key."""
        self._introspections.labels("active" if active else "inactive").inc()

    def signed_in(self, outcome: str) -> None:
        """Count a person who signed in (``ok``) or tried (``failed``); never what they typed."""
        self._sign_ins.labels(outcome).inc()

    def text(self, counts: Counts, head: int, audit_head: int, *, read_only: bool = False) -> bytes:
        """Return everything in Prometheus's text format, with how things stand now."""
        self._read_only.set(read_only)
        self._leases.set(counts.leases)
        self._parked.set(counts.parked)
        self._pending.set(counts.pending)
        self._head.set(head)
        self._audit.set(audit_head)
        return generate_latest(self._registry)
