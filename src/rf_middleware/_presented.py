"""A key as somebody presents it: what can be one, and how its text becomes bytes. Pure.

It is apart from where keys stand in a request, of which a validator by itself knows nothing.
"""

import re
from typing import Final

from rf_middleware._models import Reason, Refusal
from rf_middleware.exceptions import refused

__all__ = ["KEY", "encoded", "presented"]

KEY: Final = re.compile(rb"[\x21-\x7e]{1,512}")
"""What can be a key: 1 to 512 visible ASCII characters; matched whole."""


def encoded(key: str) -> bytes:
    """Return a key as it would stand in a request; what is not ASCII can't be one, and stays that.

    Raises:
        TypeError: it is no text; the message does not show it.
    """
    if not isinstance(key, str):
        kind = type(key).__name__
        del key  # not in the locals of a traceback
        message = f"a key is a text (str), not a {kind}"
        raise TypeError(message)
    return key.encode("utf-8", "surrogatepass")


def presented(key: str | None) -> bytes:
    """Return the same of a key that somebody presents.

    Raises:
        Denied: there is none, as when a header was looked up that is not there.
        TypeError: it is no text.
    """
    if key is None or key == "":
        raise refused(Refusal(Reason.MISSING_KEY))
    try:
        return encoded(key)
    finally:
        del key  # not in the locals of a traceback
