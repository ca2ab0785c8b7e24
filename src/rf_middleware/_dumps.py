"""Keeps keys out of core dumps: for processes of this package alone, which hold keys all their life."""

from contextlib import suppress

__all__ = ["no_core_dumps"]


def no_core_dumps() -> None:
    """Have the system write no core of this process, nor of those it starts, however they end.

    The limit is one byte and not none: Linux takes that as the word of a process that must not be dumped at all, also
    where cores go to a program (``/proc/sys/kernel/core_pattern``), to which a limit of none means nothing. What the
    system allows at most stays as it was, so that who wants a core can raise it again (``prlimit``).
    """
    with suppress(ModuleNotFoundError):  # Windows has no such limits
        import resource  # noqa: PLC0415 - the same

        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0 if most == 0 else 1, most))
