"""Values as they are shown: in a traceback with locals, in a debugger, by whatever prints them."""

import dataclasses
import pkgutil
from importlib import import_module

import rf_middleware

NAMES = {"access_token", "csrf", "key", "link", "nonce", "password", "secret", "state", "token", "verifier"}
NO_SECRETS = {
    "rf_middleware.issuer.device.Device.state",  # pending, approved, ...
    "rf_middleware.issuer.oidc_provider.Endpoints.token",  # an address
    "rf_middleware.issuer.people.Person.password",  # its own repr shows the id alone
}


def shown() -> set[str]:
    """Return the fields of texts called like a secret that the ``repr`` of a dataclass shows."""
    found: set[str] = set()
    for module in pkgutil.walk_packages(rf_middleware.__path__, "rf_middleware."):
        for kind in vars(import_module(module.name)).values():
            if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module.name:
                found |= {
                    f"{module.name}.{kind.__name__}.{each.name}"
                    for each in dataclasses.fields(kind)
                    if each.repr and each.name in NAMES and each.type in {str, str | None, "str", "str | None"}
                }
    return found


def test_no_value_shows_a_secret() -> None:
    """What is called like one is left out of the repr, or is a Secret; what is none is on the list."""
    assert shown() == NO_SECRETS
