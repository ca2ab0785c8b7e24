"""The targets of the fuzzer over the inputs that are kept, and over parts that are broken on purpose."""

from collections.abc import Callable
from typing import Any

import pytest

from rf_middleware._core import Core
from rf_middleware._credentials import Reader
from rf_middleware._lease import News
from rf_middleware._models import Reason
from rf_middleware._query import split
from rf_middleware._rules import Exempt, inner_path
from rf_middleware._wire import Poll, Reply
from rf_middleware._wsgi_body import read_body
from tests.fuzz import body, exempt, keys, lease, messages
from tests.fuzz.targets import TARGETS, corpus

Check = Callable[[bytes], None]


@pytest.mark.parametrize("name", TARGETS)
def test_every_input_that_is_kept_keeps_the_rules(name: str) -> None:
    """What the fuzzer once found worth keeping breaks no rule of its target."""
    inputs = corpus(name)
    assert len(inputs) == len(set(inputs)) > 3
    for data in inputs:
        TARGETS[name](data)


class Decoded(Exempt):
    """Rules that look at the decoded path only."""

    def allows(self, path: str, raw: bytes) -> bool:
        """Forget how it was written."""
        return path in self


class Prefixed(Exempt):
    """Rules that are prefixes, whatever follows."""

    def allows(self, path: str, raw: bytes) -> bool:
        """Look at the beginning."""
        return path.startswith((*self._exact, *self._prefixes)) and super().allows("/", b"") is False


class Shut(Exempt):
    """Rules that open nothing."""

    def allows(self, path: str, raw: bytes) -> bool:
        """Never."""
        return False


def first_wins(reader: Reader, headers: Any, named: Any, sent: bytes = b"") -> Any:
    """Read the first of several headers, and of several names in the query."""
    seen = dict(reversed(headers))
    return Reader.read(reader, list(seen.items()), list(dict(reversed(named)).items()), sent)


def never_ambiguous(reader: Reader, headers: Any, named: Any, sent: bytes = b"") -> Any:
    """Say that nothing is there where there is too much."""
    found = Reader.read(reader, headers, named, sent)
    return Reason.MISSING_KEY if found is Reason.AMBIGUOUS_KEY else found


def undecoded(query: bytes, names: frozenset[bytes]) -> Any:
    """Split without decoding names."""
    taken = [part.partition(b"=")[::2] for part in query.split(b"&") if part.partition(b"=")[0] in names]
    kept = [part for part in query.split(b"&") if part.partition(b"=")[0] not in names]
    return taken, b"&".join(kept)


def unstripped(query: bytes, names: frozenset[bytes]) -> Any:
    """Split without taking anything out."""
    return split(query, names)[0], query


def slashed(path: str, root: str) -> str:
    """Cut off a root as if it never ended in a slash."""
    return inner_path(path, root.rstrip("/"))


def last_member(reader: Reader, headers: Any, named: Any, sent: bytes = b"") -> Any:
    """Read a body as ``json.loads`` does, which takes the last of two members."""
    held = dict(keys.members(sent))
    found = [held[name] for name in ("api_key", "k") if isinstance(held.get(name), str)]
    return (str(found[0]).strip(" \t").encode("utf-8", "surrogatepass"), None) if found else Reason.MISSING_KEY


def swallowed(environ: Any, limit: int) -> bytes:
    """Read a body, and put only that back which was looked into."""
    whole = read_body(environ, limit)
    if not whole:
        environ["wsgi.input"].read(1)
    return whole


def trusting(raw: Any) -> Reply | Poll:
    """Read a reply without looking at the order of its events."""
    try:
        return Reply.parse(raw)
    except ValueError as error:
        if "order" not in str(error):
            raise
    return Reply.parse({**raw, "events": []})


class Deaf(Core):
    """A core that takes the lease and forgets nothing."""

    def apply(self, poll: Poll, reply: Reply) -> News | None:
        """Pass the news on without its events."""
        return super().apply(poll, Reply(reply.epoch, reply.reset, reply.head, (), reply.lease))


class Generous(Core):
    """A core that takes any answer of the feed for the newest one."""

    def apply(self, poll: Poll, reply: Reply) -> News | None:
        """Take it as an answer to the poll that is open."""
        return super().apply(self._lease._poll or poll, reply)


class Immortal(Core):
    """A core that goes on trusting what it has when its lease was given back."""

    def give_back(self) -> str:
        """Keep the deadline."""
        deadline = self.deadline
        session = super().give_back()
        self.deadline = deadline
        return session


BROKEN: dict[str, tuple[str, Check]] = {
    "only the decoded path": ("exempt", lambda data: exempt.check(data, Decoded)),
    "prefixes without an end": ("exempt", lambda data: exempt.check(data, Prefixed)),
    "nothing is open": ("exempt", lambda data: exempt.check(data, Shut)),
    "a root with a slash": ("exempt", lambda data: exempt.check(data, inner=slashed)),
    "the first header wins": ("keys", lambda data: keys.check(data, first_wins)),
    "ambiguous is missing": ("keys", lambda data: keys.check(data, never_ambiguous)),
    "names as they stand": ("keys", lambda data: keys.check(data, divide=undecoded)),
    "nothing is taken out": ("keys", lambda data: keys.check(data, divide=unstripped)),
    "the last member wins": ("body", lambda data: body.check(data, last_member)),
    "a byte is lost": ("body", lambda data: body.check(data, read_body=swallowed)),
    "events in any order": ("messages", lambda data: messages.check(data, trusting)),
    "events are passed over": ("lease", lambda data: lease.check(data, Deaf)),
    "late answers count": ("lease", lambda data: lease.check(data, Generous)),
    "a lease for ever": ("lease", lambda data: lease.check(data, Immortal)),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_part_is_found_by_what_is_kept(what: str) -> None:
    """The inputs that are kept tell a part that is broken from one that is not."""
    name, check = BROKEN[what]
    found = 0
    for data in corpus(name):
        try:
            check(data)
        except AssertionError:
            found += 1
    assert found
