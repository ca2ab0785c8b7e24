"""A key on its way to the issuer, wrapped so that no repr, traceback or pickle shows it."""

from typing import NoReturn

__all__ = ["Secret", "Unpicklable"]


class Unpicklable:
    """Something that holds a key, and so is neither pickled nor copied to another process."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        """Refuse."""
        message = "what holds a key is not pickled"
        raise TypeError(message)


class Secret(Unpicklable):
    """Holds one key. ``reveal()`` is called where the request to the issuer is built and nowhere else."""

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        self._key = key

    def reveal(self) -> str:
        """Return the key itself."""
        return self._key

    @property
    def publishable(self) -> bool:
        """Whether it is an ``rf_<workspaceId>`` key, which is not secret at all."""
        return self._key.startswith("rf_")

    def __repr__(self) -> str:
        return "Secret(...)"
