"""What the issuer asks about people who sign in elsewhere (OpenID Connect).

* A person is known by issuer and subject. The e-mail address finds an account once, the first time; an account that
  is linked already is never linked to somebody else by it: addresses are given to others, subjects are not.
* By an address nobody comes to share an account: who had a password to it before has none after that.
* Nobody is made where there is no administrator yet: the link for the first one would be over by that.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from rf_middleware.issuer.admission import NotAdmitted, Refusal
from rf_middleware.issuer.audit import By, Note, append
from rf_middleware.issuer.changes_people import ways_in
from rf_middleware.issuer.oidc_token import Claims
from rf_middleware.issuer.people import TAKEN_AWAY, Person
from rf_middleware.issuer.rows_people import add_person, new_person
from rf_middleware.issuer.schema_people import identities, people
from rf_middleware.issuer.store_base import StoreBase

__all__ = ["IdentityStore"]


class IdentityStore(StoreBase):
    """Questions about identities."""

    def recognise(self, claims: Claims, by: By, *, new: bool, only: str = "") -> Person:
        """Return the person whom a provider names; link or make them where that is due.

        Args:
            claims: what the provider says.
            by: from where it came; the audit log then names the person.
            new: whether somebody who is not known is made a person.
            only: the id of the one person it may be; empty for anybody.

        Raises:
            NotAdmitted: it is nobody who may come in; nothing is changed.
        """
        with self._database.writing() as connection:
            row = _linked(connection, claims) or _unlinked(connection, claims)
            if row is None and not new:
                raise NotAdmitted(Refusal.UNKNOWN, claims.email)
            person = _made(connection, claims, by) if row is None else _person(row)
            if only and person.id != only:
                raise NotAdmitted(Refusal.OTHER_PERSON, claims.email)
            if not person.active:
                raise NotAdmitted(Refusal.DISABLED, claims.email)
            if row is not None and not row.linked and not only:
                _vacate(connection, person.id)
            if row is None or not row.linked:
                values = {"issuer": claims.issuer, "subject": claims.subject}
                connection.execute(insert(identities).values(**values, person_id=person.id))
                append(connection, _as(person, by), Note("identity.link", person.email, detail=values))
        return person

    def unlink(self, email: str, by: By) -> int | None:
        """Forget who somebody is at a provider, and sign them out.

        They are nobody new by that: an invitation from before is no way in, and no other is made for them.

        Returns:
            How many accounts they had there; ``None`` if there is no such person.
        """
        with self._database.writing() as connection:
            row = connection.execute(select(people.c.id).where(people.c.email == email.lower())).first()
            if row is None:
                return None
            count = connection.execute(delete(identities).where(identities.c.person_id == row.id)).rowcount
            if count:
                _shut_out(connection, row.id)
                without = update(people).where(people.c.id == row.id, people.c.password.is_(None))
                connection.execute(without.values(password=TAKEN_AWAY))
                append(connection, by, Note("identity.unlink", email.lower()))
        return count


def _vacate(connection: Connection, person_id: str) -> None:
    """End whatever else lets somebody in: the owner of an address may not be who used its invitation, or guessed it."""
    _shut_out(connection, person_id)
    had_one = update(people).where(people.c.id == person_id, people.c.password.is_not(None))
    connection.execute(had_one.values(password=TAKEN_AWAY))


def _shut_out(connection: Connection, person_id: str) -> None:
    for end in ways_in(person_id):
        connection.execute(end)


def _linked(connection: Connection, claims: Claims) -> Row[Any] | None:
    theirs = (identities.c.issuer == claims.issuer, identities.c.subject == claims.subject)
    query = select(people, identities.c.subject.label("linked")).join(identities).where(*theirs)
    return connection.execute(query).first()


def _unlinked(connection: Connection, claims: Claims) -> Row[Any] | None:
    """Return who has this e-mail address, and nothing at a provider yet."""
    query = select(people, identities.c.subject.label("linked")).outerjoin(identities)
    row = connection.execute(query.where(people.c.email == claims.email)).first()
    if row is not None and row.linked is not None:
        raise NotAdmitted(Refusal.OTHER_SUBJECT, claims.email)
    return row


def _made(connection: Connection, claims: Claims, by: By) -> Person:
    if connection.execute(select(people.c.id).limit(1)).first() is None:
        raise NotAdmitted(Refusal.NO_ADMINISTRATOR, claims.email)
    person = new_person(claims.email, claims.name, None, admin=False)
    add_person(connection, person, _as(person, by))
    return person


def _person(row: Row[Any]) -> Person:
    return Person(row.id, row.email, row.name, row.admin, row.password, row.status == "active")


def _as(person: Person, by: By) -> By:
    return replace(by, kind="person", id=person.id, name=person.email)
