"""Small servers on real sockets, in threads: one that answers, one that never does, one that drips."""

import asyncio
import json
import re
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

TICK = 0.02
Behave = Callable[[socket.socket, "Server"], None]


@dataclass
class Server:
    """A server that is running.

    Attributes:
        url: its base URL.
        accepted: connections so far.
        over: set when the first connection has been given up by the other end.
    """

    url: str
    accepted: list[socket.socket] = field(default_factory=list[socket.socket])
    open: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    ending: threading.Event = field(default_factory=threading.Event)


def requests(connection: socket.socket) -> Generator[tuple[str, bytes]]:
    """Yield head and body of each request, whole, until the other end has gone.

    What is left unread when a connection is closed resets it, and the answer may be lost (RFC 9112 section 9.6).
    """
    arrived = b""
    while True:
        while b"\r\n\r\n" not in arrived:
            if not (part := connection.recv(65536)):
                return
            arrived += part
        head, _, body = arrived.partition(b"\r\n\r\n")
        length = int((re.findall(rb"(?i)content-length: (\d+)", head) or [0])[0])
        while len(body) < length:
            if not (part := connection.recv(65536)):
                return
            body += part
        arrived = body[length:]
        yield head.decode(), body[:length]


def ok(body: bytes = b'{"workspace": "acme"}') -> Behave:
    """Answer each request with this body, and keep the connection."""

    def behave(connection: socket.socket, server: Server) -> None:
        for _ in requests(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    return behave


def silent(connection: socket.socket, server: Server) -> None:
    """Take the request and never answer."""
    while connection.recv(65536):
        pass


def drip(head: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n") -> Behave:
    """Answer with a byte now and then, each in time for those who count the time between bytes."""

    def behave(connection: socket.socket, server: Server) -> None:
        next(requests(connection), None)
        connection.sendall(head)
        while not server.ending.wait(TICK):
            connection.sendall(b"x")

    return behave


@contextmanager
def serving(behave: Behave) -> Generator[Server]:
    """Run a server until the block ends."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    server = Server(f"http://127.0.0.1:{listening.getsockname()[1]}")

    def talk(connection: socket.socket) -> None:
        server.open += 1
        try:
            behave(connection, server)
        except OSError:
            pass  # the other end has gone
        finally:
            connection.close()
            server.open -= 1
            server.over.set()

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            server.accepted.append(connection)
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for connection in server.accepted:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed already
        thread.join(10)


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: it was not so in time.
    """
    pause = threading.Event()
    for _ in range(int(seconds / 0.005)):
        if condition():
            return
        pause.wait(0.005)
    assert condition()


async def listen_no_more(server: asyncio.Server) -> None:
    """Close a server of asyncio's, and lose no connection that it accepted a moment ago.

    Between accepting and attaching one it lets a turn of the loop pass. Closed in that turn it drops the connection
    unclosed (the assertion in ``asyncio.Server._attach``, Python 3.11), and the collector warns in some later test.
    """
    loop = asyncio.get_running_loop()
    for door in server.sockets:
        loop.remove_reader(door.fileno())
    await asyncio.sleep(0)
    server.close()


@dataclass
class Issuing:
    """What a small issuer with a feed has been asked: method and path of each request, in order."""

    asked: list[str] = field(default_factory=list[str])
    sessions: list[str] = field(default_factory=list[str])

    def __call__(self, connection: socket.socket, server: Server) -> None:
        """Answer as an issuer does whose every key is good, holding polls back for a moment."""
        for head, body in requests(connection):
            method, path = head.split()[:2]
            answer = json.dumps(self.answer(method, path, body, server)).encode()
            self.asked.append(f"{method} {path}")
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))

    def answer(self, method: str, path: str, body: bytes, server: Server) -> dict[str, object]:
        """Return the body of an answer."""
        if path == "/introspect":
            return {"active": True, "workspace": "acme", "epoch": "e", "head": 0}
        if (method, path) == ("POST", "/feed"):
            poll = json.loads(body)
            known = poll["session"] in self.sessions
            if known:
                server.ending.wait(0.1)
            else:
                self.sessions.append(poll["session"])
            return {"epoch": "e", "reset": not known, "head": 0, "events": [], "lease": 2.0}
        return {"issuer": server.url, "revocation_feed_endpoint": f"{server.url}/feed"}
