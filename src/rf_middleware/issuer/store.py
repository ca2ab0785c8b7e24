"""The store: what the issuer asks of its database, each part in a file of its own; workspaces and tokens here."""

import time

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from rf_middleware.issuer.audit import By, Note, append
from rf_middleware.issuer.keys import new_id
from rf_middleware.issuer.records import NewKey, SlugTaken, Token, Workspace
from rf_middleware.issuer.rows import adding, workspace_of_row
from rf_middleware.issuer.schema import tokens, workspaces
from rf_middleware.issuer.schema_people import members
from rf_middleware.issuer.store_accounts import AccountStore
from rf_middleware.issuer.store_audit import AuditStore
from rf_middleware.issuer.store_events import EventStore
from rf_middleware.issuer.store_identities import IdentityStore
from rf_middleware.issuer.store_keys import KeyStore, created
from rf_middleware.issuer.store_lives import LifeStore
from rf_middleware.issuer.store_logins import LoginStore
from rf_middleware.issuer.store_members import MemberStore
from rf_middleware.issuer.store_people import PeopleStore

__all__ = ["Store"]


class Store(
    KeyStore, EventStore, LifeStore, PeopleStore, MemberStore, AccountStore, IdentityStore, LoginStore, AuditStore
):
    """The issuer's questions and changes."""

    def create_workspace(self, slug: str, name: str, key: NewKey, by: By) -> str:
        """Add a workspace and its first key; return its id.

        Raises:
            SlugTaken: there is one with this slug.
        """
        workspace_id = new_id()
        row = {"id": workspace_id, "slug": slug, "name": name, "created": time.time()}
        try:
            with self._database.writing() as connection:
                connection.execute(insert(workspaces).values(row))
                append(connection, by, Note("workspace.create", workspace_id, workspace_id, {"slug": slug}))
                for statement in adding(key, workspace_id, is_default=True):
                    connection.execute(statement)
                append(connection, by, created(key, workspace_id))
        except IntegrityError:
            raise SlugTaken from None
        return workspace_id

    def list_workspaces(self) -> list[Workspace]:
        """Return all workspaces by slug."""
        with self._database.reading() as connection:
            rows = connection.execute(select(workspaces).order_by(workspaces.c.slug))
            return [workspace_of_row(row) for row in rows.mappings()]

    def member_count(self, workspace_id: str) -> int:
        """Return how many people belong to a workspace."""
        counted = select(func.count()).where(members.c.workspace_id == workspace_id)
        with self._database.reading() as connection:
            found: int = connection.execute(counted).scalar_one()
        return found

    def create_token(self, fingerprint: bytes, name: str, by: By) -> str:
        """Add a validator token; return its id."""
        row = {"id": new_id(), "fingerprint": fingerprint, "name": name, "created": time.time()}
        with self._database.writing() as connection:
            connection.execute(insert(tokens).values(row))
            append(connection, by, Note("token.create", str(row["id"]), detail={"name": name}))
        return str(row["id"])

    def end_token(self, token_id: str, by: By) -> bool:
        """Withdraw a validator token; false when there is no good one of this id."""
        good = update(tokens).where(tokens.c.id == token_id, tokens.c.ended.is_(None))
        with self._database.writing() as connection:
            ended = connection.execute(good.values(ended=time.time())).rowcount == 1
            if ended:
                append(connection, by, Note("token.revoke", token_id))
        return ended

    def list_tokens(self) -> list[Token]:
        """Return all validator tokens, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(tokens).order_by(tokens.c.created, tokens.c.id))
            return [Token(row.id, row.name, row.created, row.ended) for row in rows]

    def token_id(self, fingerprint: bytes) -> str | None:
        """Return the id of the good validator token with this fingerprint."""
        query = select(tokens.c.id).where(tokens.c.fingerprint == fingerprint, tokens.c.ended.is_(None))
        with self._database.reading() as connection:
            return connection.execute(query).scalar()
