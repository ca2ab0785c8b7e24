"""For the tests of a protected app: an issuer in this process, and a proof that no route was forgotten.

    issuer = FakeIssuer()
    issuer.add("a-key", workspace="acme", scopes=["model:infer"])
    app.wsgi_app = APIKeyMiddleware(app.wsgi_app, issuer=issuer)

    assert_all_routes_protected(app, exempt=["/healthz"])

Installed beside pytest there are the fixtures ``fake_issuer`` and ``api_key`` too.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from rf_middleware._clock import Clock, now
from rf_middleware._fingerprint import fingerprint, short
from rf_middleware._flight import Answer
from rf_middleware._models import SLUG, Grant, Reason, Refusal, Workspace
from rf_middleware._presented import KEY
from rf_middleware._probe import Outcome, probe
from rf_middleware._routes import Route
from rf_middleware._values import flag, number, texts
from rf_middleware._walk import routes_of
from rf_middleware.exceptions import ConfigurationError
from rf_middleware.validator import validators

__all__ = ["FakeIssuer", "assert_all_routes_protected"]

_DOWN: Final = Answer(Refusal(Reason.ISSUER_UNAVAILABLE, "The issuer can't be asked."))
_INVALID: Final = Answer(Refusal(Reason.INVALID_KEY))


@dataclass(frozen=True, slots=True)
class _Known:
    grant: Grant
    ends: float | None
    revoked: bool = False


class FakeIssuer:
    """An issuer for tests. What changes here holds in every validator of the process that asks it, at once.

    It keeps fingerprints, not keys. Thread-safe.

    Args:
        clock: seconds that only go forward, for ``expires_in``; give the validator the same.

    Attributes:
        asked: which keys it was asked about, in order, each as the first 12 hex digits of its SHA-256.
    """

    def __init__(self, *, clock: Clock = now) -> None:
        self.asked: list[str] = []
        self._clock = clock
        self._lock = Lock()
        self._keys: dict[bytes, _Known] = {}
        self._down = False

    def __repr__(self) -> str:
        with self._lock:
            good = sum(not known.revoked for known in self._keys.values())
            return f"FakeIssuer({good} keys, {len(self._keys) - good} revoked{', down' * self._down})"

    # ---- for tests

    def add(
        self,
        key: str,
        workspace: Workspace | str = "test-workspace",
        scopes: Iterable[str] | None = None,
        *,
        publishable: bool = False,
        key_id: str = "",
        expires_in: float | None = None,
    ) -> None:
        """Make a key good from now on, or change what it is good for; also one that was refused or revoked before.

        Args:
            key: 1 to 512 visible ASCII characters.
            workspace: a slug, or the whole workspace.
            scopes: what the key may do; ``None`` for everything.
            publishable: whether it is one that is not secret; ``rf_...`` always is.
            key_id: its id.
            expires_in: seconds from now until it ends by itself; 0 for a key that has ended.

        Raises:
            ConfigurationError: one of these can't be that. The message does not show the key.
        """
        digest = _fingerprint(key)
        left = None if expires_in is None else number({"expires_in": expires_in}, "expires_in", 0, least=0)
        if not isinstance(key_id, str):
            message = f"key_id: {key_id!r} is refused; allowed is a string"
            raise ConfigurationError(message)
        grant = Grant(
            _workspace(workspace),
            key_id,
            None if scopes is None else frozenset(texts({"scopes": scopes}, "scopes")),
            flag({"publishable": publishable}, "publishable", default=False),
        )
        with self._lock:
            self._keys[digest] = _Known(grant, None if left is None else self._clock() + left)
        self._tell(key)

    def revoke(self, key: str) -> None:
        """End a key. When this returns, no validator of this process lets it in, and its streams are ending.

        Raises:
            LookupError: the key was never added: a test that goes on would show nothing.
        """
        digest = _fingerprint(key)
        with self._lock:
            known = self._keys.get(digest)
            if known is None:
                message = "this key was never added, so it can't be revoked"
                raise LookupError(message)
            self._keys[digest] = replace(known, revoked=True)
        self._tell(key)

    def down(self) -> None:
        """Be out of reach from now on. Keys that a validator has cached stay good for as long as it trusts them."""
        with self._lock:
            self._down = True

    def up(self) -> None:
        """Be back. A validator that failed five times in a row asks again only after a second, or up to ten."""
        with self._lock:
            self._down = False

    def _tell(self, key: str) -> None:
        for validator in validators():
            if validator.issuer is self:
                validator.forget(key)

    # ---- for validators

    def check(self, key: str, timeout: float) -> Answer:  # noqa: ARG002 - it answers at once
        """See ``Issuer.check``."""
        digest = fingerprint(key.encode("utf-8", "surrogatepass"))
        with self._lock:
            self.asked.append(short(digest))
            if self._down:
                return _DOWN
            known = self._keys.get(digest)
            if known is None or known.revoked:
                return _INVALID
            left = None if known.ends is None else known.ends - self._clock()
            return Answer(replace(known.grant, expires_in=left))

    async def acheck(self, key: str, timeout: float) -> Answer:
        """See ``Issuer.acheck``."""
        return self.check(key, timeout)


def _fingerprint(key: object) -> bytes:
    if not isinstance(key, str) or not KEY.fullmatch(presented := key.encode("utf-8", "surrogatepass")):
        message = "key: it is refused; a key is a string of 1 to 512 visible ASCII characters"
        raise ConfigurationError(message)
    return fingerprint(presented)


def _workspace(workspace: object) -> Workspace:
    made = Workspace(workspace) if isinstance(workspace, str) else workspace
    if not isinstance(made, Workspace) or not isinstance(made.slug, str) or not SLUG.fullmatch(made.slug):
        message = f"workspace: {workspace!r} is refused; allowed is a Workspace or a slug such as 'my-workspace'"
        raise ConfigurationError(message)
    return made


def assert_all_routes_protected(
    app: Callable[..., object],
    exempt: Iterable[str] = (),
    *,
    params: Mapping[str, str] | None = None,
    host: str = "localhost",
) -> None:
    """Ask for every route of an app, with each of its methods, without a key: each must answer 401.

    WebSockets must be refused with 401, or closed with 1008, before they are accepted. Routes of mounts, sub-apps
    and hosts count. A mounted app that can't be looked into is asked for one path with every method, and is shown as
    ``/mount/*``. Not asked for: paths that are no route, what a middleware of your own answers by itself, and the
    ``OPTIONS`` that Flask adds and answers without running the view. A route that is open is really called.

    Args:
        app: a Flask, Starlette or FastAPI app, or a middleware around one.
        exempt: what needs no key, as the list in the message of this function shows it: ``/path``,
            ``/items/{id}``, ``/prefix/*`` for all below, or one method of these: ``GET /path``.
        params: values for parameters in paths, by name, where none of the usual ones fits.
        host: what stands in ``Host``.

    Raises:
        AssertionError: a route is open; or an entry of ``exempt`` names no route, or only routes that need a key.
        ConfigurationError: ``exempt`` is not a list of strings.
        TypeError: the app is of another kind, or has routes of an unknown kind.
    """
    __tracebackhide__ = True
    entries = texts({"exempt": exempt}, "exempt")
    routes = routes_of(app, params or {})
    if not routes:
        message = "the app has no routes at all: is it the right one, and is everything registered?"
        raise AssertionError(message)
    results = list(zip(routes, probe(app, routes, host), strict=True))
    problems = [
        f"{route} -> {outcome.text}"
        for route, outcome in results
        if not outcome.refused and not any(route.named_by(entry) for entry in entries)
    ]
    problems += [f"exempt {entry!r}: {why}" for entry in entries if (why := _stale(entry, results))]
    if problems:
        raise AssertionError("\n  ".join(["without a key:", *problems]))


def _stale(entry: str, results: Iterable[tuple[Route, Outcome]]) -> str:
    """Return why an entry of the list of exemptions should not be in it; empty when it should."""
    named = [outcome for route, outcome in results if route.named_by(entry)]
    if not named:
        return "the app has no such route"
    return "it answers 401, so it is protected after all" if all(each.refused for each in named) else ""
