"""The logger of the package. A process that has nothing to say does not load ``logging`` for it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

__all__ = ["logger"]


def logger() -> "Logger":
    """Return it, to say something at once."""
    import logging  # noqa: PLC0415 - see the top

    return logging.getLogger("rf_middleware")
