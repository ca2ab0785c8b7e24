"""What an import finds, for as long as a test wants it."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import ModuleType

__all__ = ["in_place_of"]


@contextmanager
def in_place_of(name: str, module: ModuleType | None) -> Generator[None]:
    """Put a module, or a hole, where a name is imported from."""
    before = sys.modules.get(name)
    sys.modules[name] = module  # type: ignore[assignment]  # None makes the import fail
    try:
        yield
    finally:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
