"""How the demo ends early: one exception, told in one line."""

__all__ = ["Failed", "Silent", "must"]


class Failed(Exception):  # noqa: N818 - the end of the demo, not a mistake of the program
    """Something was not as told; the text says what, in one line."""


class Silent(Failed):
    """A server hung up or did not answer in time."""


def must(otherwise: str, *, holds: bool) -> None:
    """Go on only if something holds.

    Raises:
        Failed: with ``otherwise``.
    """
    if not holds:
        raise Failed(otherwise)
