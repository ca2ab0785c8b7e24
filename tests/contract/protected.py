"""One protected app, ready to be called."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from rf_middleware import Validator
from rf_middleware.exceptions import Refused
from tests.contract.issuing import GOOD, Keys
from tests.contract.subjects import Subject
from tests.harness import Answer, Pairs, Request, Talk

__all__ = ["Protect", "Protected"]


@dataclass(frozen=True)
class Protected:
    """An app behind one of the subjects.

    Attributes:
        keys: the issuer, which counts.
    """

    subject: Subject
    app: Any
    keys: Keys
    validator: Validator

    def call(self, target: str = "/echo", *headers: tuple[str, str], method: str = "GET", **rest: Any) -> Answer:
        """Send a request."""
        return self.send(Request(method, target, headers, **rest))

    def send(self, request: Request) -> Answer:
        """Send a request that is there already."""
        return self.subject.call(self.app, request)

    def connect(self, target: str = "/echo", *headers: tuple[str, str], denial_response: bool = True) -> Talk:
        """Open a WebSocket."""
        return self.subject.connect(self.app, Request("GET", target, headers), denial_response=denial_response)

    def warm(self, key: str = GOOD) -> None:
        """Have a good key cached, and forget that the issuer was asked."""
        assert self.call("/echo", ("Authorization", f"Bearer {key}")).status == 200
        self.keys.asked.clear()


class Protect(Protocol):
    """Builds a protected app from a subject, the headers its app sets, and options; those of the validator too."""

    def __call__(
        self,
        subject: Subject,
        *,
        keys: Keys | None = None,
        headers: Pairs = (),
        on_denied: Callable[[Refused, Any], Any] | None = None,
        **options: Any,
    ) -> Protected: ...
