"""Whatever is asked of the database in whatever order: what has ended is never good again, and each change is told."""

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import Update, update
from sqlalchemy.exc import IntegrityError

from rf_middleware.issuer.access import actor_of
from rf_middleware.issuer.changes import edit, expire, remove_owner, revoke, roll, set_workspace
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.records import ENDED, Key, NewKey
from rf_middleware.issuer.schema import keys, workspaces
from rf_middleware.issuer.store import Store
from tests.core.machines import explored
from tests.issuer.rig import BY, new_key

PERSON = st.sampled_from(("ann", "bob"))
OWNERS = st.lists(PERSON, max_size=2, unique=True)
STATUS = st.sampled_from(("active", "active", "disabled", *ENDED))
OPEN = st.sampled_from(("active", "active", "suspended", "suspended", "deleted"))
SCOPES = st.sampled_from((None, frozenset[str](), frozenset({"a:b"})))
AHEAD = st.sampled_from((None, None, -3600.0, 3600.0, 7200.0))
WHICH = st.integers(0, 100)
SLUG = st.sampled_from(("acme", "other"))

Seen = tuple[str, frozenset[str] | None, float | None, str | None]


def end_of(ahead: float | None) -> float | None:
    """Return a time so many seconds ahead: far enough that no clock of a test comes by."""
    return None if ahead is None else time.time() + ahead


class Ends(RuleBasedStateMachine):
    """Two workspaces and their keys, all that can be asked of the store, and raw statements beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.database = Database(Path(self.folder.name) / "issuer.db")
        self.store = Store(self.database)
        self.fingerprints: list[bytes] = []
        self.ended: dict[bytes, str] = {}
        self.seen: dict[bytes, Seen] = {}
        self.open: dict[str, str] = {}
        self.head = 0
        for slug in ("acme", "other"):
            self.store.create_workspace(slug, "", self.another("k", None), BY)
        self.workspaces = {each.slug: each.id for each in self.store.list_workspaces()}

    def another(self, name: str, scopes: frozenset[str] | None, ahead: float | None = None) -> NewKey:
        """Return a key to be stored, and watch it from now on."""
        key = new_key(name, scopes, expires=end_of(ahead), owners=("ann",))[1]
        self.fingerprints.append(key.fingerprint)
        return key

    def found(self, which: int) -> Key:
        """Look a key up."""
        key = self.store.look_up(self.fingerprints[which % len(self.fingerprints)]).key
        assert key is not None
        return key

    @rule(slug=SLUG, scopes=SCOPES, ahead=AHEAD)
    def create(self, slug: str, scopes: frozenset[str] | None, ahead: float | None) -> None:
        """Add a key."""
        self.store.create_key(self.workspaces[slug], self.another("k", scopes, ahead), BY)

    @rule(which=WHICH)
    def revoke(self, which: int) -> None:
        """End a key."""
        self.store.apply(revoke(self.found(which).id), BY)

    @rule(which=WHICH, status=STATUS, scopes=SCOPES, ahead=AHEAD, owners=OWNERS)
    def edit(
        self, *, which: int, status: str, scopes: frozenset[str] | None, ahead: float | None, owners: list[str]
    ) -> None:
        """Change everything of a key that can be changed."""
        values = {"status": status, "scopes": None if scopes is None else sorted(scopes), "expires": end_of(ahead)}
        self.store.apply(edit(self.found(which).id, values, owners), BY)

    @rule(which=WHICH, ahead=AHEAD, stale=SCOPES)
    def roll(self, which: int, ahead: float | None, stale: frozenset[str] | None) -> None:
        """Roll a key as it is, or as somebody believes that it is."""
        old = self.found(which)
        new = new_key("rolled", stale)[1]
        self.store.apply(roll(replace(old, scopes=stale), new, end_of(ahead)), BY)
        if self.store.look_up(new.fingerprint).key is not None:
            assert (old.scopes, old.replaced_by, old.ended) == (stale, None, False)
            self.fingerprints.append(new.fingerprint)

    @rule(ahead=st.sampled_from((0.0, 5000.0)))
    def expire(self, ahead: float) -> None:
        """End what is over."""
        self.store.apply(expire(time.time() + ahead), BY)

    @rule(slug=SLUG, status=OPEN)
    def close(self, slug: str, status: str) -> None:
        """Suspend, resume or delete a workspace."""
        self.store.apply(set_workspace(self.workspaces[slug], status), BY)

    @rule(slug=SLUG, person=PERSON)
    def leave(self, slug: str, person: str) -> None:
        """Take somebody off."""
        self.store.apply(remove_owner(self.workspaces[slug], person), BY)

    @rule(which=st.lists(WHICH, min_size=1))
    def use(self, which: list[int]) -> None:
        """Note uses, which change nothing else of a key."""
        before = [replace(self.found(each), last_used=5.0) for each in which]
        self.store.used({self.found(each).id: 5.0 for each in which})
        assert [self.found(each) for each in which] == before

    @rule(which=WHICH, status=STATUS, ahead=AHEAD)
    def write_key(self, which: int, status: str, ahead: float | None) -> None:
        """Write to the row of a key, past all our code."""
        row = update(keys).where(keys.c.fingerprint == self.fingerprints[which % len(self.fingerprints)])
        self.write(row.values(status=status, expires=end_of(ahead)))

    @rule(slug=SLUG, status=OPEN)
    def write_workspace(self, slug: str, status: str) -> None:
        """Write to the row of a workspace."""
        self.write(update(workspaces).where(workspaces.c.slug == slug).values(status=status))

    def write(self, statement: Update) -> None:
        """Run a statement, which the database may refuse."""
        with suppress(IntegrityError), self.database.writing() as connection:
            connection.execute(statement)

    @invariant()
    def what_has_ended_stays_ended(self) -> None:
        """A key that was once ended, over, or of a deleted workspace is never good again, nor ended in another way."""
        for each in self.fingerprints:
            found = self.store.look_up(each)
            key = found.key
            assert key is not None
            if each in self.ended:
                assert actor_of(found) is None
                assert self.ended[each] in {"", key.status}
            if key.ended or key.left(time.time()) <= 0 or key.workspace.status == "deleted":
                self.ended[each] = key.status if key.ended else ""

    @invariant()
    def each_change_is_told(self) -> None:
        """Whatever became different of a key or its workspace has an event that says so."""
        told = self.store.events_after(self.head)
        assert [event.seq for event in told] == list(range(self.head + 1, self.head + 1 + len(told)))
        self.head += len(told)
        about = {event.fingerprint or event.workspace for event in told}
        changed = set[bytes | str | None]()
        for each in self.fingerprints:
            key = self.store.look_up(each).key
            assert key is not None
            now: Seen = (key.status, key.scopes, key.expires, key.replaced_by)
            if self.seen.setdefault(each, now) != now:
                changed.add(each)
            self.seen[each] = now
        for workspace in self.store.list_workspaces():
            if self.open.setdefault(workspace.slug, workspace.status) != workspace.status:
                changed.add(workspace.slug)
            self.open[workspace.slug] = workspace.status
        assert about == changed

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.database.close()
        self.folder.cleanup()


def test_what_has_ended_never_comes_back() -> None:
    """No order of changes, of ours or of somebody else in the database, makes a key good that had ended."""
    assert explored(Ends, settings(max_examples=25, stateful_step_count=25, deadline=None)) > 0
