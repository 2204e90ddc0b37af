"""Whether the live data is whole, while the service runs: rows, documents, blobs, keys, logs, and who may read them."""

from __future__ import annotations

import hashlib
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nacl.encoding import HexEncoder
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from collector.backup.pace import Course
from collector.backup.rows import dump_rows
from collector.key_folder import KeyFolder
from collector.keys import KeyFileDamaged, read_receipt_key
from collector.security.chain import check_chain
from collector.security.files import read_lines
from collector.store.blobs import MAX_BYTES, BlobMissing, BlobStore
from collector.store.database import Database, DatabaseDamaged, DatabaseFailed
from collector.store.integrity import engine_faults
from collector.store.scratch import ScratchTable
from collector.store.sql import Connection, text
from wire.device import Receipt
from wire.errors import GleanerError

DataFaultKind = Literal[
    "blob-damaged",
    "blob-missing",
    "blob-size",
    "database-damaged",
    "document-damaged",
    "key-damaged",
    "log-damaged",
    "row-changed",
    "row-missing",
    "file-open",
]
# A blob is stored before the row that names it: one without a row may be younger than the row will be.
MIN_UNNAMED_AGE_SECONDS = 3600.0
# Documents that have their hash next to them: (table, what names the row, document, hash).
_DOCUMENTS = (
    ("capture", "id", "manifest", "manifest_sha256"),
    ("manifest_conflict", "id", "manifest", "manifest_sha256"),
    ("instruction", "type || ' ' || version", "text", "sha256"),
    ("script_plan", "sha256", "body", "sha256"),
    ("consent_text", "sha256", "text", "sha256"),
)
_NAMED = text("SELECT blob, max(bytes) AS bytes FROM derived GROUP BY blob")
_STILL_NAMED = text("SELECT 1 FROM derived WHERE blob = :blob LIMIT 1")
_RECEIPTS = text("SELECT capture_id, body FROM receipt ORDER BY capture_id")


@dataclass(frozen=True)
class DataFault:
    """Something that is wrong: of which kind, where, and a sentence."""

    kind: DataFaultKind
    place: str
    problem: str


@dataclass
class VerifiedData:
    """`digest`: as of a backup of the same moment; None where the rows cannot be read. `unnamed`: blobs of no row."""

    rows: int = 0
    blobs: int = 0
    bytes: int = 0
    digest: str | None = None
    unnamed: list[str] = field(default_factory=list)
    faults: list[DataFault] = field(default_factory=list)

    def add(self, kind: DataFaultKind, place: str, problem: str) -> None:
        self.faults.append(DataFault(kind, place, problem))


def verify_data(
    database: Database, blobs: BlobStore, data: Path, keys: KeyFolder, course: Course | None = None
) -> VerifiedData:
    """Read everything once. What is wrong is in the answer; nothing is changed.

    Raises:
        SchemaDiffers: the database has the tables of another version.
        MasterKeyMissing, MasterKeyWrong: the keys cannot be opened.
        StorageUnusable: the server with the blobs does not answer.
        DatabaseFailed: that with the rows does not.
    """
    course = course or Course()
    found = VerifiedData()
    sizes: ScratchTable | None = None
    try:
        database.read_sync(lambda conn: _check_engine(conn, found))
        rows = database.read_sync(dump_rows)
        found.digest, found.rows = rows.digest, sum(table.rows for table in rows.tables)
        database.read_sync(lambda conn: _check_documents(conn, found))
        database.read_sync(lambda conn: _check_keys(conn, keys, found))
        sizes = database.read_sync(_sizes)
        course.begin(rows.blob_bytes)
    except DatabaseDamaged as error:
        found.add("database-damaged", "the database", error.message)
    for fault in check_chain(read_lines(data / "logs"))[1]:
        found.add("log-damaged", f"security log, line {fault.line}", f"{fault.why[:1].upper()}{fault.why[1:]}.")
    _check_files(database, blobs, sizes, course, found)
    _check_modes(data, found)
    return found


def _check_engine(conn: Connection, found: VerifiedData) -> None:
    for place, problem in engine_faults(conn):
        found.add("database-damaged", place, problem)


def _check_documents(conn: Connection, found: VerifiedData) -> None:
    for table, row_name, document, digest in _DOCUMENTS:
        select = text(f'SELECT {row_name} AS name, "{document}" AS document, "{digest}" AS digest FROM {table}')
        for row in conn.execute(select):
            if hashlib.sha256(row.document.encode()).hexdigest() != row.digest:
                found.add("document-damaged", f"{table} {row.name}", f"The {document} does not have its {digest}.")


def _check_keys(conn: Connection, keys: KeyFolder, found: VerifiedData) -> None:
    """The receipt key is the one that devices know, and every receipt that it signed has its signature."""
    known = conn.execute(text("SELECT value FROM service_state WHERE name = 'verify_key'")).scalar()
    if known is None:
        return  # no service has run on this data
    try:
        key = read_receipt_key(keys)
    except KeyFileDamaged as error:
        found.add("key-damaged", "keys/receipt.key", error.message)
        return
    if key.verify_key != known:
        found.add("key-damaged", "keys/receipt.key", "This is not the key that devices check receipts against.")
        return
    check = VerifyKey(known.encode(), encoder=HexEncoder)
    for row in conn.execute(_RECEIPTS):
        try:
            receipt = Receipt.read(row.body)
            if receipt.collector == key.collector:
                check.verify(receipt.signed_bytes(), bytes.fromhex(receipt.signature))
        except (GleanerError, BadSignatureError, ValueError):
            found.add("document-damaged", f"receipt {row.capture_id}", "The signature does not fit the receipt.")


def _sizes(conn: Connection) -> ScratchTable:
    """The blobs that rows name, with their bytes, in memory: the rows are not held open while files are read."""
    sizes = ScratchTable("CREATE TABLE blob (key TEXT PRIMARY KEY, bytes INTEGER, is_here INTEGER) WITHOUT ROWID")
    sizes.change_many("INSERT INTO blob (key, bytes) VALUES (?, ?)", conn.execute(_NAMED))
    return sizes


def _check_files(
    database: Database, blobs: BlobStore, sizes: ScratchTable | None, course: Course, found: VerifiedData
) -> None:
    for stored in blobs.list():
        key, size = stored.key, stored.bytes
        try:
            digest = hashlib.sha256()
            for piece in course.paced(blobs.read(key, 0, MAX_BYTES)):
                digest.update(piece)
        except BlobMissing:
            continue  # erased a moment ago; whether a row names it is asked below
        except OSError as error:
            found.add("blob-damaged", key, f"It cannot be read: {error.strerror}.")
            continue
        found.blobs += 1
        found.bytes += size
        if digest.hexdigest() != key:
            found.add("blob-damaged", key, "Its bytes are not those that its name promises.")
        if sizes is None:
            continue
        row = sizes.first("UPDATE blob SET is_here = 1 WHERE key = ? RETURNING bytes", (key,))
        if row is None:
            if time.time() - stored.stored_at > MIN_UNNAMED_AGE_SECONDS and not _is_named(database, key):
                found.unnamed.append(key)
        elif row[0] != size:
            found.add("blob-size", key, f"It has {size} bytes, its row says {row[0]}.")
    if sizes is not None:
        for (key,) in sizes.all("SELECT key FROM blob WHERE is_here IS NULL ORDER BY key"):
            if _is_named(database, key) and not blobs.exists(key):
                found.add("blob-missing", key, "A row names it, and there is no such blob.")


def _is_named(database: Database, key: str) -> bool:
    """Whether a row names the blob by now; yes, where the rows cannot be read any more."""
    try:
        return database.read_sync(lambda conn: conn.execute(_STILL_NAMED, {"blob": key}).first() is not None)
    except DatabaseFailed:
        return True


def _check_modes(data: Path, found: VerifiedData) -> None:
    """Nobody but the owner may read database, keys and logs, or enter the folders."""
    for path in (
        data,
        *(data / name for name in ("keys", "blobs", "staging", "logs")),
        *data.glob("*.db*"),
        *data.glob("keys/*"),
        *data.glob("logs/*"),
    ):
        try:
            mode = path.stat().st_mode
        except OSError:
            continue
        if mode & 0o077 and not mode & stat.S_ISVTX:
            found.add(
                "file-open", str(path.relative_to(data)) or ".", f"Others may use it: its mode is {mode & 0o777:o}."
            )
