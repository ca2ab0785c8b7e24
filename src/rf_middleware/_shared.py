"""One validator for all the decorators that would make the same one: one cache and one feed, not one for each route.

The environment is part of what has to be the same. A validator lives as long as a decorator uses it.
"""

import os
from typing import Final
from weakref import WeakValueDictionary

from rf_middleware._fingerprint import fingerprint
from rf_middleware._options import ValidatorSettings
from rf_middleware.issuers import Issuer
from rf_middleware.validator import Validator

__all__ = ["shared"]

_made: Final = WeakValueDictionary[bytes, Validator]()


def shared(issuer: Issuer | str | None, settings: ValidatorSettings) -> Validator:
    """Return the validator of this process for an issuer and settings; an issuer object is itself and no other.

    Raises:
        ConfigurationError: a wrong option, named.
    """
    whom = issuer.rstrip("/") if isinstance(issuer, str) else id(issuer)  # which its validator keeps from another
    environment = [os.environ.get(name) for name in ("RF_ISSUER_URL", "RF_ISSUER_TOKEN")]
    same = fingerprint(ascii((whom, environment, sorted(settings.items()))).encode())  # a digest: one is a secret
    validator = _made.get(same)
    if validator is None:
        # No lock: two threads at once make two, which work as well, and no child finds a lock held.
        validator = _made[same] = Validator(issuer, **settings)
    return validator
