"""The logging filter: records of others, without keys."""

import copy
import io
import json
import logging
import logging.config
import pickle
from collections.abc import Generator
from importlib import import_module
from types import MappingProxyType
from typing import Any

import pytest
from uvicorn.logging import AccessFormatter

from rf_middleware.exceptions import ConfigurationError
from rf_middleware.redaction import KeyFilter, redact_logs

KEY = "s3cr3t-k3y_OFsomebody"


def record(message: object, *args: object, **more: Any) -> logging.LogRecord:
    """Return a record as a logger makes it."""
    name, info = more.pop("name", "some.logger"), more.pop("exc_info", None)
    return logging.getLogger(name).makeRecord(name, logging.INFO, "a.py", 1, message, args, info, **more)


def told(each: logging.LogRecord) -> str:
    """Return what a handler writes of a record that was filtered."""
    assert KeyFilter().filter(each) is True
    return logging.Formatter("%(message)s").format(each)


@pytest.fixture(name="factory")
def _factory() -> Generator[None]:
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)


class Odd:
    """Says a key when it is shown."""

    def __str__(self) -> str:
        return f"?api_key={KEY}"


@pytest.mark.parametrize(
    "each",
    [
        record(f"GET /?api_key={KEY}"),
        record("%s - %s", "127.0.0.1", f"/?api_key={KEY}"),
        record("api_key=%s", KEY),
        record("%(url)s took %(took)d ms", {"url": f"/?api_key={KEY}", "took": 3}),
        record("%s", {"x-api-key": KEY}),
        record(Odd()),
        record("%s", Odd()),
        record("100%% of %s", Odd()),
    ],
    ids=range(8),
)
def test_a_key_is_in_no_message(each: logging.LogRecord) -> None:
    """Whether it is in the text, in an argument, or shows only when both are put together."""
    text = told(each)
    assert KEY not in text
    assert "[key]" in text
    assert KEY not in str(pickle.loads(pickle.dumps(each.__dict__ | {"msg": str(each.msg), "args": None})))  # noqa: S301 - our own
    assert told(copy.copy(each)) == text


def test_what_has_no_key_stays_as_it_is() -> None:
    """Message, arguments and traceback are those of before, and still lazy."""
    each = record("%s of %d", "a", 3)
    assert told(each) == "a of 3"
    assert (each.msg, each.args, each.exc_text) == ("%s of %d", ("a", 3), None)
    assert told(record("no arguments %s")) == "no arguments %s"


def test_a_traceback_and_a_stack_show_no_key() -> None:
    """What an exception says is cleaned too; one that says nothing wrong is left to the formatter."""
    texts: list[str] = []
    for said in (f"GET /?api_key={KEY} failed", "it failed"):
        with pytest.raises(ValueError, match="Expecting") as caught:
            json.loads(said)
        caught.value.add_note(said)
        info = (ValueError, caught.value, caught.tb)
        each = record("oh", exc_info=info)
        assert KeyFilter().filter(each)
        texts.append(str(each.exc_text))
        assert KEY not in logging.Formatter().format(each)
    assert "[key]" in texts[0]
    assert texts[1] == "None"
    assert KEY not in told(record("oh", exc_info=(None, None, None), sinfo=f"x-api-key: {KEY}"))
    ready = record("oh")
    ready.exc_text = f"bearer {KEY}"
    assert "bearer [key]" in told(ready)


def test_the_access_log_of_uvicorn_can_be_read() -> None:
    """Its formatter takes the arguments apart: they stay five, and have no key."""
    each = record('%s - "%s %s HTTP/%s" %d', "1.1.1.1:5", "GET", f"/?api_key={KEY}", "1.1", 200, name="uvicorn.access")
    assert KeyFilter().filter(each)
    line = AccessFormatter('%(client_addr)s "%(request_line)s" %(status_code)s', use_colors=False).format(each)
    assert line == '1.1.1.1:5 "GET /?api_key=[key] HTTP/1.1" 200 OK'
    odd = record('%s - "%s %s HTTP/%s" %d', "1:5", "X-API-Key:", "GET", "1.1", 200, name="uvicorn.access")
    assert KeyFilter().filter(odd)
    assert len(odd.args or ()) == 5


def test_arguments_that_do_not_fit_lose_their_keys_too() -> None:
    """Logging says that they do not fit, and shows them: without a key."""
    each = record("%d", f"?api_key={KEY}")
    assert KeyFilter().filter(each)
    assert each.args == ("?api_key=[key]",)


def test_a_mapping_stays_of_its_kind() -> None:
    """What stands for a header that a request does not have is gunicorn's to say."""
    atoms: dict[str, str] = import_module("gunicorn.glogging").SafeAtoms(
        {"r": f"GET /?api_key={KEY} HTTP/1.1", "s": "200"}
    )
    assert told(record("%(r)s %(s)s %({x-forwarded-for}i)s", atoms)) == "GET /?api_key=[key] HTTP/1.1 200 -"
    assert atoms["r"] == f"GET /?api_key={KEY} HTTP/1.1"
    other = MappingProxyType({"r": f"api_key={KEY}"})
    assert told(record("%(r)s", other)) == "api_key=[key]"


def test_everything_that_is_logged_from_now_on_is_clean(factory: None) -> None:
    """Whichever handler writes it; asked for twice it is done once, with the locations of the second."""
    out = io.StringIO()
    logger = logging.getLogger("alone")
    logger.addHandler(logging.StreamHandler(out))
    redact_logs()
    first = logging.getLogRecordFactory()
    logger.warning("api_key=%s", KEY)
    redact_logs(["header:X-Other"])
    logger.warning("X-Other: %s", KEY)
    assert getattr(logging.getLogRecordFactory(), "make", None) is getattr(first, "make", None) is logging.LogRecord
    assert out.getvalue() == "api_key=[key]\nX-Other: [key]\n"
    with pytest.raises(ConfigurationError, match="locations"):
        redact_logs(["anywhere"])


def test_it_can_be_named_in_a_configuration(factory: None) -> None:
    """As a filter of a handler, with its own locations."""
    out = io.StringIO()
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"keys": {"()": "rf_middleware.redaction.KeyFilter", "locations": ["query:token"]}},
            "handlers": {"out": {"class": "logging.StreamHandler", "stream": out, "filters": ["keys"]}},
            "loggers": {"configured.here": {"handlers": ["out"], "propagate": False}},
        }
    )
    logging.getLogger("configured.here").warning("/?token=%s", KEY)
    assert out.getvalue() == "/?token=[key]\n"
