"""Equal parts of grants as one object: the keys of a workspace share its ``Workspace``, most keys their scopes. Pure.

What is known here is bounded; where there are more workspaces than that, some of their grants do not share.
"""

from dataclasses import replace
from typing import Final, TypeVar, cast

from rf_middleware._models import Grant, Workspace

__all__ = ["Interned"]

_AT_MOST: Final = 10_000
"""Values that are known; beyond these it begins anew."""

Value = TypeVar("Value")


class Interned:
    """Values by themselves."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[object, object] = {}

    def one(self, value: Value) -> Value:
        """Return the object that stands for all values that are equal to this one."""
        if len(self._known) >= _AT_MOST:
            self._known.clear()
        return cast("Value", self._known.setdefault(value, value))

    def grant(self, grant: Grant) -> Grant:
        """Return an equal grant whose parts are shared."""
        if not _is_plain(grant):
            return grant
        workspace, scopes = self.one(grant.workspace), self.one(grant.scopes)
        if workspace is grant.workspace and scopes is grant.scopes:
            return grant
        return replace(grant, workspace=workspace, scopes=scopes)


def _is_plain(grant: Grant) -> bool:
    """Tell whether it is made of our types alone: an issuer's own may be equal and yet differ, or have no hash."""
    workspace = grant.workspace
    texts = (workspace.slug, workspace.name, workspace.id, *(grant.scopes or ()))
    return type(grant) is Grant and type(workspace) is Workspace and {type(text) for text in texts} == {str}
