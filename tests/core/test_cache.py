"""The stores behind the cache: one specification, run over each of them, and each against a plain dictionary."""

import math
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._cache import Denials, Entry, Grants, Later
from rf_middleware._fingerprint import fingerprint
from rf_middleware._models import Grant, Reason, Refusal, Workspace
from tests.core.helpers import GRANT, INVALID, HandClock, feedless, leased, limits, plain

TTL = 5.0
AT_ONCE = Later(0.0, 0.0)
FORGOTTEN = (-math.inf, Grant(Workspace("")), AT_ONCE)


@dataclass
class Store:
    """A store of any kind, spoken to in one way; values live for ``TTL`` seconds."""

    put: Callable[[bytes, str], None]
    get: Callable[[bytes], str | None]
    drop: Callable[[bytes], None]
    clear: Callable[[], None]
    size: Callable[[], int]
    clock: HandClock


def grants(maxsize: int) -> Store:
    """Return the store of grants; its user compares the ends."""
    clock, store = HandClock(), Grants(maxsize)

    def get(digest: bytes) -> str | None:
        entry = store.get(digest)
        return entry[1].key_id if entry is not None and clock() < entry[0] else None

    def put(digest: bytes, value: str) -> None:
        store.put(digest, (clock() + TTL, Grant(Workspace("acme"), key_id=value), AT_ONCE))

    return Store(put, get, store.drop, store.distrust, lambda: len(store), clock)


def denials(maxsize: int) -> Store:
    """Return the store of denials, which compares by itself."""
    clock = HandClock()
    store = Denials(maxsize, TTL, clock)

    def get(digest: bytes) -> str | None:
        refusal = store.get(digest)
        return None if refusal is None else refusal.detail

    def put(digest: bytes, value: str) -> None:
        store.put(digest, Refusal(Reason.INVALID_KEY, value))

    return Store(put, get, store.drop, store.clear, lambda: len(store), clock)


STORES = pytest.mark.parametrize("make", [grants, denials])
MakeStore = Callable[[int], Store]


@STORES
class TestStore:
    def test_it_remembers(self, make: MakeStore) -> None:
        """What was put is found, and nothing else."""
        store = make(10)
        store.put(b"a", "1")
        assert (store.get(b"a"), store.get(b"b")) == ("1", None)

    def test_the_newest_value_counts(self, make: MakeStore) -> None:
        """A value put again replaces the one before, and its time begins anew."""
        store = make(10)
        store.put(b"a", "1")
        store.clock.forward(3.0)
        store.put(b"a", "2")
        store.clock.forward(3.0)
        assert store.get(b"a") == "2"
        assert store.size() == 1

    def test_it_forgets_in_time(self, make: MakeStore) -> None:
        """A value is found until its time is over, and not at that instant."""
        store = make(10)
        store.put(b"a", "1")
        store.clock.forward(TTL - 0.001)
        assert store.get(b"a") == "1"
        store.clock.forward(0.001)
        assert store.get(b"a") is None

    def test_it_drops(self, make: MakeStore) -> None:
        """Dropping forgets one key and leaves the others; dropping what is not there is no error."""
        store = make(10)
        store.put(b"a", "1")
        store.put(b"b", "2")
        store.drop(b"a")
        store.drop(b"a")
        assert (store.get(b"a"), store.get(b"b")) == (None, "2")

    def test_it_clears(self, make: MakeStore) -> None:
        """Clearing forgets everything, and it can be used again."""
        store = make(10)
        store.put(b"a", "1")
        store.clear()
        assert store.get(b"a") is None
        store.put(b"a", "2")
        assert store.get(b"a") == "2"

    @pytest.mark.parametrize("verb", ["get", "drop"])
    def test_a_value_may_end_while_it_is_looked_at(self, make: MakeStore, verb: str) -> None:
        """When its time is over between two looks at the clock there is no value, and no error."""
        for looks in range(4):
            store = make(10)
            store.put(b"a", "1")
            before, after = store.clock.time + TTL - 0.1, store.clock.time + TTL + 0.1
            store.clock.time = after
            store.clock.reads = [before] * looks
            outcome: Any = getattr(store, verb)(b"a")
            assert outcome in {None, "1"}

    @given(data=st.data())
    def test_it_does_what_a_dictionary_does(self, make: MakeStore, data: st.DataObject) -> None:
        """Any sequence of calls gives what a plain dictionary with times gives, while there is room for all."""
        store, model = make(10), dict[bytes, tuple[float, str]]()
        for verb, digest, seconds in data.draw(st.lists(steps(), max_size=30)):
            store.clock.forward(seconds)
            now = store.clock.time
            if verb == "put":
                model[digest] = (now + TTL, str(now))
                store.put(digest, str(now))
            elif verb == "drop":
                model.pop(digest, None)
                store.drop(digest)
            elif verb == "clear":
                model.clear()
                store.clear()
            for each in (b"a", b"b", b"c", b"d", b"e"):
                end, value = model.get(each, (0.0, ""))
                assert store.get(each) == (value if now < end else None)

    @given(data=st.data())
    def test_it_never_holds_more_than_its_size(self, make: MakeStore, data: st.DataObject) -> None:
        """Whatever is put, at most so many are kept, and the newer half of them always."""
        maxsize = data.draw(st.integers(2, 6))
        store, newest = make(maxsize), list[bytes]()
        for digest in data.draw(st.lists(st.integers(0, 20).map(lambda each: b"%d" % each), max_size=60)):
            store.put(digest, "1")
            newest = [digest, *(each for each in newest if each != digest)]
            assert store.size() <= maxsize
            assert [store.get(each) for each in newest[: maxsize // 2]] == ["1"] * len(newest[: maxsize // 2])


def test_grants_drop_the_oldest() -> None:
    """Beyond its size the store of grants drops the one that was put longest ago."""
    store = grants(3)
    for digest in (b"a", b"b", b"c", b"d"):
        store.put(digest, "1")
    assert [store.get(digest) for digest in (b"a", b"b", b"c", b"d")] == [None, "1", "1", "1"]


def steps() -> st.SearchStrategy[tuple[str, bytes, float]]:
    """Return what may be done to a store: verb, fingerprint, seconds before it."""
    digests = st.sampled_from([b"a", b"b", b"c", b"d", b"e"])
    return st.tuples(st.sampled_from(["put", "put", "put", "drop", "clear", "look"]), digests, st.integers(0, 3))


def test_a_workspace_is_dropped_whole() -> None:
    """All keys of one workspace are found, and what is distrusted is not given: it is known to have been good."""
    store = Grants(10)
    for digest, slug in ((b"a", "one"), (b"b", "two"), (b"c", "one")):
        store.put(digest, (1.0, Grant(Workspace(slug)), AT_ONCE))
    assert store.of_workspace("one") == [b"a", b"c"]
    store.distrust([b"a", b"c", b"unknown"])
    assert [entry[0] if (entry := store.get(each)) else None for each in (b"a", b"b", b"c", b"unknown")] == [
        -math.inf,
        1.0,
        -math.inf,
        None,
    ]


def junk(count: int) -> Iterator[str]:
    """Return so many bad keys."""
    return (f"rfk_junk{number}" for number in range(count))


def test_junk_keys_evict_no_good_key() -> None:
    """Denials have a room of their own: a flood of bad keys leaves every good one cached."""
    bench = feedless(limits(maxsize=10, burst=1000))
    good = [f"rfk_good{number}" for number in range(10)]
    for key in good:
        bench.request(key).send(plain())
    for key in junk(500):
        bench.request(key).send(plain(INVALID))
    assert [bench.hit(key) for key in good] == [GRANT] * 10


def test_good_keys_evict_no_denial() -> None:
    """The other way round neither."""
    bench = feedless(limits(maxsize=10))
    bench.request("rfk_bad").send(plain(INVALID))
    for number in range(50):
        bench.request(f"rfk_good{number}").send(plain())
    assert bench.request("rfk_bad").verdict == INVALID


def test_memory_stays_bounded() -> None:
    """However many keys there are, at most ``maxsize`` grants, as many denials and no finished check are kept."""
    bench = leased(limits(maxsize=10, burst=1000))
    for number, key in enumerate(junk(300)):
        bench.request(key).send(bench.no() if number % 2 else bench.yes())
    memory = bench.core._memory
    assert (len(memory.grants), len(memory.denials), memory.flights) == (10, 10, {})


@given(data=st.data())
def test_the_store_of_grants_does_what_a_dictionary_does(data: st.DataObject) -> None:
    """Any sequence of calls leaves the entries that were put last, but for at most the older half of them."""
    maxsize = data.draw(st.integers(1, 8))
    store, model = Grants(maxsize), dict[bytes, Entry]()
    calls = st.tuples(st.sampled_from(["put"] * 5 + ["drop", "distrust", "distrust all"]), st.integers(0, 12))
    for number, (verb, name) in enumerate(data.draw(st.lists(calls, max_size=120))):
        digest = b"%d" % name
        if verb == "put":
            model.pop(digest, None)
            model[digest] = (float(number), Grant(Workspace(f"w{name % 3}"), f"key-{name}"), Later(1.0, number % 2))
            store.put(digest, model[digest])
        elif verb == "drop":
            model.pop(digest, None)
            store.drop(digest)
        else:
            gone = [digest] if verb == "distrust" else list(model)
            store.distrust(gone if verb == "distrust" else None)
            model |= {each: FORGOTTEN for each in gone if each in model}
        kept = {each: entry for each in model if (entry := store.get(each)) is not None}
        assert kept.items() <= model.items()
        assert set(list(model)[-(maxsize // 2 or 1) :]) <= set(kept)
        assert len(store) == len(kept) <= maxsize
        for slug in ("", "w0", "w1", "w2"):
            assert set(store.of_workspace(slug)) == {each for each in kept if kept[each][1].workspace.slug == slug}
        model = {each: model[each] for each in model if each in kept}


def test_a_store_that_is_not_full_drops_nothing() -> None:
    """Every grant is kept as long as there is room for all, put again or not."""
    store = Grants(5)
    for digest in (b"a", b"b", b"a", b"c", b"d", b"b", b"e", b"a"):
        store.put(digest, (1.0, GRANT, AT_ONCE))
    assert len(store) == 5


@pytest.mark.parametrize(("again", "first"), [(b"a", b"b"), (b"b", b"a")])
def test_a_grant_that_is_put_again_is_the_newest(again: bytes, first: bytes) -> None:
    """In a store of which more than half is used the one that is dropped is the one that was put longest ago."""
    store = Grants(3)
    for digest in (b"a", b"b", again, b"c", b"d"):
        store.put(digest, (1.0, GRANT, AT_ONCE))
    assert [store.get(each) is None for each in (again, first)] == [False, True]


def test_a_large_store_drops_a_few_at_once() -> None:
    """Of many grants the oldest are dropped by the thousandth part, which leaves all but these."""
    store, sizes = Grants(3_000), set[int]()
    for number in range(9_000):
        store.put(b"%d" % number, (1.0, GRANT, AT_ONCE))
        if number >= 3_000:
            sizes.add(len(store))
            assert store.get(b"%d" % (number - 2_996)) is not None
    assert sizes == {2_997, 2_998, 2_999, 3_000}
    assert store.get(b"%d" % (9_000 - 3_001)) is None


def test_looking_up_needs_no_lock() -> None:
    """While others put, drop and move grants, a look-up finds the whole of an entry or none, and never fails."""
    store, done, odd = Grants(200), Event(), list[object]()

    def read() -> None:
        while not done.is_set():
            for number in range(250):
                entry = store.get(b"%d" % number)
                if entry is not None and (entry[0], entry[1].key_id) != (number, f"key-{number}"):
                    odd.append(entry)

    with ThreadPoolExecutor(2) as readers:
        reading = [readers.submit(read) for _ in range(2)]
        for turn in range(40_000):
            number = turn * 7 % 250
            store.put(b"%d" % number, (float(number), Grant(Workspace("acme"), f"key-{number}"), AT_ONCE))
            if turn % 5 == 0:
                store.drop(b"%d" % (turn * 3 % 250))
        done.set()
        assert [each.result() for each in reading] == [None, None]
    assert odd == []


def grant_of(number: int) -> Grant:
    """Return a grant as it is read from an issuer's answer: each of its parts is a new object."""
    return Grant(Workspace(f"acme-{number % 100}"), f"key-{number:010d}", frozenset([f"model:{'infer'}"]))


@pytest.mark.parametrize("count", [1_000, 5_500, 10_000, 11_000, 22_000])
def test_a_grant_takes_little_memory(count: int) -> None:
    """With an id of its own, of a shared workspace, it takes at most 400 bytes at every size: new, and put again."""
    store = Grants(2 * count)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for turn in range(3):
            for number in range(count):
                store.put(fingerprint(b"%d" % number), (turn + number / 2, grant_of(number), Later(12.0, 12.0)))
            after, _ = tracemalloc.get_traced_memory()
            assert (after - before) / count <= 400, turn
    finally:
        tracemalloc.stop()
    assert len(store) == count


@pytest.mark.parametrize("count", [1_000, 44_000, 88_000, 100_000])
def test_a_denial_takes_little_memory(count: int) -> None:
    """A flood through the pool leaves at most 250 bytes for each entry in it, fingerprints included, at every size."""
    store = Denials(count, TTL, HandClock())
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(3 * count):
            store.put(fingerprint(b"%d" % number), Refusal(Reason.INVALID_KEY))
        after, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count // 2 <= len(store) <= count
    assert (after - before) / len(store) <= 250
    assert (most - before) / count <= 250


def test_nothing_of_a_flood_stays() -> None:
    """Denials whose time is over leave with the two that come after, however many there were."""
    clock = HandClock()
    store = Denials(1_000, TTL, clock)
    for number in range(1_000):
        store.put(b"%d" % number, INVALID)
    for number in range(3):
        clock.forward(TTL)
        store.put(b"later %d" % number, INVALID)
    assert len(store) == 2


def test_a_refusal_with_a_text_keeps_it() -> None:
    """Only what says no more than that there is no such key is kept without its words."""
    store = Denials(10, TTL, HandClock())
    paused = Refusal(Reason.PAUSED, "ask your admin")
    store.put(b"a", paused)
    store.put(b"b", Refusal(Reason.INVALID_KEY, retry_after=3.0))
    assert store.get(b"a") == paused
    assert store.get(b"b") == Refusal(Reason.INVALID_KEY, retry_after=3.0)


def test_whole_fingerprints_tell_keys_apart() -> None:
    """Keys are named by their whole SHA-256, so that no key is taken for another that begins like it."""
    assert len(fingerprint(b"key")) == 32
    bench = feedless()
    bench.request("rfk_" + "a" * 508).send(plain())
    assert bench.hit("rfk_" + "a" * 507 + "b") is None


def test_what_is_distrusted_is_known_and_good_for_nothing() -> None:
    """Of a grant that is not trusted only that it was there is left: no workspace, no moment at which it is good."""
    store = Grants(10)
    store.put(b"a", (9.0, GRANT, Later(9.0, 9.0)))
    store.distrust()
    assert store.get(b"a") == FORGOTTEN


def test_a_denial_is_remembered_once_and_dropped_from_both_generations() -> None:
    """A key that is refused again is not kept twice, and one that is dropped is not refused from an older memory."""
    store = Denials(4, TTL, HandClock())
    for digest in (b"a", b"b", b"c", b"a"):
        store.put(digest, INVALID)
    assert len(store) == 3
    store.drop(b"b")
    store.drop(b"c")
    assert [store.get(digest) for digest in (b"a", b"b", b"c")] == [INVALID, None, None]
