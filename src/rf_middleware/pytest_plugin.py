"""The fixtures ``fake_issuer`` and ``api_key``; pytest finds them by itself.

pytest imports this file in every run, used or not: so it imports nothing but pytest until a test asks.
"""

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from rf_middleware.testing import FakeIssuer

__all__ = ["api_key", "fake_issuer"]

_KEY: Final = "rfk_OnlyForTestsNobodysOwnKey003RFNPW"
"""Its shape and checksum are those of a real one; nobody ever issued it."""


@pytest.fixture
def fake_issuer() -> "FakeIssuer":
    """An issuer that knows no keys yet, new for each test."""
    from rf_middleware.testing import FakeIssuer  # noqa: PLC0415 - see above

    return FakeIssuer()


@pytest.fixture
def api_key(fake_issuer: "FakeIssuer") -> str:
    """A key that ``fake_issuer`` knows: of the workspace ``test-workspace``, with every scope."""
    fake_issuer.add(_KEY)
    return _KEY
