"""Who may pass without a key, and what a key must be good for. Pure; checked at construction.

Exempt paths are compared with the path the server routed. What is not plainly an exempt path is
protected: where two readers could see two paths (dot segments, doubled slashes, encoded slashes,
backslashes, semicolons, control characters, bytes that are no UTF-8), no rule matches.
"""

import re
from collections.abc import Iterable
from typing import Final

from rf_middleware._models import Grant, Reason, Refusal
from rf_middleware.exceptions import ConfigurationError

__all__ = ["Access", "Exempt", "inner_path", "preflight"]

_HAZY: Final = re.compile(r"//|/\.\.?(?:/|\Z)|[\\;%\x00-\x1f\x7f\ufffd]")
_HAZY_RAW: Final = re.compile(
    rb"\A[^/]*:|//|[\\;#\x00-\x20\x7f]|%(?:2[EeFf]|5[Cc]|3[Bb]|25|[01][0-9A-Fa-f]|7[Ff])",
)
"""The same on the request line: a scheme, a fragment and blanks too, which some servers cut off."""
_REFUSED_IN_RULE: Final = re.compile(r"//|/\.\.?(?:/|\Z)|[\\;%?#\s\x00-\x1f\x7f\ufffd]")

_ALLOWED: Final = "exact paths such as '/healthz', or prefixes such as '/public/*'"


class Exempt:
    """The set of paths that need no key.

    Args:
        paths: exact paths, or prefixes that end in ``/*`` (``/public/*`` is all below ``/public/``,
            not ``/public`` itself).

    Raises:
        ConfigurationError: a rule that could open more than it says.
    """

    __slots__ = ("_exact", "_prefixes")

    def __init__(self, paths: Iterable[str]) -> None:
        rules = [_checked(path) for path in paths]
        self._exact = frozenset(rule for rule in rules if not rule.endswith("/*"))
        self._prefixes = tuple(rule[:-1] for rule in rules if rule.endswith("/*"))

    def __bool__(self) -> bool:
        return bool(self._exact or self._prefixes)

    def __contains__(self, path: str) -> bool:
        """Tell whether a routed path is exempt."""
        if path in self._exact:
            return True
        return path.startswith(self._prefixes) and not _HAZY.search(path)

    def allows(self, path: str, raw: bytes) -> bool:
        """Tell whether a routed path is exempt, and was plainly written so on the request line.

        Args:
            path: the decoded path that is routed.
            raw: the request target as it was sent, empty when the server does not tell.
        """
        return path in self and not _HAZY_RAW.search(raw.partition(b"?")[0])


def _checked(rule: object) -> str:
    if not isinstance(rule, str):
        message = f"exempt: {rule!r} is not a path; allowed are {_ALLOWED}"
        raise ConfigurationError(message)
    body = rule.removesuffix("/*")
    if rule == "/*" or not rule.startswith("/") or "*" in body or _REFUSED_IN_RULE.search(rule):
        message = f"exempt: {rule!r} is refused; allowed are {_ALLOWED}"
        raise ConfigurationError(message)
    return rule


def inner_path(path: str, root: str) -> str:
    """Return the routed path less the root path that the server, or a mount, set: what Starlette routes."""
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in {"", "/"}:
        return path[len(root) :]
    return path


def preflight(method: str, origin: bytes, requested: bytes) -> bool:
    """Tell whether a request is a true CORS preflight (Fetch standard, section 4.8): neither header is blank.

    Args:
        method: of the request.
        origin: ``Origin``; a header that came twice is joined with a comma.
        requested: ``Access-Control-Request-Method``, the same.
    """
    return method == "OPTIONS" and bool(origin.strip(b" \t,")) and bool(requested.strip(b" \t,"))


class Access:
    """What a grant must be good for. Checked on every request: the cache holds grants, never decisions.

    Args:
        workspaces: allowed slugs, ``None`` for any.
        scopes: all of them are needed.
        publishable: whether publishable keys will do.
    """

    __slots__ = ("publishable", "scopes", "workspaces")

    def __init__(self, workspaces: frozenset[str] | None, scopes: frozenset[str], *, publishable: bool) -> None:
        self.workspaces = workspaces
        self.scopes = scopes
        self.publishable = publishable

    def within(self, outer: "Access") -> "Access":
        """Return what this one and ``outer`` ask for together; publishable keys are this one's matter."""
        mine, theirs = self.workspaces, outer.workspaces
        both = mine if theirs is None else theirs if mine is None else mine & theirs
        return Access(both, self.scopes | outer.scopes, publishable=self.publishable)

    def refusal(self, grant: Grant) -> Refusal | None:
        """Return why ``grant`` will not do, or ``None``."""
        if grant.publishable and not self.publishable:
            return Refusal(Reason.INVALID_KEY)
        if self.workspaces is not None and grant.workspace.slug not in self.workspaces:
            return Refusal(Reason.FORBIDDEN, "The key belongs to a workspace that is not served here.")
        if self.scopes and grant.scopes is not None and not self.scopes <= grant.scopes:
            missing = " ".join(sorted(self.scopes - grant.scopes))
            return Refusal(Reason.FORBIDDEN, f"The key lacks: {missing}")
        return None
