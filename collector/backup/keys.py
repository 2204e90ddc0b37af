"""The key of every object of a repository: in memory while a command runs, in encrypted pages in the repository.

An object counts as saved once a page names it. To erase an object everywhere, also in copies of the repository that
cannot be changed, its key is removed: the pages are the only files that are ever rewritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collector.backup.encryption import KEY_BYTES, WrongKey, decrypt, encrypt
from collector.backup.storage import BackupStorage
from collector.store.scratch import ScratchTable

FOLDER = "keys"
NAME_BYTES = 32
ENTRY_BYTES = NAME_BYTES + KEY_BYTES
PAGE_ENTRIES = 4096
_TABLE = """
CREATE TABLE object (
    name BLOB PRIMARY KEY,
    key BLOB NOT NULL,
    page TEXT,                          -- null: not in a page yet
    is_here INTEGER NOT NULL DEFAULT 0, -- its file is in the repository
    is_needed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID
"""


class ObjectKeys:
    """Names are the 32 bytes of an object's name. About 100 bytes of memory per object."""

    def __init__(self, storage: BackupStorage, pages_key: bytes) -> None:
        self._storage = storage
        self._pages_key = pages_key
        self._rows = ScratchTable(_TABLE)
        self._newest_page = 0

    def load(self) -> list[str]:
        """Read every page. Returns the names of those that are damaged."""
        damaged = []
        for page, _size in sorted(self._storage.list(FOLDER)):
            try:
                with self._storage.open(page) as file:
                    entries = decrypt(self._pages_key, file.read(), page.encode())
            except WrongKey:
                damaged.append(page)
                continue
            number = page.rsplit("/", 1)[1]
            if number.isdigit():
                self._newest_page = max(self._newest_page, int(number))
            self._rows.change_many(
                "INSERT INTO object (name, key, page) VALUES (?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET key = excluded.key, page = excluded.page",
                ((entry[:NAME_BYTES], entry[NAME_BYTES:], page) for entry in _entries(entries)),
            )
        return damaged

    def mark_here(self, names: Iterable[bytes]) -> None:
        """These objects have a file in the repository."""
        self._rows.change_many("UPDATE object SET is_here = 1 WHERE name = ?", ((name,) for name in names))

    def find(self, name: bytes) -> bytes | None:
        row = self._rows.first("SELECT key FROM object WHERE name = ?", (name,))
        return None if row is None else row[0]

    def absent(self) -> Iterator[bytes]:
        """The names of objects that counted as saved and whose file is not there any more."""
        return (row[0] for row in self._rows.all("SELECT name FROM object WHERE page IS NOT NULL AND NOT is_here"))

    def is_saved(self, name: bytes) -> bool:
        return self._rows.first("SELECT 1 FROM object WHERE name = ? AND is_here", (name,)) is not None

    def add(self, name: bytes, key: bytes) -> None:
        """A new object, or one whose file was lost: that has its old key. Call `save` once its file is durable."""
        self._rows.change(
            "INSERT INTO object (name, key, is_here) VALUES (?, ?, 1) ON CONFLICT (name) DO UPDATE SET is_here = 1",
            (name, key),
        )

    def save(self) -> None:
        """Write pages with the keys that were added."""
        while rows := self._rows.all(
            "SELECT name, key FROM object WHERE page IS NULL ORDER BY name LIMIT ?", (PAGE_ENTRIES,)
        ):
            self._newest_page += 1
            page = f"{FOLDER}/{self._newest_page:08d}"
            entries = b"".join(name + key for name, key in rows)
            self._storage.write(page, encrypt(self._pages_key, entries, page.encode()))
            self._rows.change_many("UPDATE object SET page = ? WHERE name = ?", ((page, name) for name, _key in rows))

    def mark_needed(self, names: Iterable[bytes]) -> None:
        self._rows.change_many("UPDATE object SET is_needed = 1 WHERE name = ?", ((name,) for name in names))

    def remove_unneeded(self) -> None:
        """Destroy the keys of all objects that are not marked as needed.

        The pages that have them are written anew without them, then deleted; until then both are there.
        """
        pages = "SELECT page FROM object WHERE page IS NOT NULL AND NOT is_needed"
        old = [row[0] for row in self._rows.all(f"SELECT DISTINCT page FROM ({pages})")]
        self._rows.change(f"UPDATE object SET page = NULL WHERE is_needed AND page IN ({pages})")
        self._rows.change("DELETE FROM object WHERE NOT is_needed")
        self.save()
        self._storage.delete(old)


def _entries(data: bytes) -> Iterator[bytes]:
    return (data[start : start + ENTRY_BYTES] for start in range(0, len(data), ENTRY_BYTES))
