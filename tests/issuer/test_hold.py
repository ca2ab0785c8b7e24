"""Whose right holds in a transaction: of one person, by a role in one workspace, while both are there."""

from collections.abc import Generator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, update

from rf_middleware.issuer.database import Database
from rf_middleware.issuer.rights import NotTheirs, Right, hold
from rf_middleware.issuer.schema import workspaces
from rf_middleware.issuer.schema_people import members, people
from rf_middleware.issuer.store import Store
from tests.issuer.rig import BY, new_key


@pytest.fixture
def connection(tmp_path: Path) -> Generator[Connection]:
    """A transaction with two workspaces: Ann is an admin in the first, Bob in the second, Root everywhere."""
    database = Database(tmp_path / "issuer.db")
    ids = [Store(database).create_workspace(slug, "", new_key("k", None)[1], BY) for slug in ("one", "two")]
    with database.writing() as writing:
        for person, admin in (("ann", False), ("bob", False), ("root", True)):
            row = {"id": person, "email": f"{person}@example.com", "name": "", "admin": admin}
            writing.execute(insert(people).values(row | {"status": "active", "created": 0.0}))
        writing.execute(insert(members).values(workspace_id=ids[0], person_id="ann", role="admin"))
        writing.execute(insert(members).values(workspace_id=ids[0], person_id="bob", role="viewer"))
        writing.execute(insert(members).values(workspace_id=ids[1], person_id="bob", role="admin"))
        writing.info["ids"] = dict(zip(("one", "two"), ids, strict=True))
        yield writing
    database.close()


def holds(connection: Connection, person: str, workspace: str, *roles: str) -> bool:
    """Say whether a right is there."""
    return passes(connection, Right(person, connection.info["ids"].get(workspace, workspace), roles))


def passes(connection: Connection, right: Right | None) -> bool:
    """Say whether a change goes on."""
    try:
        hold(connection, right)
    except NotTheirs:
        return False
    return True


@pytest.mark.parametrize(
    ("person", "workspace", "roles", "theirs"),
    [
        ("ann", "one", ("admin",), True),
        ("ann", "one", ("developer", "admin"), True),
        ("ann", "one", ("developer",), False),
        ("ann", "one", (), False),
        ("ann", "two", ("admin",), False),
        ("bob", "one", ("admin",), False),
        ("bob", "one", ("admin", "viewer"), True),
        ("bob", "two", ("admin",), True),
        ("root", "two", ("admin",), True),
        ("root", "two", (), True),
        ("root", "nowhere", ("admin",), False),
        ("nobody", "one", ("admin",), False),
    ],
)
def test_a_role_counts_in_its_own_workspace(
    connection: Connection, person: str, workspace: str, roles: tuple[str, ...], *, theirs: bool
) -> None:
    """Not that of another person there, nor one's own elsewhere; an administrator of the issuer needs none."""
    assert holds(connection, person, workspace, *roles) is theirs


def test_it_ends_with_the_person_or_the_workspace(connection: Connection) -> None:
    """Of one that was deleted nothing is left, whatever else is there; a disabled person has no right anywhere."""
    gone = update(workspaces).where(workspaces.c.id == connection.info["ids"]["one"])
    connection.execute(gone.values(status="suspended"))
    assert holds(connection, "ann", "one", "admin")
    connection.execute(gone.values(status="deleted"))
    assert not holds(connection, "ann", "one", "admin")
    assert not holds(connection, "root", "one")
    assert holds(connection, "bob", "two", "admin")
    connection.execute(update(people).where(people.c.id.in_(["bob", "root"])).values(status="disabled"))
    assert not holds(connection, "bob", "two", "admin")
    assert not holds(connection, "root", "two")


def test_what_was_looked_at_otherwise_is_not_looked_at_again(connection: Connection) -> None:
    """The command line, and keys, have no right to lose here."""
    assert passes(connection, None)
