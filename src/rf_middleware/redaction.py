"""Takes keys out of logs that others write: access logs, a server's error log, an HTTP client's.

This package writes no key itself, and ``strip`` takes keys out of what an app sees. What a server keeps of a request
for its own log is out of its reach; a filter is not::

    from rf_middleware.redaction import KeyFilter, redact_logs

    redact_logs()                                     # everything that this process logs from now on
    handler.addFilter(KeyFilter())                    # or one handler
    {"filters": {"keys": {"()": "rf_middleware.redaction.KeyFilter"}}}   # or in a logging configuration

It reads texts, and so knows a key by what stands before it (``_redact.py``). A record that was filtered keeps its
arguments where they are plain texts, since formatters of access logs look at them.
"""

import logging
import traceback
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import Final, cast

from rf_middleware._redact import Redactor

__all__ = ["LOCATIONS", "KeyFilter", "redact_logs"]

LOCATIONS: Final = ("bearer", "header:X-API-Key", "query:api_key", "cookie:api_key", "json:api_key")
"""Where keys are looked for when nothing else is said."""


class KeyFilter(logging.Filter):
    """Takes keys out of each record; lets all of them through.

    Put it on a handler: what is on a logger sees nothing of the loggers below it.

    Args:
        locations: where keys may be, as the option of the adapters says it.

    Raises:
        ConfigurationError: an unknown location.
    """

    def __init__(self, locations: Iterable[str] = LOCATIONS) -> None:
        super().__init__()
        self._redact = Redactor(locations)

    def filter(self, record: logging.LogRecord) -> bool:
        """Take keys out of the message, its arguments, the traceback and the stack of a record; true."""
        record.args = self._arguments(record.args)
        said = _said(record)
        clean = self._redact(said)
        # A key may only show when all is put together; the formatter of uvicorn's access log reads arguments alone.
        if clean != said and record.name != "uvicorn.access":
            record.msg, record.args = clean, None
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            record.exc_text = clean if (clean := self._redact(text)) != text else None
        record.exc_text = record.exc_text and self._redact(record.exc_text)
        record.stack_info = record.stack_info and self._redact(record.stack_info)
        return True

    def _arguments(self, arguments: object) -> tuple[object, ...] | dict[str, object] | None:
        if isinstance(arguments, tuple):
            return tuple(self._one(each) for each in cast("tuple[object, ...]", arguments))
        if isinstance(arguments, Mapping):
            return self._mapping(cast("Mapping[str, object]", arguments))
        return None

    def _mapping(self, arguments: Mapping[str, object]) -> dict[str, object]:
        """Return a mapping of the same kind, if it can be copied: gunicorn's has a dash for what is not there."""
        clean = {name: self._one(each) for name, each in arguments.items()}
        if not isinstance(arguments, dict):
            return clean
        same = copy(arguments)
        same.update(clean)
        return same

    def _one(self, argument: object) -> object:
        return self._redact(argument) if isinstance(argument, str) else argument


class _Records:
    """Makes records without keys in them."""

    def __init__(self, keys: KeyFilter, make: Callable[..., logging.LogRecord]) -> None:
        self.keys, self.make = keys, make

    def __call__(self, *args: object, **named: object) -> logging.LogRecord:
        record = self.make(*args, **named)
        self.keys.filter(record)
        return record


def redact_logs(locations: Iterable[str] = LOCATIONS) -> None:
    """Take keys out of everything that this process logs from now on, whichever handler writes it.

    Args:
        locations: where keys may be, as the option of the adapters says it; those of the last call count.

    Raises:
        ConfigurationError: an unknown location.
    """
    keys, make = KeyFilter(locations), logging.getLogRecordFactory()
    logging.setLogRecordFactory(_Records(keys, make.make if isinstance(make, _Records) else make))


def _said(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - logging itself says what does not fit; the arguments are clean
        return ""
