"""The collector's keys: Ed25519 for receipts, a secret for commands on this machine. Made once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from nacl.encoding import HexEncoder
from nacl.signing import SigningKey

from collector.key_folder import KeyFolder
from collector.store.database import Database
from collector.store.sql import Connection, text
from wire.device import Receipt
from wire.errors import GleanerError

RECEIPT_KEY = "receipt.key"


class KeyFileDamaged(GleanerError):
    """A key file does not hold a key."""

    code = "key-damaged"
    status = 503
    exit_code = 3
    hint = "Put the file back from a backup: devices check receipts against this key."


@dataclass(frozen=True)
class ReceiptKey:
    """Signs receipts. `verify_key` is the public half, 64 hex digits; `collector` is this collector's stable name."""

    signing: SigningKey

    @property
    def verify_key(self) -> str:
        return self.signing.verify_key.encode(HexEncoder).decode()

    @property
    def collector(self) -> str:
        return collector_name(self.verify_key)

    def sign(self, receipt: Receipt) -> Receipt:
        signature = self.signing.sign(receipt.signed_bytes()).signature
        return receipt.model_copy(update={"signature": signature.hex()})


class ReceiptKeyReplaced(GleanerError):
    """The receipt key is missing, or is not the one that devices know."""

    code = "receipt-key-replaced"
    status = 503
    exit_code = 3
    hint = (
        "Put keys/receipt.key back from a backup. If there is none: `gleaner collector new-receipt-key`; then every"
        " device has to join again."
    )


def load_receipt_key(keys: KeyFolder, database: Database) -> ReceiptKey:
    """The receipt key of this collector, made at the first start and the same one ever after.

    Raises:
        KeyFileDamaged: the file is there and does not hold a key.
        ReceiptKeyReplaced: devices or receipts know another key than the one in the file, or there is no file.
        MasterKeyMissing, MasterKeyWrong.
    """
    path = keys.path(RECEIPT_KEY)
    known, recorded = database.read_sync(lambda conn: (_known_collector(conn), _recorded_key(conn)))
    if known is not None and not path.exists():
        raise ReceiptKeyReplaced(f"The receipt key {path} is missing, and devices check receipts against it.")
    _load_or_make(keys, RECEIPT_KEY)
    key = read_receipt_key(keys)
    if known not in (None, key.collector):
        raise ReceiptKeyReplaced(f"The receipt key {path} differs from the one that devices check receipts against.")
    if key.verify_key != recorded:
        database.write_sync(lambda conn: _record(conn, key.verify_key))
    return key


def read_receipt_key(keys: KeyFolder) -> ReceiptKey:
    """The receipt key. Raises KeyFileDamaged, also where there is none; MasterKeyMissing, MasterKeyWrong."""
    try:
        return ReceiptKey(SigningKey(keys.read(RECEIPT_KEY).strip().encode(), encoder=HexEncoder))
    except (OSError, ValueError, TypeError) as error:
        raise KeyFileDamaged(f"The key file {keys.path(RECEIPT_KEY)} does not hold an Ed25519 key.") from error


def renew_receipt_key(keys: KeyFolder, database: Database) -> ReceiptKey:
    """A new receipt key in place of a lost one; a file that is there is set aside. Devices have to join again."""
    path = keys.path(RECEIPT_KEY)
    if path.exists():
        path.rename(path.with_name(f"{RECEIPT_KEY}.{secrets.token_hex(4)}.old"))
    key = ReceiptKey(SigningKey(_load_or_make(keys, RECEIPT_KEY).encode(), encoder=HexEncoder))
    database.write_sync(lambda conn: _record(conn, key.verify_key))
    return key


def new_receipt_key() -> dict[str, str]:
    """The content of a new key's file, by its name."""
    return {RECEIPT_KEY: secrets.token_hex(32)}


def known_collector(database: Database) -> str | None:
    """The collector's name by the key that was recorded, in older data by a receipt; None before there is either."""
    return database.read_sync(_known_collector)


def _known_collector(conn: Connection) -> str | None:
    recorded = _recorded_key(conn)
    if recorded is not None:
        return collector_name(recorded)
    receipt = conn.execute(text("SELECT body FROM receipt LIMIT 1")).scalar()
    return None if receipt is None else Receipt.read(receipt).collector


def _recorded_key(conn: Connection) -> str | None:
    """The public half of the key that devices know, once a service has run on this data."""
    found: str | None = conn.execute(text("SELECT value FROM service_state WHERE name = 'verify_key'")).scalar()
    return found


def _record(conn: Connection, verify_key: str) -> None:
    conn.execute(
        text(
            "INSERT INTO service_state (name, value) VALUES ('verify_key', :key)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        ),
        {"key": verify_key},
    )


def collector_name(verify_key: str) -> str:
    """A collector's stable name, by the public half of its receipt key."""
    return f"collector-{verify_key[:16]}"


def load_admin_key(keys: KeyFolder) -> str:
    """The secret that commands on this machine show to the running service, made at the first call."""
    return _load_or_make(keys, "admin.key")


def _load_or_make(keys: KeyFolder, name: str) -> str:
    if not keys.exists(name):
        keys.write(name, secrets.token_hex(32))
    return keys.read(name).strip()
