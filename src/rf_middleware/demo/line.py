"""One connection that is kept open: every request on it reaches the same process.

It is never opened anew behind one's back, so a refusal, which names no process, is known to be that process's.
"""

import json
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Final, cast
from urllib.parse import urlsplit

from rf_middleware.demo.failed import Silent

__all__ = ["Answer", "Line"]

_PATIENCE: Final = 15.0
"""Seconds: longer than any revocation of the demo may take."""


@dataclass(frozen=True)
class Answer:
    """What came back: a status and a JSON object."""

    status: int
    body: dict[str, object]

    @property
    def problem(self) -> str:
        """The end of the problem type; empty when the body is none."""
        return str(self.body.get("type", "")).rpartition(":")[2]

    def __str__(self) -> str:
        """Return the status and, of a refusal, its problem."""
        return f"{self.status} {self.problem}".rstrip()


class Line:
    """A connection to one of the servers.

    Args:
        address: ``http://127.0.0.1:PORT``.

    Raises:
        Silent: nobody listens there.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._address = address
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE)
        try:
            self._connection.connect()
        except OSError as error:
            raise self._silent(error) from None
        self._connection.auto_open = 0

    def ask(self, path: str, key: str = "", method: str = "GET", body: object = None) -> Answer:
        """Send a request and wait for its answer.

        Raises:
            Silent: none came.
        """
        self.send(path, key, method, body)
        return self.answer()

    def send(self, path: str, key: str = "", method: str = "GET", body: object = None) -> None:
        """Send a request; ``answer`` waits for what comes back.

        Raises:
            Silent: the other end has hung up.
        """
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        except (OSError, HTTPException) as error:
            raise self._silent(error) from None

    def answer(self) -> Answer:
        """Wait for the answer to what was sent.

        Raises:
            Silent: none came, or not JSON.
        """
        try:
            response = self._connection.getresponse()
            parsed: object = json.loads(response.read())
        except (OSError, HTTPException, ValueError) as error:
            raise self._silent(error) from None
        return Answer(response.status, cast("dict[str, object]", parsed) if isinstance(parsed, dict) else {})

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _silent(self, error: Exception) -> Silent:
        return Silent(f"{self._address} hung up or did not answer in time ({type(error).__name__})")
