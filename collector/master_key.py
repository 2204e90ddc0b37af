"""The master key: the one secret that comes from outside, and encrypts all that the collector makes itself.

It is a file of 64 hex digits: one of the collector's own (0600), or one that a secrets manager puts in place for as
long as the service runs (a credential of systemd, an agent of Vault, a secret of Kubernetes). What is encrypted with it
(XSalsa20-Poly1305, libsodium's secretbox) has its name inside, so that nothing passes for something else.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from nacl.encoding import Base64Encoder
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from wire.errors import GleanerError
from wire.files import write_whole

CREDENTIAL = "gleaner-master-key"  # its name among the credentials of a systemd unit


class MasterKeyMissing(GleanerError):
    """Keys are encrypted, and the file that opens them is not named, not there or cannot be used."""

    code = "master-key-missing"
    status = 503
    exit_code = 3
    hint = (
        "Name the file of the master key with the setting master_key, or put it back from where your secrets are, or"
        " from another collector of this database. If it is lost: docs/keys.md."
    )


class MasterKeyWrong(GleanerError):
    """The file of the master key holds another one than that with which keys were encrypted."""

    code = "master-key-wrong"
    status = 503
    exit_code = 3
    hint = (
        "Put the master key of then into the file. After an interrupted `gleaner collector new-master-key` run it"
        " again; if the key is lost, restore keys/ from a backup and run it."
    )


class MasterKey:
    """Encrypts texts, each under a name."""

    def __init__(self, key: bytes) -> None:
        self._box = SecretBox(key)

    def encrypt(self, name: str, content: object) -> str:
        """`content`: what JSON can say."""
        return self._box.encrypt(json.dumps([name, content]).encode(), encoder=Base64Encoder).decode()

    def decrypt(self, name: str, body: str, place: str) -> object:
        """`place`: where the body was found, for sentences. Raises MasterKeyWrong."""
        try:
            inside, content = json.loads(self._box.decrypt(body.encode(), encoder=Base64Encoder))
        except (CryptoError, ValueError, TypeError) as error:
            raise MasterKeyWrong(f"{place} cannot be opened with this master key.") from error
        if inside != name:
            raise MasterKeyWrong(f"{place} holds something else: {inside}.")
        return content


def credential_file() -> Path | None:
    """The master key that systemd gives to this service, if its unit names one."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    file = Path(folder) / CREDENTIAL if folder else None
    return None if file is None or is_absent(file) else file


def is_absent(file: Path) -> bool:
    """Whether there is surely none; one that cannot be looked at may be there."""
    try:
        file.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def write_master_key(file: Path) -> None:
    """A new one, in a file of 0600."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(file, secrets.token_hex(SecretBox.KEY_SIZE).encode())


def read_master_key(file: Path) -> MasterKey:
    """Raises MasterKeyMissing, also where others can read it."""
    try:
        found = file.stat()
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except FileNotFoundError as error:
        raise MasterKeyMissing(f"The file of the master key, {file}, is not there.") from error
    except PermissionError as error:
        raise MasterKeyMissing(f"This user may not read the master key {file}.") from error
    except (OSError, ValueError) as error:
        raise MasterKeyMissing(f"The file {file} holds no master key.") from error
    hint = closing_of(file, found)
    if hint is not None:
        raise MasterKeyMissing(f"The master key {file} can be read by others.", hint=hint)
    if len(key) != SecretBox.KEY_SIZE:
        raise MasterKeyMissing(f"The file {file} holds no master key.")
    return MasterKey(key)


def closing_of(file: Path, found: os.stat_result) -> str | None:
    """How the file of a secret is closed to others; None: they cannot read it.

    A secrets manager owns its files and lets the service read them by an access list or a group: both show as rights of
    the group. In a file of our own such rights are a mistake; root owns both, and cannot write those of a manager.
    """
    is_ours = os.access(file, os.W_OK) or found.st_uid == os.geteuid() != 0
    if not found.st_mode & (0o077 if is_ours else 0o027):
        return None
    return f"Run: chmod 600 {file}" if is_ours else "Have the secrets manager give it the mode 0400 or 0440."
