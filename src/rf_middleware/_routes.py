"""What a route of an app is, and which values go into the parameters of its path. Pure; for tests of apps.

A parameter is filled with a value that fits its converter and, where there is a choice, one that leads to the very
route that is meant: ``/items/{id}`` must not be asked for as ``/items/new`` when that is a route of its own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

__all__ = ["METHODS", "PROBE", "WEBSOCKET", "Place", "Route", "Values", "Walk", "everything", "fill"]

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY")
"""What is tried where an app does not say which methods it takes."""

WEBSOCKET: Final = "WEBSOCKET"
"""Stands in the place of the method of a WebSocket."""

PROBE: Final = "rf-probe"
"""A segment that no app has a route for."""

_CHOICES: Final = 6
_CANDIDATES: Final = (
    f"{PROBE}/in/a/deep/path",  # fits only what takes slashes
    PROBE,
    "987654",
    "9876.5",
    "3f2b8c1e-9d4a-4e6b-8f70-5a1c2d3e4f50",
    "2024-02-29",
    "2024-02-29T12:30:45",
    "2024-02-29T12:30:45Z",
    "12:30",
    "1.2.3",
    "xx-XX",
    *(letter * length for length in range(1, 65) for letter in "7xX"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is mounted.

    Attributes:
        shown: the path as its app writes it, parameters and all.
        path: the same with values for the parameters, decoded.
        host_shown: the host as its app writes it; empty for any.
        host: the same with values; empty for any.
        unfit: the first parameter that no value is known for; empty when there is none.
    """

    shown: str = ""
    path: str = ""
    host_shown: str = ""
    host: str = ""
    unfit: str = ""

    def below(self, shown: str, path: str, unfit: str = "") -> "Place":
        """Return the place of a path below this one."""
        return replace(self, shown=self.shown + shown, path=self.path + path, unfit=self.unfit or unfit)

    def on(self, shown: str, host: str, unfit: str = "") -> "Place":
        """Return this place on one host."""
        return replace(self, host_shown=shown, host=host, unfit=self.unfit or unfit)


@dataclass(frozen=True, slots=True)
class Route:
    """One thing an app can be asked for: ``method`` is an HTTP method or ``WEBSOCKET``."""

    method: str
    place: Place

    def __str__(self) -> str:
        return f"{self.method} {self.place.host_shown}{self.place.shown}"

    def named_by(self, entry: str) -> bool:
        """Tell whether an entry of a list names it: ``/path``, ``/prefix/*``, ``host/path``, or ``GET /path``."""
        method, _, target = entry.rpartition(" ")
        if method not in {"", self.method}:
            return False
        names = {self.place.shown, self.place.host_shown + self.place.shown}
        prefix = target.removesuffix("*")
        is_prefix = target.endswith("/*") and prefix != "/"  # "/*" is what an app mounted at the root is shown as
        return target in names or (is_prefix and any(name.startswith(prefix) for name in names))


Walk = Callable[[object, Place], list[Route] | None]
"""Finds the routes of an app that is mounted somewhere; ``None``: it can't look into that app."""


def everything(place: Place, *, websockets: bool) -> list[Route]:
    """Return what can be asked of an app that nobody can look into: every method on one path below it."""
    methods = (*METHODS, WEBSOCKET) if websockets else METHODS
    return [Route(method, place.below("/*", f"/{PROBE}")) for method in methods]


class Values:
    """The values that parameters get.

    Args:
        given: by name of the parameter; used instead of the usual ones.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given

    def that_fit(self, name: str, fits: Callable[[str], bool], own: Iterable[str] = ()) -> list[str]:
        """Return values for a parameter, the best first: those that are ``given``, else its ``own`` and the usual."""
        candidates = (self._given[name],) if name in self._given else (*own, *_CANDIDATES)
        return [each for each in candidates if fits(each)][:_CHOICES]


def fill(choices: Mapping[str, list[str]], reaches: Callable[[dict[str, str]], bool]) -> tuple[dict[str, str], str]:
    """Choose one value for each parameter.

    Args:
        choices: values that fit, by parameter.
        reaches: whether a choice leads to the route that is meant. When none does, something stands before that
            route: then the first is as good as any.

    Returns:
        The values, and the first parameter that has none.
    """
    for name, values in choices.items():
        if not values:
            return dict.fromkeys(choices, PROBE), name
    tries = max((len(values) for values in choices.values()), default=1)
    attempts = [{name: values[turn % len(values)] for name, values in choices.items()} for turn in range(tries)]
    return next((each for each in attempts if reaches(each)), attempts[0]), ""
