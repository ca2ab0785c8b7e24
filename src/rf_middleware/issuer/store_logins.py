"""Logins of devices (RFC 8628) and by pasted tokens: asked for, decided, exchanged for keys.

* Codes and tokens come in by fingerprint only.
* Each step is one transaction, its audit rows included. Keys are made in the one that spends the code or token.
* Who the person is by then, and where, is looked at again when keys are handed out.
* What is over is cleared away with the next one: the audit log keeps what happened.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from rf_middleware.issuer.audit import By, Note, append
from rf_middleware.issuer.device import LASTS, Device, decide, over, poll
from rf_middleware.issuer.logins import Handed, LoginOver, TooManyLogins, Way
from rf_middleware.issuer.minting import Minting
from rf_middleware.issuer.people import Person
from rf_middleware.issuer.presets import PRESETS
from rf_middleware.issuer.rows import adding
from rf_middleware.issuer.schema_people import devices, pastes, people
from rf_middleware.issuer.store_base import StoreBase
from rf_middleware.issuer.store_keys import created
from rf_middleware.issuer.store_people import memberships_of

__all__ = ["MOST_OF_ONE", "MOST_PENDING", "LoginStore"]

MOST_PENDING: Final = 2000
"""Logins that may wait for somebody at the same time."""

MOST_OF_ONE: Final = 10
"""One-time tokens of a person that may be good at the same time: a new one takes the place of the oldest."""

_KEPT: Final = LASTS
"""Seconds after its end for which a device is still told that its login has expired."""

_COLUMNS: Final = [getattr(devices.c, each.name) for each in fields(Device)]

_CODE_NAME: Final = "login on {}"
_PASTE_NAME: Final = "login by token"


class LoginStore(StoreBase):
    """Questions and changes about logins."""

    # Devices

    def ask_login(self, device: Device, codes: tuple[bytes, bytes], by: By) -> None:
        """Add the login that a device asks for, with the fingerprints of its device code and its user code.

        Raises:
            TooManyLogins: there are as many as may be (or, once in a long while, a code is taken).
        """
        now = time.time()
        waiting = select(func.count()).where(devices.c.state == "pending", devices.c.ends > now)
        row = {**asdict(device), "device_fingerprint": codes[0], "user_fingerprint": codes[1]}
        told = {"client": device.client, "device": device.name, "workspace": device.workspace}
        try:
            with self._database.writing() as connection:
                connection.execute(delete(devices).where(devices.c.ends <= now - _KEPT))
                if connection.execute(waiting).scalar_one() >= MOST_PENDING:
                    raise TooManyLogins
                connection.execute(insert(devices).values(row))
                append(connection, by, Note("login.ask", device.id, detail=told))
        except IntegrityError:
            raise TooManyLogins from None

    def login_by_device_code(self, fingerprint: bytes) -> Device | None:
        """Return the login with this device code."""
        with self._database.reading() as connection:
            return _found(connection, devices.c.device_fingerprint == fingerprint)

    def login_by_user_code(self, fingerprint: bytes) -> Device | None:
        """Return the login with this user code."""
        with self._database.reading() as connection:
            return _found(connection, devices.c.user_fingerprint == fingerprint)

    def decide_login(self, device_id: str, person: Person, workspaces: tuple[str, ...], by: By) -> None:
        """Allow a login keys for these workspaces; for none: deny it.

        Raises:
            LoginOver: it was decided, or has ended.
        """
        with self._database.writing() as connection:
            device = _found(connection, devices.c.id == device_id)
            now = None if device is None or over(device, time.time()) else decide(device, person.id, workspaces)
            if device is None or now is None or not _went_on(connection, device, now):
                raise LoginOver
            told = {"client": now.client, "device": now.name, "workspaces": list(workspaces)}
            append(connection, by, Note("login.approve" if workspaces else "login.deny", device_id, detail=told))

    def poll_login(self, device_id: str, minting: Minting, address: str) -> str | tuple[Handed, ...]:
        """Take in that a device asks for its keys: hand them out, or return what it is told instead."""
        with self._database.writing() as connection:
            device = _found(connection, devices.c.id == device_id)
            polled = None if device is None else poll(device, time.time())
            if device is None or polled is None or not _went_on(connection, device, polled.device):
                return "invalid_grant"
            if polled.error or device.person_id is None:
                return polled.error
            told = {"client": device.client, "device": device.name}
            way = Way(device_id, _CODE_NAME.format(device.name or device.client), address, told)
            return _hand_out(connection, device.person_id, device.workspaces, minting, way) or "access_denied"

    # Tokens that are pasted

    def offer_paste(self, fingerprint: bytes, person: Person, workspaces: Sequence[str], by: By) -> None:
        """Add a one-time token, to be exchanged for keys of these workspaces."""
        now = time.time()
        row = {"fingerprint": fingerprint, "person_id": person.id, "workspaces": list(workspaces)}
        good = select(pastes.c.fingerprint).where(pastes.c.person_id == person.id, pastes.c.used.is_(None))
        newest = good.order_by(pastes.c.created.desc()).limit(MOST_OF_ONE - 1)
        with self._database.writing() as connection:
            connection.execute(delete(pastes).where(pastes.c.ends <= now))
            kept = connection.execute(newest).scalars().all()
            others = pastes.c.fingerprint.in_(good) & pastes.c.fingerprint.not_in(kept)
            connection.execute(delete(pastes).where(others))
            connection.execute(insert(pastes).values(**row, created=now, ends=now + LASTS))
            append(connection, by, Note("login.paste", by.name, detail={"workspaces": list(workspaces)}))

    def paste_is_good(self, fingerprint: bytes) -> bool:
        """Say whether a one-time token can be exchanged."""
        good = select(pastes.c.ends).where(pastes.c.fingerprint == fingerprint, pastes.c.used.is_(None))
        with self._database.reading() as connection:
            return connection.execute(good.where(pastes.c.ends > time.time())).first() is not None

    def exchange_paste(self, fingerprint: bytes, minting: Minting, address: str) -> tuple[Handed, ...]:
        """Spend a one-time token: hand its keys out; none where it is not good, or nothing is left to hand out."""
        now = time.time()
        good = (pastes.c.fingerprint == fingerprint, pastes.c.used.is_(None), pastes.c.ends > now)
        with self._database.writing() as connection:
            if connection.execute(update(pastes).where(*good).values(used=now)).rowcount == 0:
                return ()
            spent = connection.execute(select(pastes).where(pastes.c.fingerprint == fingerprint)).one()
            way = Way("", _PASTE_NAME, address, {})
            return _hand_out(connection, spent.person_id, spent.workspaces, minting, way)


def _found(connection: Connection, condition: ColumnElement[bool]) -> Device | None:
    row = connection.execute(select(*_COLUMNS).where(condition)).mappings().first()
    if row is None:
        return None
    values: dict[str, Any] = {**row, "workspaces": tuple(row["workspaces"])}
    return Device(**values)


def _went_on(connection: Connection, old: Device, new: Device) -> bool:
    """Write down how a login goes on; false where it is not any more as it was read."""
    same = (devices.c.id == old.id, devices.c.state == old.state, devices.c.polled.is_not_distinct_from(old.polled))
    values: dict[str, object] = {"state": new.state, "person_id": new.person_id, "workspaces": list(new.workspaces)}
    values |= {"interval": new.interval, "polled": new.polled}
    return connection.execute(update(devices).where(*same).values(values)).rowcount == 1


def _hand_out(
    connection: Connection, person_id: str, wanted: Sequence[str], minting: Minting, way: Way
) -> tuple[Handed, ...]:
    """Make the keys of a login that was spent just now, by what its person may have by now."""
    row = connection.execute(select(people).where(people.c.id == person_id)).one()
    person, by = Person(row.id, row.email, row.name, row.admin), By("person", row.id, row.email, way.address)
    theirs = memberships_of(connection, person) if row.status == "active" else []
    offered = {each.workspace.id: each for each in theirs if each.workspace.status == "active"}
    handed, key_ids = list[Handed](), list[str]()
    for member in [offered[each] for each in wanted if each in offered]:
        scopes = PRESETS[f"role:{member.role}"]
        secret, key = minting.new(way.name, scopes, owners=(person.email,), made_by=person.email)
        for statement in adding(key, member.workspace.id):
            connection.execute(statement)
        append(connection, by, created(key, member.workspace.id))
        handed.append(Handed(member.workspace, scopes, secret))
        key_ids.append(key.id)
    told = {**way.told, "keys": key_ids, "missed": len(wanted) - len(handed)}
    append(connection, by, Note("login.exchange" if handed else "login.fail", way.target or person.email, detail=told))
    return tuple(handed)
