"""What is measured of the validators of this process, in the words of no monitoring system. No key is in any label.

Counters only grow, gauges say how things stand. Validators whose issuers are called the same are added up; of their
leases the shortest is shown.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rf_middleware.validator import Validator, validators

__all__ = ["INSTRUMENTS", "Instrument", "Measured"]

Labels = tuple[tuple[str, str], ...]
Measured = dict[Labels, float]
"""Values by labels: the issuer, and for some instruments one more."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One of the things measured.

    Attributes:
        name: without the unit that a monitoring system adds.
        label: of what ``read`` tells apart; empty where that is one value.
        read: the values of one validator, by ``label``.
        together: makes one value of those of two validators.
    """

    name: str
    kind: Literal["counter", "gauge"]
    text: str
    label: str
    read: Callable[[Validator], dict[str, float]]
    together: Callable[[float, float], float] = operator.add

    def measure(self) -> Measured:
        """Read all validators of this process."""
        found: Measured = {}
        for validator in validators():
            for value, number in self.read(validator).items():
                labels = (("issuer", _called(validator.issuer)), *([(self.label, value)] if self.label else []))
                found[labels] = self.together(found[labels], number) if labels in found else number
        return found


def _called(issuer: object) -> str:
    """Return what an issuer is called; one that does not say by its type, and not by its place in memory."""
    return type(issuer).__name__ if type(issuer).__repr__ is object.__repr__ else repr(issuer)


def _questions(validator: Validator) -> dict[str, float]:
    counts = validator.counts
    return {
        "granted": counts.granted,
        "denied": counts.denied,
        "unavailable": counts.unavailable,
    }


def _refused(validator: Validator) -> dict[str, float]:
    counts = validator.counts
    return {"limited": counts.limited, "resting": counts.resting, "crowded": counts.crowded}


def _remembered(validator: Validator) -> dict[str, float]:
    return {"grants": validator.sizes.grants, "denials": validator.sizes.denials}


_OUTDATED: Final = "Answers thrown away: the issuer may have read the key before a change"
_STALE: Final = "Requests let in by an old grant while the issuer could not be asked"
_EVENTS: Final = "Changes that the feed told"
_RESETS: Final = "Times that everything was forgotten"
_IN_FLIGHT: Final = "Keys that the issuer is being asked about"
_LEASE: Final = "Seconds until the lease must be renewed; 0 without one"

INSTRUMENTS: Final[Sequence[Instrument]] = (
    Instrument("rf_validator_questions", "counter", "Answers of the issuer, by what they said", "outcome", _questions),
    Instrument("rf_validator_refused", "counter", "Requests that were not asked about, by why", "reason", _refused),
    Instrument("rf_validator_outdated", "counter", _OUTDATED, "", lambda one: {"": one.counts.outdated}),
    Instrument("rf_validator_stale", "counter", _STALE, "", lambda one: {"": one.counts.stale}),
    Instrument("rf_validator_events", "counter", _EVENTS, "", lambda one: {"": one.counts.events}),
    Instrument("rf_validator_resets", "counter", _RESETS, "", lambda one: {"": one.counts.resets}),
    Instrument("rf_validator_remembered", "gauge", "Keys that are remembered", "pool", _remembered),
    Instrument("rf_validator_in_flight", "gauge", _IN_FLIGHT, "", lambda one: {"": one.sizes.in_flight}),
    Instrument("rf_validator_lease_seconds", "gauge", _LEASE, "", lambda one: {"": one.staleness.lease_left}, min),
)
