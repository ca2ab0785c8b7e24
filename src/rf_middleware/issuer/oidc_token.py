"""Reads what an OpenID provider says of a person. Pure: what comes over the network is passed in.

* A signature counts by an algorithm that is listed here, with a public key that the provider publishes: never
  ``none``, never one with a shared secret, and never with a key that the token itself brings along.
* The ID token is for us, from the issuer, for this sign-in, and of now (OpenID Connect Core 1.0, section 3.1.3.7).
* The e-mail address may decide whose account it is: so it is verified by the provider, in an allowed domain, and ASCII
  (other letters turn into ASCII ones in lower case: the Kelvin sign is a "k").
* Nothing of a token is repeated in what is said about it.
"""

import string
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final, cast

from authlib.oauth2.claims import ClaimsOption
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, InvalidKeyIdError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import JWKRegistry, Key, KeySet
from joserfc.jws import JWSRegistry

from rf_middleware.issuer.oidc_failures import Reason, SignInFailed, UnknownKey

__all__ = ["LEEWAY", "Claims", "Expected", "claims_of", "keys_of", "verified"]

_ALGORITHMS: Final = frozenset({"RS256", "PS256", "ES256", "EdDSA", "Ed25519"})
_KINDS: Final = frozenset({"RSA", "EC", "OKP"})
_SHORTEST_RSA: Final = 342
_LONGEST_RSA: Final = 2731
"""Characters in base64url of a modulus of 2048 bits, and of one of 16384."""

LEEWAY: Final = 60
"""Seconds that the provider's clock may differ from ours."""

_EMAIL: Final = frozenset(string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~.-@")
_LONGEST_EMAIL: Final = 320
_LONGEST_NAME: Final = 200
_LONGEST_SUBJECT: Final = 255


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token has to say.

    Attributes:
        issuer: who it is from.
        client_id: who it is for.
        nonce: for which sign-in.
        since: when the person was asked to show who it is, in seconds since 1970; ``None`` if it was not.
    """

    issuer: str
    client_id: str
    nonce: str = field(repr=False)
    since: float | None


@dataclass(frozen=True, slots=True)
class Claims:
    """Who somebody is, as the provider says.

    Attributes:
        issuer: the provider.
        subject: the person, by a name that never changes and is never given to another.
        email: verified, in lower case.
        name: for people to read.
        authenticated_at: when the person last showed who it is, in seconds since 1970; ``None`` if that was not said.
    """

    issuer: str
    subject: str
    email: str
    name: str
    authenticated_at: float | None


class _OurAlgorithms(JWSRegistry):
    """Knows the algorithms that are listed here and no others; other members of a header are free."""

    def __init__(self) -> None:
        super().__init__(strict_check_header=False)

    def get_alg(self, name: str) -> Any:  # noqa: ANN401 - the type has no public name
        """Return an algorithm of the list."""
        if name not in _ALGORITHMS:
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


def keys_of(document: object) -> KeySet:
    """Return the public keys of a JSON Web Key Set with which signatures are checked; others are left out."""
    given = cast("Mapping[str, object]", document).get("keys") if isinstance(document, Mapping) else None
    listed = cast("list[object]", given) if isinstance(given, list) else []
    keys = [_key(cast("dict[str, Any]", each)) for each in listed if isinstance(each, dict)]
    return KeySet([key for key in keys if key is not None])


def verified(token: object, keys: KeySet, expected: Expected, now: float) -> Mapping[str, object]:
    """Return what an ID token says, once it is known to be true.

    Raises:
        UnknownKey: the key it names is not among these.
        SignInFailed: it is no ID token, or not the one that is expected.
    """
    try:
        read = jwt.decode(token if isinstance(token, str) else "", keys, registry=_OurAlgorithms())
        iss: ClaimsOption = {"essential": True, "value": expected.issuer}
        aud: ClaimsOption = {"essential": True, "value": expected.client_id}
        about = {"nonce": expected.nonce, "client_id": expected.client_id}
        CodeIDToken(read.claims, read.header, {"iss": iss, "aud": aud}, about).validate(int(now), LEEWAY)
    except InvalidKeyIdError:
        raise UnknownKey from None
    except ExpiredTokenError:
        raise SignInFailed(Reason.EXPIRED) from None
    except ClaimError as error:
        raise SignInFailed(Reason.CLAIM, error.claim) from None
    except UnsupportedAlgorithmError:
        raise SignInFailed(Reason.ALGORITHM) from None
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise SignInFailed(Reason.UNSIGNED) from None
    claims = cast("Mapping[str, object]", read.claims)
    _check_time(claims, expected.since, now)
    return claims


def claims_of(said: Mapping[str, object], issuer: str, domains: AbstractSet[str]) -> Claims:
    """Return who somebody is.

    Args:
        said: an ID token that was verified, with what the provider says besides.
        issuer: the provider.
        domains: in which the e-mail address may be; none for any.

    Raises:
        SignInFailed: no usable name or address, or one that may not sign in here.
    """
    subject, email, name, shown = (said.get(each) for each in ("sub", "email", "name", "auth_time"))
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise SignInFailed(Reason.CLAIM, "sub")
    if not isinstance(email, str):
        raise SignInFailed(Reason.NO_EMAIL)
    local, _, domain = email.partition("@")
    if not local or not domain or "@" in domain or len(email) > _LONGEST_EMAIL or not set(email) <= _EMAIL:
        raise SignInFailed(Reason.ODD_EMAIL)
    if said.get("email_verified") is not True:
        raise SignInFailed(Reason.UNVERIFIED_EMAIL)
    if domains and domain.lower() not in domains:
        raise SignInFailed(Reason.OTHER_DOMAIN)
    readable = isinstance(name, str) and 0 < len(name.strip()) <= _LONGEST_NAME and name.isprintable()
    return Claims(
        issuer=issuer,
        subject=subject,
        email=email.lower(),
        name=str(name).strip() if readable else email.lower(),
        authenticated_at=float(shown) if isinstance(shown, int | float) else None,
    )


def _key(given: dict[str, Any]) -> Key | None:
    """Return a public key that signatures can be checked with; ``None`` for anything else."""
    kind, modulus = given.get("kty"), given.get("n", "")
    if not isinstance(kind, str) or kind not in _KINDS or given.get("use", "sig") != "sig":
        return None
    if kind == "RSA" and not (isinstance(modulus, str) and _SHORTEST_RSA <= len(modulus) <= _LONGEST_RSA):
        return None
    try:
        key = JWKRegistry.import_key(given)
        key.ensure_kid()
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key


def _check_time(claims: Mapping[str, object], since: float | None, now: float) -> None:
    """See that the person showed who it is when it should have.

    Authlib takes a token without this time where ``max_age`` is 0.
    """
    shown = claims.get("auth_time")
    if shown is None and since is None:
        return
    if not isinstance(shown, int | float) or isinstance(shown, bool):
        raise SignInFailed(Reason.WHEN_UNKNOWN)
    if not 0 <= shown <= now + LEEWAY:
        raise SignInFailed(Reason.CLAIM, "auth_time")
    if since is not None and shown < since - LEEWAY:
        raise SignInFailed(Reason.NOT_AGAIN)
