"""Ends the streams of the keys that the feed told about, before that is acknowledged. Waits for them to close."""

from collections.abc import Callable
from typing import Final

from rf_middleware._clock import now
from rf_middleware._lease import News
from rf_middleware._models import Verdict
from rf_middleware._streams import Streams

__all__ = ["end_streams"]

_PATIENCE: Final = 1.0
"""Seconds to wait for streams to close; not a byte of them goes out meanwhile."""

_RESTORING: Final = frozenset({"updated", "enabled"})
"""What leaves a key good, perhaps for something else; each other change ends it."""


def end_streams(streams: Streams, news: News, resolve: Callable[[bytes], Verdict]) -> None:
    """End what the news say is over, and what nobody vouches for any more.

    Args:
        streams: those that are open.
        news: what the feed told.
        resolve: checks the key of a stream that is in doubt.
    """
    ended = [event.name for event in news.events if event.change not in _RESTORING]
    changed = {event.name for event in news.events if event.change == "updated"}.difference(ended)
    ending = streams.end(ended) if ended else []
    if changed:
        streams.change(changed)
    if news.reset:
        streams.doubt()
    for stream in streams.doubtful():
        why = None if stream in ending else stream.judge(resolve(stream.key))
        if why is not None:
            stream.end(why)
            ending.append(stream)
    patience = now() + _PATIENCE
    for stream in ending:
        stream.ended.wait(max(0.0, patience - now()))
