"""What a decorator or a dependency decides inside, or without, a middleware. Pure.

* With an issuer or validator of its own it asks that, and nothing around it matters.
* Else it belongs to the middleware or extension around it: a key that was checked there is not checked
  again, and what the middleware asks of a grant holds here too.
* It needs a key also where the middleware says ``exempt`` or ``optional``.
"""

from collections.abc import Mapping

from rf_middleware._guard import Guard, Visit, make_guard
from rf_middleware._models import Refusal
from rf_middleware._options import Options, known
from rf_middleware._values import settled
from rf_middleware.issuers import Issuer
from rf_middleware.validator import Validator

__all__ = ["Inner"]


class Inner:
    """The guard of one decorated route.

    Args:
        allowed: the typed dictionary of the options this kind of decorator has.
        settings: those that were given.
        issuer: of its own.
        validator: of its own.
        add: what to add when there is neither, nor a middleware; the end of a sentence.

    Raises:
        ConfigurationError: a wrong option, named.
    """

    def __init__(
        self,
        allowed: type,
        settings: Mapping[str, object],
        issuer: Issuer | str | None = None,
        validator: Validator | None = None,
        *,
        add: str,
    ) -> None:
        known(settings, allowed)
        settings = settled(settings)
        Options.of(settings)
        self._settings = settings
        self._add = add
        self._own: Guard | None = None
        if issuer is not None or validator is not None:
            self._own = make_guard(issuer, validator, settings, decorates=True)
        self._reads_itself = bool(settings.keys() & {"locations", "ambiguous"})

    def guard(self, outer: Visit | None) -> Guard:
        """Return who decides here.

        Raises:
            RuntimeError: there is no validator; the message says what to add.
        """
        if self._own is not None:
            return self._own
        if outer is None:
            message = f"no validator is known here: {self._add}"
            raise RuntimeError(message)
        around = outer.guard
        inner = around.within.get(self)
        if inner is None:
            inner = around.within[self] = Guard(around.options.inner(self._settings), around.validator, decorates=True)
        return inner

    def known(self, outer: Visit | None) -> Visit | Refusal | None:
        """Decide by what was checked further out; ``None``: look for the key."""
        if self._own is not None or self._reads_itself or outer is None or outer.grant is None:
            return None
        return self.guard(outer).options.access.refusal(outer.grant) or outer
