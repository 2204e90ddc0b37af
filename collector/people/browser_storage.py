"""The key under which the page encrypts what a browser stores of a person's unsent work.

It is derived from the receipt key's secret, which all processes of a collector have, and the person's id (HKDF-SHA256,
RFC 5869), so that nothing more has to be made, shared or saved. It is given to a session of the page and kept there in
memory alone: what lies in the browser cannot be read after the session, until the same person signs in again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from collector.keys import ReceiptKey
from collector.store.clock import steady_now
from collector.store.sql import Connection, text

KEY_BYTES = 32
NAME_BYTES = 12
_ENDS = text("SELECT expires_at FROM token WHERE hash = :hash AND kind = 'page'")


@dataclass(frozen=True)
class BrowserKey:
    """`key`: 64 hex digits; `store`: 24 digits that name this person's entries in a browser and say nothing of them."""

    key: str
    store: str


def browser_key(secret: ReceiptKey, person_id: str) -> BrowserKey:
    """The same for a person at every process and after every restart, as long as the receipt key is the same."""
    info = f"gleaner browser storage 1: {person_id}".encode()
    derived = HKDF(SHA256(), KEY_BYTES + NAME_BYTES, salt=None, info=info).derive(bytes(secret.signing))
    return BrowserKey(derived[:KEY_BYTES].hex(), derived[KEY_BYTES:].hex())


def seconds_left(conn: Connection, token_hash: str) -> float | None:
    """Until a session of the page ends; None: that is no session of the page."""
    ends = conn.execute(_ENDS, {"hash": token_hash}).scalar()
    return None if ends is None else (datetime.fromisoformat(ends) - steady_now(conn)).total_seconds()
