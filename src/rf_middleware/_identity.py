"""``request.user`` and ``request.auth`` of a Starlette request. Loaded only where Starlette is."""

from collections.abc import MutableMapping
from typing import Any

from starlette.authentication import AuthCredentials, BaseUser, UnauthenticatedUser

from rf_middleware._models import Grant

__all__ = ["WorkspaceIdentity"]


class WorkspaceIdentity(BaseUser, AuthCredentials):
    """The workspace of a key as Starlette's user, and the scopes of the key as Starlette's credentials."""

    def __init__(self, grant: Grant) -> None:
        self._grant = grant

    @property
    def is_authenticated(self) -> bool:
        """Always true."""
        return True

    @property
    def display_name(self) -> str:
        """Name of the workspace, or its slug."""
        return self._grant.workspace.name or self._grant.workspace.slug

    @property
    def identity(self) -> str:
        """Slug of the workspace."""
        return self._grant.workspace.slug

    @property
    def scopes(self) -> list[str]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride] - read-only on purpose
        """The scopes, sorted, or ``["*"]`` for every scope; each look makes a new list, so nobody can change them."""
        return ["*"] if self._grant.scopes is None else sorted(self._grant.scopes)

    @staticmethod
    def unknown(scope: MutableMapping[str, Any]) -> None:
        """Say that nobody knows who is asking, unless something further out said who."""
        scope.setdefault("user", UnauthenticatedUser())
        scope.setdefault("auth", AuthCredentials())
