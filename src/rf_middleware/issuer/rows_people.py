"""How people and their one-time links are written to rows, in the transaction of whoever asks."""

import time

from sqlalchemy import Connection, delete, insert

from rf_middleware.issuer.audit import By, Note, append
from rf_middleware.issuer.keys import new_id
from rf_middleware.issuer.people import Person
from rf_middleware.issuer.schema_people import links, people

__all__ = ["add_person", "new_person", "replace_link"]


def new_person(email: str, name: str, password: str | None, *, admin: bool) -> Person:
    """Return somebody new."""
    return Person(new_id(), email.lower(), name, admin, password)


def add_person(connection: Connection, person: Person, by: By) -> None:
    """Add a person."""
    row = {"id": person.id, "email": person.email, "name": person.name, "password": person.password}
    connection.execute(insert(people).values(**row, admin=person.admin, status="active", created=time.time()))
    append(connection, by, Note("person.create", person.email, detail={"admin": person.admin}))


def replace_link(connection: Connection, person_id: str, fingerprint: bytes, ends: float) -> None:
    """Add the one-time link of a person, in place of the one before."""
    row = {"fingerprint": fingerprint, "purpose": "invite", "person_id": person_id, "ends": ends}
    connection.execute(delete(links).where(links.c.person_id == person_id))
    connection.execute(insert(links).values(**row, created=time.time()))
