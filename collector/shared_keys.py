"""Keys that several processes on one database have in common, without anybody copying them: rows, encrypted.

`master_key` names a file of 0600 that every process has: the one thing to copy. A row of `wrapped_key` holds the files
of one identity (the receipt key, the authority of the certificates), encrypted with it (XSalsa20-Poly1305, libsodium's
secretbox). Whoever starts first makes them; every other process writes them into its own folder of keys, and goes on
from these files as a process does that is alone. So a copy of the database gives away no key
(docs/decisions/0017-several-processes.md).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nacl.encoding import Base64Encoder
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from collector.store.clock import now_text
from collector.store.database import Database
from collector.store.sql import Connection, text
from wire.errors import GleanerError
from wire.files import write_whole

Files = Mapping[str, str]
_ANY = text("SELECT EXISTS (SELECT 1 FROM wrapped_key)")
_FIND = text("SELECT body FROM wrapped_key WHERE name = :name")
_ADD = text("INSERT INTO wrapped_key (name, body, made_at) VALUES (:name, :body, :now) ON CONFLICT (name) DO NOTHING")
_PUT = text(
    "INSERT INTO wrapped_key (name, body, made_at) VALUES (:name, :body, :now)"
    " ON CONFLICT (name) DO UPDATE SET body = excluded.body, made_at = excluded.made_at"
)


class MasterKeyMissing(GleanerError):
    """The keys of the database are encrypted, and the file that opens them is not there or cannot be used."""

    code = "master-key-missing"
    status = 503
    exit_code = 3
    hint = "Copy the file from another collector of this database, and give it the mode 0600."


class MasterKeyWrong(GleanerError):
    """The file of the master key holds another one than that of the database."""

    code = "master-key-wrong"
    status = 503
    exit_code = 3
    hint = (
        "Copy the file from another collector of this database. If it is lost, stop all of them and run"
        " `gleaner collector new-master-key` where keys/ has its files."
    )


class SharedKeyDiffers(GleanerError):
    """A file in the folder of the keys is another one than that of the other collectors."""

    code = "shared-key-differs"
    status = 503
    exit_code = 3
    hint = "Move it away to take part with the key of the others; devices that know only the file's key join again."


class SharedKeys:
    """The keys in the rows of a database, and in the folder of one process."""

    def __init__(self, db: Database, folder: Path, master_file: Path) -> None:
        """The master key is made where there is none and nothing is encrypted yet.

        Raises:
            MasterKeyMissing.
        """
        self._db = db
        self._folder = folder
        if not master_file.exists() and not db.read_sync(lambda conn: conn.execute(_ANY).scalar()):
            write_master_key(master_file)
        self._box = SecretBox(_read_master_key(master_file))

    def share(self, name: str, files: Sequence[str], make: Callable[[], Files] | None) -> None:
        """Have files of these names in the folder, the same as all others.

        Args:
            make: makes them, if nobody has them; None: then nothing is made.

        Raises:
            MasterKeyWrong, SharedKeyDiffers.
        """
        own = self._own(files)
        found = self._db.read_sync(lambda conn: self._find(conn, name))
        if found is None:
            mine = own or (make() if make is not None else None)
            if mine is None:
                return
            found = self._db.write_sync(lambda conn: self._add(conn, name, mine))
        if own is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for file, content in found.items():
                write_whole(self._folder / file, content.encode())
        elif own != found:
            raise SharedKeyDiffers(f"{self._folder / files[0]} is not the key of the other collectors.")

    def replace(self, name: str, files: Sequence[str]) -> None:
        """What the folder has is what all have from now on; nothing where it has none."""
        own = self._own(files)
        if own is not None:
            values = {"name": name, "body": self._wrapped(name, own), "now": now_text()}
            self._db.write_sync(lambda conn: conn.execute(_PUT, values).rowcount)

    def _own(self, files: Sequence[str]) -> Files | None:
        paths = [self._folder / file for file in files]
        if not all(path.exists() for path in paths):
            return None
        return {path.name: path.read_text(encoding="ascii") for path in paths}

    def _find(self, conn: Connection, name: str) -> Files | None:
        body = conn.execute(_FIND, {"name": name}).scalar()
        return None if body is None else self._opened(name, body)

    def _add(self, conn: Connection, name: str, files: Files) -> Files:
        """What all have: these files, if nobody was first."""
        conn.execute(_ADD, {"name": name, "body": self._wrapped(name, files), "now": now_text()})
        found = self._find(conn, name)
        assert found is not None
        return found

    def _wrapped(self, name: str, files: Files) -> str:
        # The name is inside: a row that was put into another's place is refused.
        return self._box.encrypt(json.dumps([name, dict(files)]).encode(), encoder=Base64Encoder).decode()

    def _opened(self, name: str, body: str) -> Files:
        try:
            inside, files = json.loads(self._box.decrypt(body.encode(), encoder=Base64Encoder))
        except (CryptoError, ValueError) as error:
            raise MasterKeyWrong("The keys of this database are encrypted with another master key.") from error
        if inside != name:
            raise MasterKeyWrong(f"The row of {name} in `wrapped_key` holds something else: {inside}.")
        return dict(files)


def write_master_key(file: Path) -> None:
    """A new one, in a file of 0600."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(file, secrets.token_hex(SecretBox.KEY_SIZE).encode())


def _read_master_key(file: Path) -> bytes:
    """Raises MasterKeyMissing."""
    try:
        mode = file.stat().st_mode
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except FileNotFoundError as error:
        raise MasterKeyMissing(f"The file of the master key, {file}, is not there.") from error
    except (OSError, ValueError) as error:
        raise MasterKeyMissing(f"The file {file} holds no master key.") from error
    if mode & 0o077:
        raise MasterKeyMissing(f"The master key {file} can be read by others.", hint=f"Run: chmod 600 {file}")
    if len(key) != SecretBox.KEY_SIZE:
        raise MasterKeyMissing(f"The file {file} holds no master key.")
    return key
