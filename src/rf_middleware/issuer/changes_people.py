"""What ends keys because a person leaves: a workspace, or altogether. Each is one ``Change``.

* Keys that nobody else answers for are revoked, protected ones too. Of the others they are no owner any more.
* Keys without owners belong to everybody, whoever made them: they stay.
* A workspace keeps an admin who can sign in, unless an administrator of the issuer says otherwise.
"""

from sqlalchemy import ColumnElement, Delete, delete, exists, or_, select, true, update

from rf_middleware.issuer.audit import Note
from rf_middleware.issuer.changes import Change, off_keys
from rf_middleware.issuer.schema import events, keys
from rf_middleware.issuer.schema_people import devices, identities, links, members, pastes, people, sessions

__all__ = ["disable_person", "keeps_an_admin", "never_signed_in", "remove_member", "ways_in"]


def remove_member(workspace_id: str, person_id: str, email: str, *, last_too: bool) -> Change:
    """Take somebody out of a workspace and off its keys.

    Args:
        workspace_id: where.
        person_id: who.
        email: what the log calls them.
        last_too: also the last admin.
    """
    here = (members.c.workspace_id == workspace_id, members.c.person_id == person_id)
    gone = delete(members).where(*here, true() if last_too else keeps_an_admin(workspace_id, person_id))
    email_of = select(people.c.email).where(people.c.id == person_id).scalar_subquery()
    # An invitation to nowhere: whoever has it can do no harm with it, and nobody knows of it any more.
    alone = ~exists().where(members.c.person_id == person_id)
    plain = exists().where(people.c.id == person_id, people.c.admin.is_(False), never_signed_in())
    idle = delete(links).where(links.c.person_id == person_id, alone, plain)
    about = (events.c.workspace_id == workspace_id) & (events.c.change == "revoked")
    off = off_keys(select(keys.c.id).where(keys.c.workspace_id == workspace_id), email_of)
    return Change(gone, about, (*off, idle), Note("member.remove", email, workspace_id))


def disable_person(person_id: str, email: str) -> Change:
    """Sign somebody out everywhere, for as long as they are disabled, and take them off every key.

    What they were about to get ends too: links, one-time tokens, logins that wait for their key.
    """
    active = (people.c.id == person_id, people.c.status != "disabled")
    disabled = update(people).where(*active).values(status="disabled")
    email_of = select(people.c.email).where(people.c.id == person_id).scalar_subquery()
    off = off_keys(select(keys.c.id), email_of)
    return Change(disabled, events.c.change == "revoked", (*off, *ways_in(person_id)), Note("person.disable", email))


def ways_in(person_id: str, *, but: bytes = b"") -> tuple[Delete, ...]:
    """Return what ends whatever somebody who knew the password may hold: all of it grants as much as the password.

    Args:
        person_id: whose.
        but: the fingerprint of the one session that stays.
    """
    return (
        delete(sessions).where(sessions.c.person_id == person_id, sessions.c.fingerprint != but),
        delete(links).where(links.c.person_id == person_id),
        delete(pastes).where(pastes.c.person_id == person_id),
        delete(devices).where(devices.c.person_id == person_id, devices.c.state != "done"),
    )


def keeps_an_admin(workspace_id: str, person_id: str) -> ColumnElement[bool]:
    """Say of a row of ``members`` whether an admin who can sign in is left without it."""
    others = members.alias("others")
    admins = (others.c.workspace_id == workspace_id, others.c.role == "admin", others.c.person_id != person_id)
    left = select(people.c.id).join(others, others.c.person_id == people.c.id).where(*admins, _can_sign_in())
    return or_(members.c.role != "admin", left.exists())


def never_signed_in() -> ColumnElement[bool]:
    """Say of a person whether they have neither a password nor an account of elsewhere."""
    return people.c.password.is_(None) & ~exists().where(identities.c.person_id == people.c.id)


def _can_sign_in() -> ColumnElement[bool]:
    """Say of a person whether they may sign in, and did once."""
    return (people.c.status == "active") & ~never_signed_in()
