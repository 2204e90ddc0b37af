"""Join codes: eight letters a person can read aloud, good for ten minutes, used once."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from collector.people.sign_ins import credentials_changed
from collector.people.tokens import hash_secret, new_secret
from collector.store.clock import now_text, read_clocks, record_time, steady_now, steady_text
from collector.store.sql import Connection, text
from wire.authority import ALPHABET, CODE_LETTERS, grouped
from wire.base import format_utc, new_id
from wire.device import DeviceInfo
from wire.errors import GleanerError

CODE_SECONDS = 600.0
TRIES_A_MINUTE = 10
MINUTE = timedelta(minutes=1)
_ATTEMPTS = text("SELECT at FROM join_attempt WHERE address = :address AND at > :from AND at < :until ORDER BY at")
_ADD_ATTEMPT = text("INSERT INTO join_attempt (address, at) VALUES (:address, :now)")
_DROP_ATTEMPTS = text("DELETE FROM join_attempt WHERE at <= :from OR at >= :until")


class JoinCodeWrong(GleanerError):
    code = "join-code-wrong"
    status = 403
    hint = "Check the letters; for a new code run `gleaner collector join-code`."


class JoinCodeExpired(GleanerError):
    code = "join-code-expired"
    status = 410
    hint = "A code is valid for ten minutes. For a new one run: `gleaner collector join-code`."


class JoinCodeUsed(GleanerError):
    code = "join-code-used"
    status = 410
    hint = "Each device needs a code of its own: `gleaner collector join-code`."


class DeviceActive(GleanerError):
    """A code was used to take over the id of a device that is at work."""

    code = "device-active"
    status = 409
    hint = "Stop its agent and get a new code, or revoke it first: `gleaner collector device revoke`."


class TooManyTries(GleanerError):
    code = "too-many-tries"
    status = 429
    retryable = True
    hint = "Wait a minute, then type the code once more."


def new_join_code(conn: Connection) -> dict[str, str]:
    """A fresh code: `{"code": "XXXX-XXXX", "expires_at"}`. Only its hash is kept."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LETTERS))
    record_time(conn)
    conn.execute(
        text("INSERT INTO join_code (code_hash, created_at, expires_at) VALUES (:hash, :now, :expires)"),
        {"hash": hash_secret(letters), "now": now_text(), "expires": steady_text(conn, CODE_SECONDS)},
    )
    return {"code": grouped(letters), "expires_at": now_text(CODE_SECONDS)}


def join(conn: Connection, code: str, info: DeviceInfo, known_as: str | None = None) -> tuple[str, str]:
    """Use a code up for a device. Returns (device id, token); the token is shown once.

    `known_as`: the id under which the device recorded what it still holds. It gets that id back with a new token, and
    the old token ends, unless the device was in contact with the old one since the code was made.

    Raises:
        JoinCodeWrong, JoinCodeExpired, JoinCodeUsed, DeviceActive.
    """
    now = now_text()
    values: dict[str, Any] = {"hash": hash_secret(code.replace("-", "").upper()), "now": now}
    row = conn.execute(text("SELECT expires_at, used_at FROM join_code WHERE code_hash = :hash"), values).one_or_none()
    if row is None:
        raise JoinCodeWrong("This join code is not one of this collector's.")
    if row.used_at is not None:
        raise JoinCodeUsed("This join code was used before.")
    left, most = datetime.fromisoformat(row.expires_at) - steady_now(conn), timedelta(seconds=CODE_SECONDS)
    if not timedelta() < left <= most:
        raise JoinCodeExpired("This join code has expired.")
    if known_as is not None:
        _check_inactive(conn, known_as, most - left)
    device, token = known_as or new_id("dev"), new_secret()
    conn.execute(
        text(
            "INSERT INTO device (id, name, model, token_hash, joined_at) VALUES (:device, :name, :model, :token, :now)"
            " ON CONFLICT (id) DO UPDATE SET model = :model, token_hash = :token, revoked_at = NULL"
        ),
        values | {"device": device, "name": info.name, "model": info.model, "token": hash_secret(token)},
    )
    credentials_changed(conn)
    conn.execute(
        text("UPDATE join_code SET used_at = :now, device_id = :device WHERE code_hash = :hash"),
        values | {"device": device},
    )
    return device, token


def _check_inactive(conn: Connection, device: str, age: timedelta) -> None:
    """`age`: of the code. Not compared as times: the wall clock may have been set since the code was made.

    Raises:
        DeviceActive: a device whose token works needs no other one, and nobody else may have its name.
    """
    row = conn.execute(text("SELECT revoked_at, last_seen_at FROM device WHERE id = :id"), {"id": device}).one_or_none()
    if row is None or row.revoked_at is not None or row.last_seen_at is None:
        return
    if read_clocks().wall - datetime.fromisoformat(row.last_seen_at) <= age:
        raise DeviceActive(f"The device {device} was in contact after this code was made, so its token still works.")


def count_attempt(conn: Connection, address: str) -> None:
    """Count an attempt with a join code, with those at all processes. Raises TooManyTries: nothing is counted."""
    now = datetime.now(UTC)
    times = {"from": format_utc(now - MINUTE), "now": format_utc(now), "until": format_utc(now + MINUTE)}
    # What lies further ahead was written before a clock was set back.
    found = list(conn.execute(_ATTEMPTS, {"address": address, **times}).scalars())
    if len(found) >= TRIES_A_MINUTE:
        oldest = datetime.fromisoformat(found[-TRIES_A_MINUTE])
        wait = max(1, round((oldest + MINUTE - now).total_seconds()))
        raise TooManyTries(f"More than {TRIES_A_MINUTE} tries within a minute.", retry_after=wait)
    conn.execute(_DROP_ATTEMPTS, times)
    conn.execute(_ADD_ATTEMPT, {"address": address, **times})
