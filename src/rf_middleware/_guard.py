"""One protected app, route or view: its options, its validator, and what becomes of a request. Pure.

Every adapter does the same: ``examine`` the request (a hit ends here), have the validator resolve the key of
a ``Pending`` one, ``settle`` it. What comes out is a ``Visit`` or a ``Refusal``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from rf_middleware import _query
from rf_middleware._address import client_of, network
from rf_middleware._credentials import PUBLISHABLE, Pairs
from rf_middleware._locations import Carrier
from rf_middleware._models import Grant, Reason, Refusal, Verdict
from rf_middleware._options import Options, ValidatorSettings, split
from rf_middleware._presented import KEY
from rf_middleware._secret import Unpicklable
from rf_middleware._shared import shared
from rf_middleware._values import by_variable
from rf_middleware.exceptions import ConfigurationError
from rf_middleware.issuers import Issuer
from rf_middleware.validator import Validator

__all__ = ["CONTEXT", "REFUSED", "Guard", "Pending", "Unread", "Visit", "make_guard"]

CONTEXT: Final = "rf_middleware.visit"
"""Where a scope or an environ carries the visit, for decorators further in."""

REFUSED: Final = "rf_middleware.refused"
"""What marks a scope or an environ while the user's own answer to a refusal runs: should it lead back here, the
standard answer is sent."""

_OPENING: Final = frozenset({"exempt", "optional", "publishable"})
_NO_CARRIER: Final = Carrier()
_MISSING: Final = Refusal(Reason.MISSING_KEY)
_AMBIGUOUS: Final = Refusal(Reason.AMBIGUOUS_KEY)
_INVALID: Final = Refusal(Reason.INVALID_KEY)


class Visit(Unpicklable):
    """A request that may go on.

    Attributes:
        guard: who let it in.
        grant: of its key; ``None`` when it has none and needs none.
        key: the key itself, to ask again about an open stream; empty without one. Not in the repr.
        carrier: where the key was.
        query: the query string as it came, before the key was stripped; for a decorator that reads again.
    """

    __slots__ = ("carrier", "grant", "guard", "key", "query")

    def __init__(self, guard: "Guard", grant: Grant | None, key: bytes, carrier: Carrier, query: bytes) -> None:
        self.guard = guard
        self.grant = grant
        self.key = key
        self.carrier = carrier
        self.query = query

    def goes_on(self, digest: bytes) -> bool:
        """Say whether what is cached lets a stream of this request go on; else ``asked_again`` decides."""
        grant = self.guard.validator.peek(digest)
        return grant is not None and (grant is self.grant or self.guard.admits(grant))

    def asked_again(self, verdict: Verdict) -> Refusal | None:
        """Return why a stream of this request ends, given what the validator says of its key now."""
        outcome = self.guard.settle(Pending(self.key, self.carrier, self.query), verdict)
        return outcome if isinstance(outcome, Refusal) else None

    def told(self) -> tuple[str, str] | None:
        """Return the response header that tells the workspace, when one is asked for."""
        name = self.guard.tells
        return None if name is None or self.grant is None else (name, self.grant.workspace.slug)

    def __repr__(self) -> str:
        return f"Visit({self.grant!r})"


@dataclass(frozen=True, slots=True)
class Pending(Unpicklable):
    """A request whose key the validator has to resolve."""

    key: bytes = field(repr=False)
    carrier: Carrier
    query: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unread(Unpicklable):
    """A request whose body has to be looked into first."""

    query: bytes = field(repr=False)
    named: Pairs = field(repr=False)


class Guard:
    """Decides about requests.

    Args:
        options: what to look for and what a grant must be good for.
        validator: who knows the keys.
        decorates: whether it stands before one route, and not before a whole app.

    Attributes:
        within: the guards of decorated routes inside, by who made them.
    """

    def __init__(self, options: Options, validator: Validator, *, decorates: bool = False) -> None:
        self.options = options
        self.decorates = decorates
        self.within: dict[object, Guard] = {}
        self.validator = validator
        self.streams = validator.streams
        self.has_exempt = bool(options.exempt)
        self.strips = options.strip
        self.tells = options.workspace_header
        reader = options.reader
        self.looks_into_bodies = bool(reader.json_fields)
        self.watched = reader.header_names | {b"referer"}
        self.in_headers, self.in_query = reader.in_headers, reader.in_query
        self.variables = [
            (each, "HTTP_" + each.decode().upper().replace("-", "_")) for each in sorted(reader.header_names)
        ]
        self.in_variables = [(variable, *_as_text(self.in_headers.get(name))) for name, variable in self.variables]
        self._asks = options.access.workspaces is not None or bool(options.access.scopes)
        self._names = reader.query_names
        self._peek = validator.peek
        self._read = reader.read
        self._refusal = options.access.refusal

    def split(self, query: bytes) -> tuple[Pairs, bytes]:
        """Take what may be keys out of a query; return that, and the rest."""
        return _query.split(query, self._names) if query and self._names else ((), query)

    def admits(self, grant: Grant) -> bool:
        """Tell whether a grant is good for what is guarded."""
        return self._refusal(grant) is None

    def admit(self, key: bytes, carrier: Carrier, query: bytes) -> Visit | None:
        """Let a request in, if its key is cached and good for what is guarded."""
        grant = self._peek(sha256(key).digest())
        if grant is None or ((self._asks or grant.publishable) and not self.admits(grant)):
            return None
        return Visit(self, grant, key, carrier, query)

    def examine(self, headers: Pairs, named: Pairs, query: bytes, body: bytes = b"") -> Visit | Refusal | Pending:
        """Read the key and decide, as far as that goes without asking anybody.

        Args:
            headers: those named in ``watched``.
            named: what ``split`` took out of the query.
            query: the query as it came.
            body: when it was looked into.
        """
        found = self._read(headers, named, body)
        if not isinstance(found, tuple):
            if found is Reason.AMBIGUOUS_KEY:
                return _AMBIGUOUS
            return self.unguarded(query) if self.options.optional else _MISSING
        key, carrier = found
        grant = self._peek(sha256(key).digest())
        if grant is not None:
            return self._refusal(grant) or Visit(self, grant, key, carrier, query)
        if not KEY.fullmatch(key) or (key.startswith(PUBLISHABLE) and not self.options.publishable):
            return _INVALID
        return Pending(key, carrier, query)

    def settle(self, pending: Pending, verdict: Verdict) -> Visit | Refusal:
        """Decide about a key that the validator has resolved."""
        if isinstance(verdict, Refusal):
            return verdict
        carrier = pending.carrier if verdict.stale_for is None else pending.carrier.stale(verdict.stale_for)
        return self._refusal(verdict) or Visit(self, verdict, pending.key, carrier, pending.query)

    def client(self, peer: str, forwarded: str) -> str:
        """Return who sent a request, for the limits by client; empty where these are off.

        Args:
            peer: who opened the connection.
            forwarded: ``X-Forwarded-For`` as it came.
        """
        proxies = self.options.trusted_proxies
        return "" if proxies is None else network(client_of(peer, forwarded, proxies))

    def exempts(self, path: str, raw: bytes) -> bool:
        """Tell whether a path needs no key."""
        return self.options.exempt.allows(path, raw)

    def unguarded(self, query: bytes) -> Visit:
        """Return the visit of a request that needs no key here; a decorator further in may still want one."""
        return Visit(self, None, b"", _NO_CARRIER, query)

    def stripped_target(self, target: bytes) -> bytes:
        """Return a request target or URL without the keys in its query."""
        return _query.strip_target(target, self._names) if self.strips else target


def _as_text(written: tuple[bytes, int, Carrier] | None) -> tuple[str | None, int, Carrier]:
    """Return how a key is written in a variable of WSGI; of one that is no whole location nothing begins so."""
    return (None, 0, _NO_CARRIER) if written is None else (written[0].decode(), *written[1:])


def make_guard(
    issuer: Issuer | str | None,
    validator: Validator | None,
    settings: Mapping[str, object],
    *,
    decorates: bool = False,
) -> Guard:
    """Make the guard that an adapter's arguments and the environment describe.

    Raises:
        ConfigurationError: a wrong option, named.
    """
    mine, validators = split(settings)
    if decorates:  # the environment may open an app, never a single route that asks for a key
        mine = {name: value for name, value in mine.items() if name in settings or name not in _OPENING}
    try:
        options = Options.of(mine)
        if validator is None:
            validator = shared(issuer, validators) if decorates else Validator(issuer, **validators)
        else:
            _check(issuer, validator, validators, settings)
    except ConfigurationError as wrong:
        raise by_variable(wrong, settings) from None
    return Guard(options, validator, decorates=decorates)


def _check(
    issuer: Issuer | str | None, validator: Validator, made_with: ValidatorSettings, given: Mapping[str, object]
) -> None:
    """Check what was given beside a validator.

    Raises:
        ConfigurationError: an issuer too, or options that are the validator's; or it is none.
    """
    if not isinstance(validator, Validator):  # pyright: ignore[reportUnnecessaryIsInstance] - users without types
        message = f"validator: a {type(validator).__name__} is refused; allowed is a Validator, or None"
        raise ConfigurationError(message)
    if issuer is not None:
        message = "issuer: refused together with validator, which has its own; give one of them"
        raise ConfigurationError(message)
    late = sorted(made_with.keys() & given.keys())
    if late:
        message = f"{late[0]}: refused together with validator; give it to Validator(...) itself"
        raise ConfigurationError(message)
