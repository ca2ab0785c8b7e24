"""What a process loads that imports the package, and what only its first miss brings."""

import os
import subprocess
import sys

import pytest

from rf_middleware import issuers

HEAVY = (
    "asyncio cachetools concurrent.futures email http.client http.cookiejar httpx importlib.metadata json logging"
    " random rf_middleware._credentials rf_middleware._keyformat rf_middleware._locations rf_middleware._wire"
    " signal socket ssl tempfile traceback urllib.request uuid zlib"
)


def loaded(code: str) -> set[str]:
    """Return the modules that some code brings into a new interpreter, in which nothing else runs."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    code = f"import sys; before = set(sys.modules); {code}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("code", ["import rf_middleware", "from rf_middleware import Denied, Grant, Validator"])
def test_an_import_brings_nothing_that_a_hit_does_not_need(code: str) -> None:
    """Neither an event loop nor what logs, speaks HTTP, reads JSON or metadata, or makes sessions comes with it."""
    found = loaded(code)
    assert "rf_middleware.validator" in found
    assert found & set(HEAVY.split()) == set()


def test_an_http_client_comes_with_the_first_miss() -> None:
    """A validator of a URL loads httpx when it has to ask, and not before."""
    made = "import rf_middleware; validator = rf_middleware.Validator('http://127.0.0.1:9')"
    assert "httpx" not in loaded(made)
    assert "httpx" in loaded(f"{made}; validator.resolve(b'rfk_key')")


def test_a_name_that_is_no_issuer_is_an_attribute_error() -> None:
    """What is brought when it is asked for is these names and no others."""
    with pytest.raises(AttributeError, match="has no attribute 'HttpIssuer'"):
        getattr(issuers, "Http" + "Issuer")
    assert {"CallableIssuer", "IntrospectionIssuer", "RoboflowIssuer"} <= set(issuers.__all__)
