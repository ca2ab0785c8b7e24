"""Starlette's user and credentials of a grant."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from starlette.authentication import AuthCredentials, SimpleUser, UnauthenticatedUser

from rf_middleware import CallableIssuer, Grant, Validator, Workspace
from rf_middleware._asgi import attach
from rf_middleware._guard import Guard, Visit
from rf_middleware._identity import WorkspaceIdentity
from rf_middleware._locations import Carrier
from rf_middleware._options import Options

GUARD = Guard(Options.of({}), Validator(CallableIssuer(lambda _: None)))
SCOPES = st.none() | st.frozensets(st.text(min_size=1, max_size=5))


def identify(scope: dict[str, Any], grant: Grant | None) -> None:
    """Attach a visit of this grant."""
    attach(scope, Visit(GUARD, grant, b"", Carrier(), b""), WorkspaceIdentity)


@given(slug=st.text(min_size=1), name=st.text(), scopes=SCOPES)
def test_user_and_scopes_are_those_of_the_grant(slug: str, name: str, scopes: frozenset[str] | None) -> None:
    """The identity is the slug, the display name the name or the slug, the scopes a sorted list or a star."""
    scope: dict[str, Any] = {}
    identify(scope, Grant(Workspace(slug, name), scopes=scopes))
    user, auth = scope["user"], scope["auth"]
    assert user.is_authenticated
    assert (user.identity, user.display_name) == (slug, name or slug)
    assert auth.scopes == (["*"] if scopes is None else sorted(scopes))
    auth.scopes.append("more")
    assert "more" not in auth.scopes or "more" in (scopes or ())


def test_the_user_of_a_key_replaces_any_other() -> None:
    """Who presents a key is that key's workspace, whatever a session says."""
    scope: dict[str, Any] = {"user": SimpleUser("session"), "auth": AuthCredentials(["admin"])}
    identify(scope, Grant(Workspace("acme"), scopes=frozenset()))
    assert scope["user"].identity == "acme"
    assert scope["auth"].scopes == []


def test_nobody_replaces_nobody() -> None:
    """An anonymous request is unauthenticated, unless the app knows better by means of its own."""
    scope: dict[str, Any] = {}
    identify(scope, None)
    assert isinstance(scope["user"], UnauthenticatedUser)
    assert scope["auth"].scopes == []
    session = SimpleUser("session")
    scope = {"user": session, "auth": AuthCredentials(["own"])}
    identify(scope, None)
    assert scope["user"] is session
    assert scope["auth"].scopes == ["own"]
