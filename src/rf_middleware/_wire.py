"""The messages of the revocation feed, as both ends write and read them. Pure.

A message that is not exactly what it should be is an error (``ValueError``), never a guess:
a lease built on a misread answer would be a hole in the promise.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

__all__ = ["CHANGES", "LONGEST_NAME", "LONGEST_VERSION", "Event", "Poll", "Reply"]

LONGEST_NAME: Final = 100
LONGEST_VERSION: Final = 50
_LONGEST: Final = 86_400.0
_HUGE: Final = 1 << 63
_HALVES: Final = re.compile(r"[\ud800-\udfff]")
"""Halves of characters: JSON can write them, and nobody can send them back."""

CHANGES: Final = frozenset({"revoked", "disabled", "enabled", "updated", "rolled", "expired", "suspended"})


@dataclass(frozen=True, slots=True)
class Event:
    """Something about a key, or about all keys of a workspace, changed: forget it.

    Attributes:
        seq: its place in the history of this epoch, from 1.
        change: one of ``CHANGES``.
        fingerprint: SHA-256 of the key, or ``None`` when ``workspace`` is set.
        workspace: slug, or ``None`` when ``fingerprint`` is set.
    """

    seq: int
    change: str
    fingerprint: bytes | None = None
    workspace: str | None = None

    @property
    def name(self) -> bytes | str:
        """The fingerprint or the slug: whatever it is about."""
        return self.fingerprint or self.workspace or ""

    def to_json(self) -> dict[str, object]:
        """Return the event as it stands in the answer of the feed."""
        if self.fingerprint is not None:
            return {"seq": self.seq, "fingerprint": self.fingerprint.hex(), "change": self.change}
        return {"seq": self.seq, "workspace": self.workspace, "change": self.change}

    @classmethod
    def parse(cls, raw: object) -> "Event":
        """Read one event.

        Raises:
            ValueError: it names no key and no workspace, or a member has the wrong type.
        """
        members = _object(raw, "event")
        seq, change = _seq(members, "seq"), _text(members, "change")
        if "fingerprint" in members:
            digest = bytes.fromhex(_text(members, "fingerprint"))
            if len(digest) != 32:
                message = "feed: fingerprint is not a SHA-256"
                raise ValueError(message)
            return cls(seq, change, fingerprint=digest)
        return cls(seq, change, workspace=_text(members, "workspace"))


@dataclass(frozen=True, slots=True)
class Poll:
    """What a validator sends: who it is, what it has applied, how long it is ready to wait.

    Attributes:
        session: the validator's id, a UUID made at its start and after each fork.
        epoch: the history it follows, ``None`` before the first answer.
        ack: every event up to this ``seq`` has been applied.
        wait: seconds the issuer may hold the answer back while there is nothing to tell.
        name: what the validator calls itself, for the people who read receipts; may be empty.
        version: of this package at the validator; empty where it is not known.
    """

    session: str
    epoch: str | None
    ack: int
    wait: float
    name: str = ""
    version: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the body of ``POST /feed``."""
        body: dict[str, object] = {"session": self.session, "epoch": self.epoch, "ack": self.ack, "wait": self.wait}
        optional = {"name": self.name, "version": self.version}
        return {**body, **{name: value for name, value in optional.items() if value}}

    @classmethod
    def parse(cls, raw: object) -> "Poll":
        """Read the body of ``POST /feed``.

        Raises:
            ValueError: a member is missing or has the wrong type.
        """
        members = _object(raw, "request")
        session = _text(members, "session")
        if not 8 <= len(session) <= 64:
            message = "feed: session has 8 to 64 characters"
            raise ValueError(message)
        epoch = None if members.get("epoch") is None else _text(members, "epoch")
        name, version = _label(members, "name", LONGEST_NAME), _label(members, "version", LONGEST_VERSION)
        return cls(session, epoch, _seq(members, "ack"), _seconds(members, "wait"), name, version)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the issuer answers: news, and a lease.

    Attributes:
        epoch: the issuer's history.
        reset: drop everything cached and every check in flight.
        head: the newest ``seq``; ``events`` holds all from the poll's ``ack`` up to it.
        events: in order of ``seq``.
        lease: seconds, counted by the validator from before it sent the poll.
    """

    epoch: str
    reset: bool
    head: int
    events: tuple[Event, ...]
    lease: float

    def to_json(self) -> dict[str, object]:
        """Return the body of the answer to ``POST /feed``."""
        events = [event.to_json() for event in self.events]
        return {"epoch": self.epoch, "reset": self.reset, "head": self.head, "events": events, "lease": self.lease}

    @classmethod
    def parse(cls, raw: object) -> "Reply":
        """Read the answer to ``POST /feed``.

        Raises:
            ValueError: a member is missing or has the wrong type, or ``events`` are out of order or beyond ``head``.
        """
        members = _object(raw, "answer")
        reset, events = members.get("reset"), members.get("events")
        if not isinstance(reset, bool) or not isinstance(events, list):
            message = "feed: reset is a boolean and events a list"
            raise ValueError(message)  # noqa: TRY004 - one exception for every kind of misread message
        parsed = tuple(Event.parse(event) for event in cast("list[object]", events))
        head = _seq(members, "head")
        places = [event.seq for event in parsed]
        if places != sorted(set(places)) or (places and places[-1] > head):
            message = "feed: events are out of order"
            raise ValueError(message)
        return cls(_text(members, "epoch"), reset, head, parsed, _seconds(members, "lease"))


def _object(raw: object, what: str) -> Mapping[str, object]:
    if not isinstance(raw, dict):
        message = f"feed: the {what} is not a JSON object"
        raise ValueError(message)  # noqa: TRY004 - one exception for every kind of misread message
    return cast("dict[str, object]", raw)


def _text(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value or _HALVES.search(value):
        message = f"feed: {name} is not a text"
        raise ValueError(message)
    return value


def _label(members: Mapping[str, object], name: str, longest: int) -> str:
    """Return a text for people, which may be left out."""
    value = _text(members, name) if name in members else ""
    if len(value) > longest or not value.isprintable():
        message = f"feed: {name} has at most {longest} printable characters"
        raise ValueError(message)
    return value


def _seq(members: Mapping[str, object], name: str) -> int:
    value = members.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _HUGE:
        message = f"feed: {name} is not a whole number from 0"
        raise ValueError(message)
    return value


def _seconds(members: Mapping[str, object], name: str) -> float:
    value = members.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LONGEST:  # NaN is neither
        return float(value)
    message = f"feed: {name} is not a number of seconds"
    raise ValueError(message)
