"""An issuer that grants everything, counts questions, and notes how it is closed."""

from rf_middleware import Grant, Workspace
from rf_middleware._flight import Answer


class Counting:
    """An issuer that grants everything, counts questions, and notes how it is closed."""

    def __init__(self, name: str = "acme") -> None:
        self.name = name
        self.asked: list[str] = []
        self.closed: list[str] = []

    def __repr__(self) -> str:
        return f"Counting({self.name})"

    def check(self, key: str, timeout: float) -> Answer:
        """Grant."""
        self.asked.append(key)
        return Answer(Grant(Workspace(self.name)))

    async def acheck(self, key: str, timeout: float) -> Answer:
        """Grant."""
        return self.check(key, timeout)

    def close(self) -> None:
        """Note it."""
        self.closed.append("close")

    async def aclose(self) -> None:
        """Note it."""
        self.closed.append("aclose")

    def forked(self) -> None:
        """Note it."""
        self.closed.append("forked")
