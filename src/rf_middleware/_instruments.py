"""What is measured of the validators of this process, in the words of no monitoring system. No key is in any label.

Counters only grow, gauges say how things stand. Validators whose issuers are called the same are added up.
"""

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
    """

    name: str
    kind: Literal["counter", "gauge"]
    text: str
    label: str
    read: Callable[[Validator], dict[str, float]]

    def measure(self) -> Measured:
        """Read all validators of this process."""
        found: Measured = {}
        for validator in validators():
            for value, number in self.read(validator).items():
                labels = (("issuer", repr(validator.issuer)), *([(self.label, value)] if self.label else []))
                found[labels] = found.get(labels, 0.0) + number
        return found


def _questions(validator: Validator) -> dict[str, float]:
    counts = validator.counts
    return {
        "granted": counts.granted,
        "denied": counts.denied,
        "unavailable": counts.unavailable,
        "outdated": counts.outdated,
    }


def _refused(validator: Validator) -> dict[str, float]:
    counts = validator.counts
    return {"limited": counts.limited, "resting": counts.resting, "crowded": counts.crowded}


def _remembered(validator: Validator) -> dict[str, float]:
    return {"grants": validator.sizes.grants, "denials": validator.sizes.denials}


_STALE: Final = "Requests let in by an old grant while the issuer could not be asked"
_EVENTS: Final = "Changes that the feed told"
_RESETS: Final = "Times that everything was forgotten"
_IN_FLIGHT: Final = "Keys that the issuer is being asked about"
_LEASE: Final = "Seconds until the lease must be renewed; 0 without one"

INSTRUMENTS: Final[Sequence[Instrument]] = (
    Instrument("rf_validator_questions", "counter", "Answers of the issuer, by what they said", "outcome", _questions),
    Instrument("rf_validator_refused", "counter", "Requests refused without a question, by why", "reason", _refused),
    Instrument("rf_validator_stale", "counter", _STALE, "", lambda one: {"": one.counts.stale}),
    Instrument("rf_validator_events", "counter", _EVENTS, "", lambda one: {"": one.counts.events}),
    Instrument("rf_validator_resets", "counter", _RESETS, "", lambda one: {"": one.counts.resets}),
    Instrument("rf_validator_remembered", "gauge", "Keys that are remembered", "pool", _remembered),
    Instrument("rf_validator_in_flight", "gauge", _IN_FLIGHT, "", lambda one: {"": one.sizes.in_flight}),
    Instrument("rf_validator_lease_seconds", "gauge", _LEASE, "", lambda one: {"": one.staleness.lease_left}),
)
