"""The messages of the feed: what can't be misread is read, and says the same when it is written again.

An input is: ``p``, ``e`` or anything else for a poll, an event or a reply; then the message as JSON.
"""

import json
from typing import Any

from rf_middleware._wire import Event, Poll, Reply

__all__ = ["check"]

KINDS: dict[bytes, type[Event | Poll | Reply]] = {b"p": Poll, b"e": Event}


def check(data: bytes, parse: Any = None) -> None:
    """Assert that a message is refused with ``ValueError``, or is exactly what it should be."""
    kind = KINDS.get(data[:1], Reply)
    try:
        raw = json.loads(data[1:])
    except (ValueError, RecursionError):
        return
    try:
        message = (parse or kind.parse)(raw)
    except ValueError:
        return
    sent = json.dumps(message.to_json(), ensure_ascii=False, allow_nan=False).encode()  # as httpx sends it
    assert kind.parse(json.loads(sent)) == message
    if isinstance(message, Reply):
        places = [event.seq for event in message.events]
        assert places == sorted(set(places))
        assert all(0 <= each <= message.head for each in places)
        assert 0 <= message.lease <= 86_400
        assert raw["reset"] is message.reset
        assert (message.epoch, message.head) == (raw["epoch"], raw["head"])
        assert len(message.events) == len(raw["events"])
        for event in message.events:
            _is_about_something(event)
    elif isinstance(message, Poll):
        assert 8 <= len(message.session) <= 64
        assert (message.name + message.version).isprintable()
        assert 0 <= message.wait <= 86_400
        assert message.ack >= 0
    else:
        _is_about_something(message)


def _is_about_something(event: Event) -> None:
    assert (event.fingerprint is None) is bool(event.workspace)
    assert event.fingerprint is None or len(event.fingerprint) == 32
    assert event.name
