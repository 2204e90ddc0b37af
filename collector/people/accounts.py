"""People and what they sign in with: plain functions over a connection, used by routes and commands alike."""

from __future__ import annotations

import json
import re
from typing import Any

from collector.people.policy import ROLES, Person, end_session
from collector.people.sign_ins import credentials_changed
from collector.people.tokens import hash_secret, new_secret
from collector.store.clock import now_text, record_time, steady_text
from collector.store.dialects import json_array_of
from collector.store.sql import Connection, Row, text
from wire.base import new_id
from wire.errors import GleanerError

LINK_SECONDS = 3600.0
PAGE_SECONDS = 12 * 3600.0
DAY_SECONDS = 86_400.0
_REPLACE = text("UPDATE token SET used_at = :now WHERE hash = :hash AND kind = 'page' AND used_at IS NULL")
_NAME = re.compile(r"^[^\s/\\<>\"'][^/\\<>\"'\x00-\x1f]{0,62}$")


class NameTaken(GleanerError):
    code = "name-taken"
    status = 409
    hint = "Choose another name, or use the existing account: `gleaner collector user list`."


class NameInvalid(GleanerError):
    code = "name-invalid"
    status = 422
    exit_code = 2
    hint = "1 to 63 characters, no slash, quote or angle bracket, not beginning with a space."


class RoleUnknown(GleanerError):
    code = "role-unknown"
    status = 422
    exit_code = 2
    hint = f"One of: {', '.join(ROLES)}."


class PersonUnknown(GleanerError):
    code = "person-unknown"
    status = 404
    hint = "`gleaner collector user list` lists the users; `user add NAME --role ROLE` adds one."


class PersonDisabled(GleanerError):
    code = "person-disabled"
    status = 409
    hint = "To let them sign in again: `gleaner collector user enable NAME`."


class LastLead(GleanerError):
    """The only lead was to be disabled or to become something else: nobody could look after people and devices then."""

    code = "last-lead"
    status = 409
    hint = "Add another lead first: `gleaner collector user add NAME --role lead`."


class LinkUsed(GleanerError):
    """A one-time link was used, has expired, or never was."""

    code = "link-used"
    status = 410
    hint = "Ask for a new one: `gleaner collector user link NAME`."


def add_user(conn: Connection, name: str, role: str) -> dict[str, Any]:
    """Add a person. Returns `{"id", "name", "role"}`.

    Raises:
        NameInvalid, RoleUnknown, NameTaken.
    """
    if not _NAME.fullmatch(name):
        raise NameInvalid(f"{name!r} cannot be a person's name here.")
    if role not in ROLES:
        raise RoleUnknown(f"There is no role {role!r}.")
    if conn.execute(text("SELECT 1 FROM person WHERE name = :name"), {"name": name}).first() is not None:
        raise NameTaken(f"The user {name} exists already.")
    row = {"id": new_id("person"), "name": name, "role": role}
    conn.execute(
        text("INSERT INTO person (id, name, role, created_at) VALUES (:id, :name, :role, :now)"),
        row | {"now": now_text()},
    )
    return row


def list_users(conn: Connection) -> list[dict[str, Any]]:
    """Everybody: `{"name", "role", "created_at", "disabled_at", "studies"}`, by name; `studies` None: every study."""
    rows = conn.execute(
        text(
            f"SELECT name, role, created_at, disabled_at, (SELECT {json_array_of('study')} FROM person_study"
            " WHERE person_id = person.id) AS studies FROM person ORDER BY name"
        )
    )
    return [row | {"studies": sorted(json.loads(row["studies"])) or None} for row in rows.mappings()]


def disable_user(conn: Connection, name: str) -> str:
    """End every token, session and link of a person; nothing they did is lost. Returns their id.

    Disabling twice changes nothing.

    Raises:
        PersonUnknown, LastLead.
    """
    row = _find(conn, name)
    _check_other_lead(conn, row.id, name)
    conn.execute(
        text("UPDATE person SET disabled_at = :now WHERE id = :id AND disabled_at IS NULL"),
        {"now": now_text(), "id": row.id},
    )
    conn.execute(
        text("UPDATE token SET used_at = :now, expires_at = :steady WHERE person_id = :id AND used_at IS NULL"),
        {"now": now_text(), "steady": steady_text(conn), "id": row.id},
    )
    credentials_changed(conn)
    person: str = row.id
    return person


def _check_other_lead(conn: Connection, person: str, name: str) -> None:
    """Raises LastLead: nobody else is one."""
    others = "SELECT 1 FROM person AS other WHERE other.role = 'lead' AND other.disabled_at IS NULL AND other.id <> :id"
    is_last = text(f"SELECT 1 FROM person WHERE id = :id AND role = 'lead' AND NOT EXISTS ({others})")
    if conn.execute(is_last, {"id": person}).first() is not None:
        raise LastLead(f"{name} is the only lead.")


def change_role(conn: Connection, name: str, role: str) -> str:
    """What a person may do from now on, in every session that is open, too. Returns their id.

    Raises:
        PersonUnknown, RoleUnknown, LastLead.
    """
    if role not in ROLES:
        raise RoleUnknown(f"There is no role {role!r}.")
    row = _find(conn, name)
    if role != "lead":
        _check_other_lead(conn, row.id, name)
    conn.execute(text("UPDATE person SET role = :role WHERE id = :id"), {"role": role, "id": row.id})
    credentials_changed(conn)
    person: str = row.id
    return person


def enable_user(conn: Connection, name: str) -> None:
    """A disabled person may sign in again, with a new link or token. Raises PersonUnknown."""
    conn.execute(text("UPDATE person SET disabled_at = NULL WHERE id = :id"), {"id": _find(conn, name).id})
    credentials_changed(conn)


def new_token(conn: Connection, name: str, days: int | None = None) -> str:
    """A bearer token for programs of this person, shown once. It ends after so many days; None: when it is revoked.

    Raises:
        PersonUnknown, PersonDisabled.
    """
    return _issue(conn, person_id(conn, name), "api", None if days is None else days * DAY_SECONDS)


def new_link_code(conn: Connection, name: str) -> str:
    """A code that opens the page once within an hour: the last part of `/enter/CODE`.

    Raises:
        PersonUnknown, PersonDisabled.
    """
    return _issue(conn, person_id(conn, name), "enter", LINK_SECONDS)


def sign_in(conn: Connection, code: str, before: str | None = None) -> str | None:
    """Use a code up; returns the secret for the page's cookie, good for twelve hours; None: the code opens nothing.

    The session with the secret `before`, which the same browser had until now, ends with it.

    A code that has expired is used up by the try. That is why nothing is raised here: it would take the mark back. A
    code that lasts longer than any new one is from a clock that was ahead, and has expired too.
    """
    values = {
        "hash": hash_secret(code),
        "now": now_text(),
        "steady": steady_text(conn),
        "ahead": steady_text(conn, LINK_SECONDS),
    }
    row = conn.execute(
        text(
            "UPDATE token SET used_at = :now WHERE hash = :hash AND kind = 'enter' AND used_at IS NULL"
            " RETURNING person_id, expires_at > :steady AND expires_at <= :ahead AND person_id IN"
            " (SELECT id FROM person WHERE disabled_at IS NULL) AS opens"
        ),
        values,
    ).one_or_none()
    if row is None or not row.opens:
        return None
    if before is not None:
        conn.execute(_REPLACE, {"hash": hash_secret(before), "now": values["now"]})
        credentials_changed(conn)
    return _issue(conn, row.person_id, "page", PAGE_SECONDS)


def signed_in(conn: Connection, secret: str) -> dict[str, str]:
    """`{"name", "role"}` behind a fresh page secret."""
    row = conn.execute(
        text("SELECT name, role FROM token JOIN person ON person.id = token.person_id WHERE hash = :hash"),
        {"hash": hash_secret(secret)},
    ).one()
    return {"name": row.name, "role": row.role}


def sign_out(conn: Connection, person: Person, secret: str | None) -> None:
    """End one session of the page; without a secret (a bearer token was shown) nothing is to be ended."""
    if secret is not None:
        end_session(conn, secret, person.id)


def person_id(conn: Connection, name: str) -> str:
    """The id of somebody who may sign in. Raises PersonUnknown, PersonDisabled."""
    row = _find(conn, name)
    if row.disabled_at is not None:
        raise PersonDisabled(f"The user {name} is disabled.")
    person_id: str = row.id
    return person_id


def any_person_id(conn: Connection, name: str) -> str:
    """The id of a person, disabled or not. Raises PersonUnknown."""
    person: str = _find(conn, name).id
    return person


def _find(conn: Connection, name: str) -> Row:
    row = conn.execute(text("SELECT id, role, disabled_at FROM person WHERE name = :name"), {"name": name}).first()
    if row is None:
        raise PersonUnknown(f"There is no user {name} here.")
    return row


def _issue(conn: Connection, person_id: str, kind: str, seconds: float | None) -> str:
    secret = new_secret()
    record_time(conn)
    conn.execute(
        text(
            "INSERT INTO token (hash, person_id, kind, created_at, expires_at, last_used_at)"
            " VALUES (:hash, :person, :kind, :now, :expires, :used)"
        ),
        {
            "hash": hash_secret(secret),
            "person": person_id,
            "kind": kind,
            "now": now_text(),
            "expires": None if seconds is None else steady_text(conn, seconds),
            "used": steady_text(conn) if kind == "page" else None,
        },
    )
    return secret
