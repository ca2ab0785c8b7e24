"""What an issuer's result or exception means, whoever wrote the issuer.

A ``Grant`` is one, ``None`` means no such key, ``Denied`` raised with 401, 402, 403 or 423 means that. Anything else
means that the issuer can't be asked, and the log names issuer and type: the text of a foreign value may hold the key.
An error reporter may look into every frame below a log line, so that none of these has such a value in its locals then.
"""

import logging
import sys
from typing import Final

from rf_middleware._flight import Answer
from rf_middleware._models import Grant, Reason, Refusal
from rf_middleware.exceptions import Denied

__all__ = ["raised", "returned"]

_DEFINITE: Final = frozenset({Reason.INVALID_KEY, Reason.PAYMENT_REQUIRED, Reason.FORBIDDEN, Reason.PAUSED})
_NO_ANSWER: Final = Answer(Refusal(Reason.ISSUER_UNAVAILABLE))
_log: Final = logging.getLogger("rf_middleware")


def returned(issuer: object, result: object) -> Answer:
    """Return the answer that a result means."""
    if isinstance(result, Answer):
        return result
    if result is None:
        return Answer(Refusal(Reason.INVALID_KEY))
    if isinstance(result, Grant):
        return Answer(result)
    kind = type(result).__name__
    del result
    _log.error("%r returned a %s; allowed are Grant and None", issuer, kind)
    return _NO_ANSWER


def raised(issuer: object) -> Answer:
    """Return the answer that the exception means that is being handled."""
    error = sys.exception()
    if isinstance(error, Denied) and error.refusal.reason in _DEFINITE:
        return Answer(error.refusal)
    kind = type(error).__name__
    del error
    _log.warning("%r can't be asked: %s", issuer, kind)
    return _NO_ANSWER
