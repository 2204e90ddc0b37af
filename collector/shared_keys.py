"""Keys that several processes on one database have in common, without anybody copying them: rows, encrypted.

Every process has the same master key: the one thing to copy. A row of `wrapped_key` holds the files of one identity
(the receipt key, the authority of the certificates), encrypted with it. Whoever starts first makes them; every other
process writes them into its own folder of keys, and goes on from these files as a process does that is alone. So a copy
of the database gives away no key
(docs/decisions/0017-several-processes.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

from collector.key_folder import KeyFolder
from collector.master_key import is_absent, write_master_key
from collector.store.clock import now_text
from collector.store.database import Database
from collector.store.sql import Connection, text
from wire.errors import GleanerError

Files = Mapping[str, str]
_ANY = text("SELECT EXISTS (SELECT 1 FROM wrapped_key)")
_FIND = text("SELECT body FROM wrapped_key WHERE name = :name")
_ADD = text("INSERT INTO wrapped_key (name, body, made_at) VALUES (:name, :body, :now) ON CONFLICT (name) DO NOTHING")
_PUT = text(
    "INSERT INTO wrapped_key (name, body, made_at) VALUES (:name, :body, :now)"
    " ON CONFLICT (name) DO UPDATE SET body = excluded.body, made_at = excluded.made_at"
)


class SharedKeyDiffers(GleanerError):
    """A file in the folder of the keys is another one than that of the other collectors."""

    code = "shared-key-differs"
    status = 503
    exit_code = 3
    hint = "Move it away to take part with the key of the others; devices that know only the file's key join again."


class SharedKeys:
    """The keys in the rows of a database, and in the folder of one process."""

    def __init__(self, db: Database, keys: KeyFolder) -> None:
        """The master key is made where there is none and nothing is encrypted yet.

        Raises:
            MasterKeyMissing.
        """
        self._db = db
        self._keys = keys
        file = keys.master_file
        if file is not None and is_absent(file) and not (keys.has_encrypted() or db.read_sync(_has_rows)):
            write_master_key(file)
        self._master = keys.master()

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
            for file, content in found.items():
                self._keys.write(file, content)
        elif own != found:
            raise SharedKeyDiffers(f"{self._keys.path(files[0])} is not the key of the other collectors.")

    def replace(self, name: str, files: Sequence[str]) -> None:
        """What the folder has is what all have from now on; nothing where it has none."""
        own = self._own(files)
        if own is not None:
            values = {"name": name, "body": self._wrapped(name, own), "now": now_text()}
            self._db.write_sync(lambda conn: conn.execute(_PUT, values).rowcount)

    def _own(self, files: Sequence[str]) -> Files | None:
        if not all(self._keys.exists(file) for file in files):
            return None
        return {file: self._keys.read(file) for file in files}

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
        return self._master.encrypt(name, dict(files))

    def _opened(self, name: str, body: str) -> Files:
        found = self._master.decrypt(name, body, f"The row of {name} in `wrapped_key`")
        return dict(cast(Files, found))


def _has_rows(conn: Connection) -> bool:
    return bool(conn.execute(_ANY).scalar())


def change_master_key(
    db: Database, keys: KeyFolder, masters: Sequence[Path], shared: Mapping[str, Sequence[str]]
) -> None:
    """Encrypt the files of this folder with its master key, and have the same in the rows. Interrupted, it is repeated.

    Args:
        masters: files of the master keys that open what is there.
        shared: the names of the rows, and of the files in each.

    Raises:
        MasterKeyMissing, MasterKeyWrong: then nothing has changed.
    """
    keys.encrypt_anew(masters)
    rows = SharedKeys(db, keys)
    for name, files in shared.items():
        rows.replace(name, files)
