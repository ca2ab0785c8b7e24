"""What ``assert_all_routes_protected`` complains about."""

from collections.abc import Callable
from typing import Any

from rf_middleware.testing import assert_all_routes_protected

__all__ = ["opened"]


def opened(app: Callable[..., object], **options: Any) -> list[str]:
    """Return the lines of the complaint, without the first; there must be one."""
    try:
        assert_all_routes_protected(app, **options)
    except AssertionError as error:
        first, *lines = str(error).splitlines()
        assert first == "without a key:"
        return [line.strip() for line in lines]
    raise AssertionError("nothing is open")
