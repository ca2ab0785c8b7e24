"""What the issuer's routes are made of: put together once, when the server starts."""

from dataclasses import dataclass, field

from rf_middleware._clock import Clock, now
from rf_middleware.issuer.minting import Minting, sealing
from rf_middleware.issuer.oidc import OpenIDConnect
from rf_middleware.issuer.passwords import Passwords
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.uses import Uses
from rf_middleware.issuer.vault import Vault

__all__ = ["Parts"]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts that routes share.

    Attributes:
        store: the database.
        revocations: the running feed over the same database.
        uses: notes which keys were asked about.
        lease: seconds that are granted to validators.
        clock: for limits.
        vault: opens the encrypted secrets; ``None`` where none are kept.
        passwords: hashes and checks those of people.
        public_url: the address people and clients reach this issuer at, without a slash at the end; ``None``: the one
            of each request.
        trusted_proxies: how many proxies requests come through, each of which adds to ``X-Forwarded-For``.
        oidc: signs people in at an OpenID provider; ``None`` where there is none.
    """

    store: Store
    revocations: Revocations
    uses: Uses
    lease: float
    clock: Clock = now
    vault: Vault | None = None
    passwords: Passwords = field(default_factory=Passwords)
    public_url: str | None = None
    trusted_proxies: int = 0
    oidc: OpenIDConnect | None = None

    def minting(self) -> Minting:
        """Return what makes keys, and encrypts a copy of their secrets where that is wanted."""
        return Minting(sealing(self.vault))
