"""A backup repository: encrypted objects, the pages of their keys, snapshots.

    repository.json, repository.copy.json   how the passphrase opens the master key
    objects/ab/abcd…                        contents, each encrypted with a key of its own
    keys/00000001 …                         which key opens which object
    snapshots/20261130T031736250Z           what one backup saved, written last

Files are written in this order: objects, their keys, the snapshot. So a backup that was interrupted leaves objects
that the next one finds, and never a snapshot that is not whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from collector.backup.encryption import (
    ARGON2_BYTES,
    ARGON2_PASSES,
    MAX_ARGON2_BYTES,
    MAX_ARGON2_PASSES,
    WrongKey,
    decrypt,
    decrypted_chunks,
    derived_key,
    encrypt,
    encrypted_chunks,
    new_key,
    object_name,
    passphrase_key,
)
from collector.backup.keys import ObjectKeys
from collector.backup.problems import (
    BackupDamaged,
    BackupNotFound,
    BackupTooNew,
    PassphraseMissing,
    PassphraseWrong,
)
from collector.backup.snapshot import BackupSnapshot
from collector.backup.storage import BackupStorage
from wire.canonical import canonical_json
from wire.errors import BadDocument, SchemaTooNew

FORMAT = 1
HEADER, HEADER_COPY = "repository.json", "repository.copy.json"
OBJECTS, SNAPSHOTS = "objects", "snapshots"
USERS_LOCK, WRITER_LOCK = "users.lock", "writer.lock"
MIN_PASSPHRASE_CHARACTERS = 12
MAX_BATCH_BYTES = 256 * 2**20
MAX_BATCH_OBJECTS = 1000
SALT_BYTES = 16


class ContentDiffers(Exception):
    """The bytes that were to be saved do not have the hash they are known by."""


class Repository:
    """Contents are known by the sha256 of their plain bytes, 64 hex digits. Make one with `open_repository`.

    `damaged_pages`: names of pages of keys that cannot be read; the objects whose keys they have cannot, either.
    """

    def __init__(self, storage: BackupStorage, master: bytes) -> None:
        self.storage = storage
        self._names_key = derived_key(master, "names")
        self._snapshots_key = derived_key(master, "snapshots")
        self.keys = ObjectKeys(storage, derived_key(master, "keys"))
        self.damaged_pages: list[str] = []
        self._batch_bytes = self._batch_objects = 0

    def load(self) -> None:
        """Read which objects there are."""
        self.damaged_pages = self.keys.load()
        self.keys.mark_here(object_id(name) for name, _size in self.storage.list(OBJECTS))

    def name_of(self, content: str) -> str:
        """The name of the file with this content."""
        return object_name(self._names_key, content)

    # ------------------------------------------------------------------ contents
    def has(self, content: str) -> bool:
        return self.keys.is_saved(object_id(self.name_of(content)))

    def put(self, content: str, pieces: Iterable[bytes]) -> None:
        """Save a content that is not there yet; it counts as saved after `commit`.

        Raises:
            ContentDiffers: the pieces have another sha256; nothing is saved.
            BackupStorageUnusable, and what the pieces raise.
        """
        name = self.name_of(content)
        key = self.keys.find(object_id(name)) or new_key()
        self.storage.put(name, encrypted_chunks(key, self._checked(content, pieces)))
        self.keys.add(object_id(name), key)
        self._batch_objects += 1
        if self._batch_bytes >= MAX_BATCH_BYTES or self._batch_objects >= MAX_BATCH_OBJECTS:
            self.commit()

    def put_bytes(self, data: bytes) -> str:
        """Save bytes, unless they are there already; returns their content."""
        content = hashlib.sha256(data).hexdigest()
        if not self.has(content):
            self.put(content, [data])
        return content

    def _checked(self, content: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
            self._batch_bytes += len(piece)
            yield piece
        if digest.hexdigest() != content:
            raise ContentDiffers(content)

    def commit(self) -> None:
        """Make what was put durable, then its keys."""
        self.storage.commit()
        self.keys.save()
        self._batch_bytes = self._batch_objects = 0

    def read(self, content: str) -> Iterator[bytes]:
        """The plain bytes of a content, in pieces of at most 1 MiB, checked at the end against its hash.

        Raises:
            BackupDamaged: it is not there, not whole, or has changed.
        """
        return self.read_object(self.name_of(content))

    def read_object(self, name: str) -> Iterator[bytes]:
        """The plain bytes of the object in a file, as `read`."""
        key = self.keys.find(object_id(name))
        if key is None:
            raise BackupDamaged(f"The key of {name} is missing.", files=[name])
        digest = hashlib.sha256()
        try:
            with self.storage.open(name) as file:
                for piece in decrypted_chunks(key, file):
                    digest.update(piece)
                    yield piece
        except FileNotFoundError as error:
            raise BackupDamaged(f"{name} is missing.", files=[name]) from error
        except (WrongKey, OSError) as error:
            raise BackupDamaged(f"{name} is damaged.", files=[name]) from error
        if self.name_of(digest.hexdigest()) != name:
            raise BackupDamaged(f"{name} is not what its name promises.", files=[name])

    def read_bytes(self, content: str) -> bytes:
        """Raises BackupDamaged."""
        return b"".join(self.read(content))

    # ------------------------------------------------------------------ snapshots
    def snapshot_ids(self) -> list[str]:
        """Oldest first."""
        return sorted(name.rsplit("/", 1)[1] for name, _size in self.storage.list(SNAPSHOTS))

    def save_snapshot(self, snapshot: BackupSnapshot) -> None:
        """Write a snapshot. The caller has committed everything that it names."""
        name = f"{SNAPSHOTS}/{snapshot.id}"
        data = zlib.compress(canonical_json(snapshot))
        self.storage.write(name, encrypt(self._snapshots_key, data, name.encode()))

    def find_snapshot(self, snapshot: str) -> BackupSnapshot:
        """Raises BackupNotFound, BackupDamaged, BackupTooNew."""
        name = f"{SNAPSHOTS}/{snapshot}"
        try:
            with self.storage.open(name) as file:
                return BackupSnapshot.read(zlib.decompress(decrypt(self._snapshots_key, file.read(), name.encode())))
        except FileNotFoundError as error:
            raise BackupNotFound(f"There is no snapshot {snapshot}.") from error
        except SchemaTooNew as error:
            raise BackupTooNew(f"The snapshot {snapshot} was made by a newer version.") from error
        except (WrongKey, OSError, zlib.error, BadDocument) as error:
            raise BackupDamaged(f"The snapshot {snapshot} is damaged.", files=[name]) from error


def object_id(name: str) -> bytes:
    """The 32 bytes of the name of an object; of a file that somebody else put there, none."""
    with contextlib.suppress(ValueError):
        return bytes.fromhex(name.rsplit("/", 1)[1])
    return b""


def is_repository(storage: BackupStorage) -> bool:
    """Whether somebody has made one there. Raises BackupStorageUnusable."""
    try:
        storage.open(HEADER).close()
    except FileNotFoundError:
        return False
    return True


@contextlib.contextmanager
def open_repository(
    storage: BackupStorage, passphrase: str, *, for_writing: bool = False, for_pruning: bool = False
) -> Iterator[Repository]:
    """The repository for a block, locked as the block needs it; made where there is none and it is for writing.

    Several may read while one writes; whoever prunes is alone.

    Raises:
        BackupInUse, BackupNotFound, BackupDamaged, BackupTooNew, BackupStorageUnusable, PassphraseMissing,
        PassphraseWrong.
    """
    if not for_writing and _header(storage, HEADER) is None:
        raise BackupNotFound("There is no backup in this place.")
    with contextlib.ExitStack() as locks:
        locks.enter_context(storage.lock(USERS_LOCK, shared=not for_pruning))
        if for_writing or for_pruning:
            locks.enter_context(storage.lock(WRITER_LOCK))
        header = _header(storage, HEADER)
        master = _new_repository(storage, passphrase) if header is None else _master_key(header, passphrase)
        repository = Repository(storage, master)
        repository.load()
        if repository.damaged_pages and (for_writing or for_pruning):
            names = repository.damaged_pages
            raise BackupDamaged(f"Pages of keys are damaged: {', '.join(names)}.", files=names)
        yield repository


def _header(storage: BackupStorage, name: str) -> dict[str, Any] | None:
    """None: there is no repository. Raises BackupDamaged, BackupTooNew."""
    try:
        with storage.open(name) as file:
            data = file.read()
    except FileNotFoundError:
        if any(True for folder in (SNAPSHOTS, "keys") for _ in storage.list(folder)):
            raise BackupDamaged(
                f"{name} is missing.", hint=f"Copy {HEADER_COPY} to {HEADER}, or the other way round.", files=[name]
            ) from None
        return None
    try:
        header: dict[str, Any] = json.loads(data)
        if header["format"] > FORMAT:
            raise BackupTooNew(f"The repository has format {header['format']}, this version reads {FORMAT}.")
        salt, wrapped = bytes.fromhex(header["salt"]), bytes.fromhex(header["master"])
        is_valid = (
            canonical_json(header) == data
            and header["kdf"] == "argon2id"
            and len(salt) == SALT_BYTES
            and wrapped.hex() == header["master"]
            and 0 < header["passes"] <= MAX_ARGON2_PASSES
            and 2**20 <= header["memory"] <= MAX_ARGON2_BYTES
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged_header(name) from error
    if not is_valid:
        raise _damaged_header(name)
    return header


def _damaged_header(name: str) -> BackupDamaged:
    return BackupDamaged(
        f"{name} is damaged.", hint=f"Copy {HEADER_COPY} to {HEADER}, or the other way round.", files=[name]
    )


def _new_repository(storage: BackupStorage, passphrase: str) -> bytes:
    """Write the header of a new repository; returns its master key. Raises PassphraseMissing."""
    master = new_key()
    _write_header(storage, passphrase, master)
    return master


def change_passphrase(storage: BackupStorage, old: str, new: str) -> None:
    """From now on the repository is opened by the new passphrase alone; until this returns, by the old one.

    Raises:
        BackupInUse, BackupNotFound, BackupDamaged, BackupStorageUnusable, PassphraseMissing, PassphraseWrong.
    """
    with storage.lock(USERS_LOCK), storage.lock(WRITER_LOCK):
        header = _header(storage, HEADER)
        if header is None:
            raise BackupNotFound("There is no backup in this place.")
        _write_header(storage, new, _master_key(header, old))


def _write_header(storage: BackupStorage, passphrase: str, master: bytes) -> None:
    """Raises PassphraseMissing."""
    if len(passphrase) < MIN_PASSPHRASE_CHARACTERS:
        raise PassphraseMissing(f"The passphrase has fewer than {MIN_PASSPHRASE_CHARACTERS} characters.")
    header: dict[str, Any] = {
        "format": FORMAT,
        "kdf": "argon2id",
        "passes": ARGON2_PASSES,
        "memory": ARGON2_BYTES,
        "salt": os.urandom(SALT_BYTES).hex(),
    }
    header["master"] = encrypt(_key_of(header, passphrase), master, _bound_to(header)).hex()
    for name in (HEADER_COPY, HEADER):
        storage.write(name, canonical_json(header))


def _master_key(header: dict[str, Any], passphrase: str) -> bytes:
    try:
        return decrypt(_key_of(header, passphrase), bytes.fromhex(header["master"]), _bound_to(header))
    except WrongKey as error:
        raise PassphraseWrong(f"The passphrase does not open this repository, or {HEADER} has changed.") from error


def _key_of(header: dict[str, Any], passphrase: str) -> bytes:
    return passphrase_key(passphrase, bytes.fromhex(header["salt"]), header["passes"], header["memory"])


def _bound_to(header: dict[str, Any]) -> bytes:
    """Everything of the header but the key itself: a change of any of it is found."""
    return canonical_json({name: value for name, value in header.items() if name != "master"})


def check_headers(storage: BackupStorage) -> list[str]:
    """The names of the two files with the wrapped key that are damaged, missing, or not the same."""
    found: list[dict[str, Any] | None] = []
    wrong = []
    for name in (HEADER, HEADER_COPY):
        try:
            found.append(_header(storage, name))
        except BackupDamaged:
            wrong.append(name)
    if not wrong and found[0] != found[1]:
        wrong.append(HEADER_COPY)
    return wrong
