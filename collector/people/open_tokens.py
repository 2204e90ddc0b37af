"""The tokens of a person that still open something: listed by a short id, revoked, and when they were used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from collector.people.sign_ins import credentials_changed
from collector.store.clock import now_text, steady_now, steady_text
from collector.store.sql import Connection, text
from wire.base import WireModel, format_utc
from wire.errors import GleanerError

ID_DIGITS = 12  # of the hash: enough to name one token among those of a person, and no help in guessing the secret
_OPEN = (
    "person_id = :person AND used_at IS NULL AND (expires_at IS NULL OR expires_at > :now)"
    " AND (kind <> 'page' OR last_used_at > :idle_since)"
)
_LIST = text(
    f"SELECT hash, kind, created_at, expires_at, last_used_at FROM token WHERE {_OPEN} ORDER BY created_at DESC, hash"
)
_REVOKE = text(
    "UPDATE token SET used_at = :now, expires_at = :steady WHERE person_id = :person AND used_at IS NULL"
    " AND substr(hash, 1, 12) = :id"
)
_WAS_THERE = text("SELECT EXISTS (SELECT 1 FROM token WHERE person_id = :person AND substr(hash, 1, 12) = :id)")
_REVOKE_OTHERS = text(
    "UPDATE token SET used_at = :now, expires_at = :steady WHERE person_id = :person AND kind = 'page'"
    " AND used_at IS NULL AND hash <> :this"
)
_RECORD_USE = text("UPDATE token SET last_used_at = :now WHERE hash IN :hashes AND used_at IS NULL")

_NEVER_USED = text(
    "SELECT person.name, token.hash FROM token JOIN person ON person.id = token.person_id"
    " WHERE token.hash IN :hashes AND token.last_used_at IS NULL"
)


class TokenUnknown(GleanerError):
    code = "token-unknown"
    status = 404
    hint = "`gleaner collector user tokens NAME` lists a person's tokens."


class TokenRow(WireModel):
    """Something that lets a person in: a token of their programs (api), a session of the page (page), or a link that
    was not opened yet (enter). `current`: the one that this request came with.
    """

    id: str
    kind: Literal["api", "page", "enter"]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    current: bool = False


class TokenRows(WireModel):
    tokens: list[TokenRow]


def list_tokens(conn: Connection, person: str, idle_seconds: float, current: str | None = None) -> TokenRows:
    """What lets a person (by id) in now, the newest first.

    Args:
        idle_seconds: a session of the page that was not used for so long has ended.
        current: hash of the credential of the request.
    """
    now = steady_now(conn)
    idle_since = format_utc(now - timedelta(seconds=idle_seconds))
    rows = conn.execute(_LIST, {"person": person, "now": format_utc(now), "idle_since": idle_since}).mappings()
    return TokenRows(
        tokens=[TokenRow(id=row["hash"][:ID_DIGITS], current=row.pop("hash") == current, **row) for row in rows]
    )


def revoke_token(conn: Connection, person: str, token: str) -> None:
    """It opens nothing from now on. Revoking twice changes nothing. Raises TokenUnknown."""
    values = {"person": person, "id": token, "now": now_text(), "steady": steady_text(conn)}
    if conn.execute(_REVOKE, values).rowcount == 0 and not conn.execute(_WAS_THERE, values).scalar():
        raise TokenUnknown(f"There is no token {token} of this person.")
    credentials_changed(conn)


def revoke_other_sessions(conn: Connection, person: str, this: str | None) -> int:
    """End every session of the page but the one with the hash `this`. Returns how many ended."""
    values = {"person": person, "this": this or "", "now": now_text(), "steady": steady_text(conn)}
    ended = conn.execute(_REVOKE_OTHERS, values).rowcount
    credentials_changed(conn)
    return ended


@dataclass(frozen=True)
class FirstUse:
    """A token of a program was used for the first time."""

    person: str
    token: str


def record_uses(conn: Connection, hashes: Iterable[str]) -> list[FirstUse]:
    """These tokens were in use within the last minute. Returns those that were not used before."""
    values = {"now": steady_text(conn), "hashes": list(hashes)}
    first = [FirstUse(row.name, row.hash[:ID_DIGITS]) for row in conn.execute(_NEVER_USED, values)]
    conn.execute(_RECORD_USE, values)
    return first
