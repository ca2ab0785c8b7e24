"""What the issuer asks about people: who they are, where they belong, whether they are signed in.

* A session, and a one-time link, come in by fingerprint only.
* A person who is disabled, or whose session is over, is not signed in: that is part of each question.
"""

import time
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from rf_middleware.issuer.audit import By, Note, append
from rf_middleware.issuer.people import EmailTaken, LinkOver, Membership, Person, Session
from rf_middleware.issuer.rows import workspace_of_row
from rf_middleware.issuer.rows_people import add_person, replace_link
from rf_middleware.issuer.schema import workspaces
from rf_middleware.issuer.schema_people import links, members, people, sessions
from rf_middleware.issuer.store_base import StoreBase

__all__ = ["PeopleStore", "memberships_of"]

_LONGEST_SESSION: Final = 7 * 86_400.0


class PeopleStore(StoreBase):
    """Questions about people."""

    def anybody(self) -> bool:
        """Say whether there is any person."""
        with self._database.reading() as connection:
            return connection.execute(select(people.c.id).limit(1)).first() is not None

    def person(self, email: str) -> Person | None:
        """Return the person with this e-mail address."""
        with self._database.reading() as connection:
            row = connection.execute(select(people).where(people.c.email == email.lower())).first()
        return (
            None
            if row is None
            else Person(row.id, row.email, row.name, row.admin, row.password, row.status == "active")
        )

    def create_person(
        self,
        person: Person,
        by: By,
        workspace_id: str | None = None,
        role: str = "admin",
        link: tuple[bytes, float] | None = None,
    ) -> None:
        """Add a person, make them a member of a workspace, and give them a one-time link: its fingerprint and end.

        Raises:
            EmailTaken: there is one with this e-mail address.
        """
        try:
            with self._database.writing() as connection:
                add_person(connection, person, by)
                if workspace_id is not None:
                    row = {"workspace_id": workspace_id, "person_id": person.id, "role": role}
                    connection.execute(insert(members).values(row))
                    append(connection, by, Note("member.add", person.email, workspace_id, {"role": role}))
                if link is not None:
                    replace_link(connection, person.id, *link)
                    append(connection, by, Note("link.create", person.email))
        except IntegrityError:
            raise EmailTaken from None

    def rehash(self, person: Person, password: str) -> None:
        """Keep another hash of the password that a person has; not if that was changed meanwhile."""
        same = (people.c.id == person.id, people.c.password == person.password)
        with self._database.writing() as connection:
            connection.execute(update(people).where(*same).values(password=password))

    # One-time links

    def create_first_link(self, fingerprint: bytes, ends: float, by: By) -> None:
        """Add the one-time link for the first administrator, in place of the one before."""
        row = {"fingerprint": fingerprint, "purpose": "first", "ends": ends}
        with self._database.writing() as connection:
            connection.execute(delete(links).where(links.c.purpose == "first"))
            connection.execute(insert(links).values(**row, created=time.time()))
            append(connection, by, Note("link.create", "first"))

    def first_link_is_good(self, fingerprint: bytes) -> bool:
        """Say whether the link for the first administrator can be used."""
        with self._database.reading() as connection:
            return connection.execute(select(links.c.ends).where(*_good(fingerprint))).first() is not None

    def become_first(self, fingerprint: bytes, person: Person, by: By) -> None:
        """Use the link for the first administrator: the link ends and the person is there, or neither.

        Raises:
            LinkOver: it can't be used, or somebody is there already.
        """
        with self._database.writing() as connection:
            used = update(links).where(*_good(fingerprint)).values(used=time.time())
            somebody = connection.execute(select(people.c.id).limit(1)).first()
            if somebody is not None or connection.execute(used).rowcount == 0:
                raise LinkOver
            add_person(connection, person, by)

    # Sessions

    def begin_session(
        self, fingerprint: bytes, person_id: str, ends: float, agent: str, by: By, *, proved: float | None = None
    ) -> None:
        """Sign a person in, who showed who they are just now unless told; what is over is cleared away."""
        now = time.time()
        row = {"fingerprint": fingerprint, "person_id": person_id, "created": now, "seen": now}
        row["proved"] = now if proved is None else min(proved, now)
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.ends <= now))
            connection.execute(insert(sessions).values(**row, ends=ends, agent=agent))
            append(connection, by, Note("session.begin", by.name))

    def session(self, fingerprint: bytes) -> Session | None:
        """Return who is signed in."""
        led = exists().where(
            members.c.person_id == people.c.id,
            members.c.role == "admin",
            workspaces.c.id == members.c.workspace_id,
            workspaces.c.status != "deleted",
        )
        columns = (sessions.c.seen, sessions.c.proved, sessions.c.ends, led.label("leads"))
        query = select(people.c.id, people.c.email, people.c.name, people.c.admin, *columns).join(sessions)
        query = query.where(sessions.c.fingerprint == fingerprint, people.c.status == "active")
        with self._database.reading() as connection:
            row = connection.execute(query.where(sessions.c.ends > time.time())).first()
        if row is None:
            return None
        person = Person(row.id, row.email, row.name, row.admin)
        return Session(person, row.seen, row.proved, row.ends, leads=bool(row.leads))

    def see_session(self, fingerprint: bytes, ends: float) -> None:
        """Note that a session was used just now, and when it ends if it is not used again: in its week."""
        last = sessions.c.created + _LONGEST_SESSION
        self._set_session(fingerprint, seen=time.time(), ends=func.min(ends, last))

    def prove_session(self, fingerprint: bytes, at: float | None = None) -> None:
        """Note that somebody showed in a session who they are, just now unless told."""
        now = time.time()
        self._set_session(fingerprint, proved=func.max(sessions.c.proved, now if at is None else min(at, now)))

    def _set_session(self, fingerprint: bytes, **values: object) -> None:
        with self._database.writing() as connection:
            connection.execute(update(sessions).where(sessions.c.fingerprint == fingerprint).values(values))

    def end_session(self, fingerprint: bytes, by: By) -> None:
        """Sign somebody out."""
        with self._database.writing() as connection:
            if connection.execute(delete(sessions).where(sessions.c.fingerprint == fingerprint)).rowcount:
                append(connection, by, Note("session.end", by.name))

    # Members

    def memberships(self, person: Person) -> list[Membership]:
        """Return the workspaces of a person that are not deleted, by name; an administrator's are all."""
        with self._database.reading() as connection:
            return memberships_of(connection, person)


def memberships_of(connection: Connection, person: Person) -> list[Membership]:
    """Return the workspaces of a person that are not deleted, by name; an administrator's are all."""
    open_ones = select(workspaces, members.c.role).where(workspaces.c.status != "deleted")
    theirs = (members.c.workspace_id == workspaces.c.id) & (members.c.person_id == person.id)
    query = open_ones.join(members, theirs, isouter=person.admin).order_by(workspaces.c.slug)
    rows = connection.execute(query).mappings().all()
    return [Membership(workspace_of_row(row), "admin" if person.admin else row["role"]) for row in rows]


def _good(fingerprint: bytes) -> tuple[ColumnElement[bool], ...]:
    return (
        links.c.fingerprint == fingerprint,
        links.c.purpose == "first",
        links.c.used.is_(None),
        links.c.ends > time.time(),
    )
