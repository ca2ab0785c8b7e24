"""Finds the vault for the secrets of a store: for ``serve``, and for the commands that make keys beside it."""

import os
from collections.abc import Callable

from rf_middleware.issuer.kek import open_vault
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.vault import Vault

__all__ = ["vault_of"]


def vault_of(store: Store, say: Callable[[str], None]) -> Vault | None:
    """Return the vault; ``None`` where no secrets are kept, or where they can't be kept now, which is said.

    Raises:
        DatabaseProblem: ``RF_KEY_ENCRYPTION_KEY`` holds no key.
    """
    return None if store.write_once() else open_vault(store.path, os.environ, store.sealed_with(), say)
