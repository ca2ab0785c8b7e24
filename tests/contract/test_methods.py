"""Every method needs a key; only a true preflight passes without one."""

import pytest

from tests.contract.apps import METHODS
from tests.contract.issuing import GOOD, bearer
from tests.contract.protected import Protect
from tests.contract.subjects import Subject, every, having

PREFLIGHT = (("Origin", "https://page.example"), ("Access-Control-Request-Method", "POST"))


@every
@pytest.mark.parametrize("method", METHODS)
def test_every_method_needs_a_key(subject: Subject, protect: Protect, method: str) -> None:
    """No method is let in without a key, and each is let in with one."""
    app = protect(subject)
    assert app.call("/echo", method=method).status == 401
    answer = app.call("/echo", bearer(), method=method)
    assert answer.status == 200
    assert method == "HEAD" or answer.json["method"] == method


@having("unrouted")
@pytest.mark.parametrize("method", ["FOO", "get", "options", "Options", "CONNECT", "PRI", "X-Y.Z!", "G" * 300])
def test_unknown_methods_need_a_key(subject: Subject, protect: Protect, method: str) -> None:
    """A method that nobody knows, or in lower case, is refused like any other."""
    app = protect(subject)
    assert app.call("/echo", *PREFLIGHT, method=method).verdict == (401, "missing-key")


@every
@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"])
def test_headers_that_override_the_method_are_not_read(subject: Subject, protect: Protect, name: str) -> None:
    """A request is what its method says, not what a header claims."""
    app = protect(subject)
    answer = app.call("/echo?_method=OPTIONS", (name, "OPTIONS"), *PREFLIGHT, method="POST")
    assert answer.verdict == (401, "missing-key")


@every
def test_a_true_preflight_reaches_the_app_without_a_key(subject: Subject, protect: Protect) -> None:
    """``OPTIONS`` with an origin and the method it asks for is passed on as nobody, and nobody is asked."""
    app = protect(subject)
    for target, headers in (("/echo", PREFLIGHT), (f"/echo?api_key={GOOD}", (*PREFLIGHT, bearer("unknown")))):
        answer = app.call(target, *headers, method="OPTIONS")
        assert (answer.status, answer.json["workspace"]) == (200, None)
    assert app.keys.asked == []


@every
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Origin", "https://page.example")],
        [("Access-Control-Request-Method", "POST")],
        [("Origin", ""), ("Access-Control-Request-Method", "POST")],
        [("Origin", " \t"), ("Access-Control-Request-Method", "POST")],
        [("Origin", ""), ("Origin", ""), ("Access-Control-Request-Method", "POST")],
        [("Origin", "https://page.example"), ("Access-Control-Request-Method", "")],
        [("Origin", "https://page.example"), ("Access_Control_Request_Method", "POST")],
        [("X-Origin", "https://page.example"), ("Access-Control-Request-Method", "POST")],
        [("Access-Control-Request-Headers", "authorization"), ("Origin", "https://page.example")],
    ],
)
def test_other_options_requests_need_a_key(subject: Subject, protect: Protect, headers: list[tuple[str, str]]) -> None:
    """``OPTIONS`` that is not exactly a preflight is refused without a key and let in with one."""
    app = protect(subject)
    assert app.call("/echo", *headers, method="OPTIONS").verdict == (401, "missing-key")
    assert app.call("/echo", *headers, bearer(), method="OPTIONS").json["workspace"] == "acme"


@every
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "BREW"])
def test_the_headers_of_a_preflight_do_nothing_for_other_methods(
    subject: Subject, protect: Protect, method: str
) -> None:
    """Only ``OPTIONS`` can be a preflight."""
    assert protect(subject).call("/echo", *PREFLIGHT, method=method).status == 401
