"""What the issuer asks about people as a whole: who there is, how they come in by a link, their password.

A link is good for somebody who has no password: for who has one it is over, used or not.
"""

import time
from collections import defaultdict

from sqlalchemy import ColumnElement, exists, or_, select, update

from rf_middleware.issuer.audit import By, Note, append
from rf_middleware.issuer.changes_people import never_signed_in, ways_in
from rf_middleware.issuer.people import TAKEN_AWAY, Known, LinkOver, Person
from rf_middleware.issuer.rows_people import replace_link
from rf_middleware.issuer.schema import workspaces
from rf_middleware.issuer.schema_people import identities, links, members, people
from rf_middleware.issuer.store_base import StoreBase

__all__ = ["AccountStore"]


class AccountStore(StoreBase):
    """Questions about accounts."""

    def known(self) -> list[Known]:
        """Return everybody, by e-mail address."""
        query = select(people, never_signed_in().label("invited")).order_by(people.c.email)
        named = select(members.c.person_id, members.c.role, workspaces.c.slug).join_from(members, workspaces)
        named = named.where(workspaces.c.status != "deleted").order_by(workspaces.c.slug)
        roles: defaultdict[str, dict[str, str]] = defaultdict(dict)
        with self._database.reading() as connection:
            for row in connection.execute(named):
                roles[row.person_id][row.slug] = row.role
            return [
                Known(
                    Person(row.id, row.email, row.name, row.admin, active=row.status == "active"),
                    "invited" if row.invited and row.status == "active" else row.status,
                    roles[row.id],
                )
                for row in connection.execute(query)
            ]

    def enable_person(self, person: Person, by: By) -> None:
        """Let a person sign in again."""
        disabled = update(people).where(people.c.id == person.id, people.c.status == "disabled")
        with self._database.writing() as connection:
            if connection.execute(disabled.values(status="active")).rowcount:
                append(connection, by, Note("person.enable", person.email))

    # Links

    def reset_person(self, person: Person, fingerprint: bytes, ends: float, by: By) -> None:
        """Take a password away and sign the person out; the link sets another."""
        came = people.c.password.is_not(None) | exists().where(identities.c.person_id == people.c.id)
        with self._database.writing() as connection:
            connection.execute(update(people).where(people.c.id == person.id, came).values(password=TAKEN_AWAY))
            for end in ways_in(person.id):
                connection.execute(end)
            replace_link(connection, person.id, fingerprint, ends)
            append(connection, by, Note("password.reset", person.email))

    def invited(self, fingerprint: bytes) -> Person | None:
        """Return whose good link this is."""
        query = select(people).join(links, links.c.person_id == people.c.id).where(*_good(fingerprint))
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else Person(row.id, row.email, row.name, row.admin)

    def accept(self, fingerprint: bytes, person: Person, password: str, by: By) -> None:
        """Use a link: it ends and the person has name and password, or neither.

        Raises:
            LinkOver: it can't be used any more.
        """
        whose = select(people.c.id).join(links, links.c.person_id == people.c.id).where(*_good(fingerprint))
        used = update(links).where(links.c.fingerprint == fingerprint, links.c.used.is_(None))
        with self._database.writing() as connection:
            if connection.execute(whose).scalar() != person.id:
                raise LinkOver
            connection.execute(used.values(used=time.time()))
            changed = update(people).where(people.c.id == person.id)
            connection.execute(changed.values(name=person.name, password=password))
            append(connection, by, Note("link.use", person.email))

    # Passwords

    def change_password(self, person: Person, password: str, keep: bytes, by: By) -> bool:
        """Change the password that a person has, and end all other ways in but one session.

        Returns:
            False if it was changed meanwhile.
        """
        same = (people.c.id == person.id, people.c.password == person.password, people.c.status == "active")
        with self._database.writing() as connection:
            done = connection.execute(update(people).where(*same).values(password=password)).rowcount == 1
            if done:
                for end in ways_in(person.id, but=keep):
                    connection.execute(end)
                append(connection, by, Note("password.change", person.email))
        return done


def _good(fingerprint: bytes) -> tuple[ColumnElement[bool], ...]:
    return (
        links.c.fingerprint == fingerprint,
        links.c.purpose == "invite",
        links.c.used.is_(None),
        links.c.ends > time.time(),
        people.c.status == "active",
        or_(never_signed_in(), people.c.password == TAKEN_AWAY),
    )
