"""Join codes: eight letters a person can read aloud, good for ten minutes, used once.

The first two letters are the code's handle and are stored as they are; of all eight a salted Argon2id hash is stored,
which takes about 20 ms of a processor and 19 MiB. A handle is of one code at a time. So a guess causes one evaluation
at most, none unless its handle is right, and one code MAX_TRIES; one runs at a time. Whoever reads the database needs
200 days of a processor to try the other six letters (29 bits) of one code, which is good for ten minutes.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from nacl.pwhash import argon2id

from collector.people.sign_ins import credentials_changed
from collector.people.tokens import hash_secret, new_secret, same_secret
from collector.store.clock import now_text, read_clocks, record_time, steady_now, steady_text
from collector.store.sql import Connection, text
from wire.authority import ALPHABET, CODE_LETTERS, grouped
from wire.base import format_utc, new_id
from wire.device import DeviceInfo
from wire.errors import GleanerError

CODE_SECONDS = 600.0
HANDLE_LETTERS = 2
MAX_TRIES = 10  # with one code
PASSES, MEMORY_BYTES, SALT_BYTES, HASH_BYTES = 2, 19 * 2**20, 16, 32
_HANDLES = frozenset("".join(letters) for letters in product(ALPHABET, repeat=HANDLE_LETTERS))
_ONE_AT_A_TIME = threading.Lock()  # each takes MEMORY_BYTES
_OPEN = "used_at IS NULL AND expires_at > :steady"
_OPEN_HANDLES = text(f"SELECT handle FROM join_code WHERE {_OPEN}")
_ADD_CODE = text(
    "INSERT INTO join_code (handle, salt, code_hash, tries, created_at, expires_at)"
    " VALUES (:handle, :salt, :hash, 0, :now, :expires)"
    " ON CONFLICT (handle) DO UPDATE SET salt = excluded.salt, code_hash = excluded.code_hash, tries = 0,"
    " created_at = excluded.created_at, expires_at = excluded.expires_at, used_at = NULL, device_id = NULL"
    " WHERE join_code.used_at IS NOT NULL OR join_code.expires_at <= :steady"
)
_COUNT_TRY = text("UPDATE join_code SET tries = tries + 1 WHERE handle = :handle AND tries < :most")
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


class TooManyCodes(GleanerError):
    """Every handle is that of a code somebody may still use."""

    code = "too-many-codes"
    status = 429
    retryable = True
    hint = "Codes are good for ten minutes: wait until some have been used or have expired."


@dataclass(frozen=True)
class StoredCode:
    """What is stored of the code with this handle."""

    handle: str
    salt: str
    hash: str

    def check(self, code: str) -> None:
        """Takes about 20 ms: neither on the event loop nor in a transaction. Raises JoinCodeWrong."""
        if not same_secret(_slow_hash(_letters(code), self.salt), self.hash):
            raise JoinCodeWrong("This join code is not one of this collector's.")


def new_join_code(conn: Connection) -> dict[str, str]:
    """A fresh code: `{"code": "XXXX-XXXX", "expires_at"}`. Only a hash of it is kept. Raises TooManyCodes."""
    record_time(conn)
    steady = {"steady": steady_text(conn)}
    while free := sorted(_HANDLES - set(conn.execute(_OPEN_HANDLES, steady).scalars())):
        handle = secrets.choice(free)
        letters = handle + "".join(secrets.choice(ALPHABET) for _ in range(CODE_LETTERS - HANDLE_LETTERS))
        salt = secrets.token_hex(SALT_BYTES)
        values = {"handle": handle, "salt": salt, "hash": _slow_hash(letters, salt), "now": now_text()}
        if conn.execute(_ADD_CODE, values | steady | {"expires": steady_text(conn, CODE_SECONDS)}).rowcount:
            return {"code": grouped(letters), "expires_at": now_text(CODE_SECONDS)}
    raise TooManyCodes(f"{len(_HANDLES)} join codes are open: there are no more.")


def _letters(code: str) -> str:
    return code.replace("-", "").upper()


def _slow_hash(letters: str, salt: str) -> str:
    with _ONE_AT_A_TIME:
        return argon2id.kdf(HASH_BYTES, letters.encode(), bytes.fromhex(salt), PASSES, MEMORY_BYTES).hex()


def find_code(conn: Connection, code: str) -> StoredCode:
    """What is stored of a code with this one's handle, whose tries are counted. Raises JoinCodeWrong."""
    handle = _letters(code)[:HANDLE_LETTERS]
    row = conn.execute(
        text("SELECT salt, code_hash FROM join_code WHERE handle = :handle"), {"handle": handle}
    ).one_or_none()
    if row is None:
        raise JoinCodeWrong("This join code is not one of this collector's.")
    if not conn.execute(_COUNT_TRY, {"handle": handle, "most": MAX_TRIES}).rowcount:
        raise JoinCodeWrong("Too many wrong letters were tried with this join code: it is good no longer.")
    return StoredCode(handle, row.salt, row.code_hash)


def join(conn: Connection, code: StoredCode, info: DeviceInfo, known_as: str | None = None) -> tuple[str, str]:
    """Use a code up that was checked, for a device. Returns (device id, token); the token is shown once.

    `known_as`: the id under which the device recorded what it still holds. It gets that id back with a new token, and
    the old token ends, unless the device was in contact with the old one since the code was made.

    Raises:
        JoinCodeWrong, JoinCodeExpired, JoinCodeUsed, DeviceActive.
    """
    now = now_text()
    values: dict[str, Any] = {"handle": code.handle, "hash": code.hash, "now": now}
    row = conn.execute(
        text("SELECT expires_at, used_at FROM join_code WHERE handle = :handle AND code_hash = :hash"), values
    ).one_or_none()
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
        text("UPDATE join_code SET used_at = :now, device_id = :device WHERE handle = :handle"),
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
