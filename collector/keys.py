"""The collector's key files: Ed25519 for receipts, a secret for commands on this machine. Mode 0600, made once."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from nacl.encoding import HexEncoder
from nacl.signing import SigningKey

from collector.store.blobs_local import sync_folder
from wire.device import Receipt
from wire.errors import GleanerError


class KeyFileDamaged(GleanerError):
    """A key file does not hold a key."""

    code = "key-damaged"
    status = 503
    exit_code = 3
    hint = "Put the file back from a backup: devices check receipts against this very key."


@dataclass(frozen=True)
class ReceiptKey:
    """Signs receipts. `verify_key` is the public half, 64 hex digits; `collector` is this collector's stable name."""

    signing: SigningKey

    @property
    def verify_key(self) -> str:
        return self.signing.verify_key.encode(HexEncoder).decode()

    @property
    def collector(self) -> str:
        return f"collector-{self.verify_key[:16]}"

    def sign(self, receipt: Receipt) -> Receipt:
        signature = self.signing.sign(receipt.signed_bytes()).signature
        return receipt.model_copy(update={"signature": signature.hex()})


def load_receipt_key(folder: Path) -> ReceiptKey:
    """The receipt key of this collector, made at the first call.

    Raises:
        KeyFileDamaged: the file is there and does not hold a key.
    """
    text = _load_or_make(folder / "receipt.key")
    try:
        return ReceiptKey(SigningKey(text.encode(), encoder=HexEncoder))
    except (ValueError, TypeError) as error:
        raise KeyFileDamaged(f"The key file {folder / 'receipt.key'} does not hold an Ed25519 key.") from error


def load_admin_key(folder: Path) -> str:
    """The secret that commands on this machine show to the running service, made at the first call."""
    return _load_or_make(folder / "admin.key")


def write_private(path: Path, text: str) -> None:
    """Write a file only its owner may read: temp beside it, synced, renamed, folder synced."""
    temp = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temp.rename(path)
    sync_folder(path.parent)


def _load_or_make(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    return path.read_text(encoding="ascii").strip()
