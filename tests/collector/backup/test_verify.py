"""Live data that is verified: every flipped bit of a recording is found, and whatever else does not fit together."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest

from collector.backup.rows import dump_rows
from collector.backup.verify import MIN_UNNAMED_AGE_SECONDS, VerifiedData, verify_data
from collector.key_folder import KeyFolder
from collector.security.files import SecurityFiles
from collector.store.clock import now_text
from tests.collector.backup.saving import furnish, gleaner
from tests.collector.review.filled import Filled
from tests.support.databases import only_sqlite
from tests.support.trials import rounds


def verified(filled: Filled) -> VerifiedData:
    return verify_data(filled.db, filled.blobs, filled.folder, KeyFolder(filled.folder / "keys"))


def kinds(found: VerifiedData) -> list[tuple[str, str]]:
    return [(one.kind, one.place) for one in found.faults]


def blob_path(filled: Filled, key: str) -> Path:
    return filled.blobs.root / key[:2] / key[2:4] / key


def some_blob(filled: Filled) -> str:
    key: str = filled.rows("SELECT max(blob) AS blob FROM derived")[0].blob
    return key


def test_whole_data_has_no_problem_and_the_digest_of_its_rows(filled: Filled) -> None:
    furnish(filled)
    found = verified(filled)
    assert found.faults == [] and found.unnamed == []
    assert found.digest == filled.db.read_sync(dump_rows).digest
    assert found.blobs == filled.rows("SELECT count(DISTINCT blob) AS blobs FROM derived")[0].blobs


@pytest.mark.soak
def test_flipped_bits_of_recordings_are_all_found(filled: Filled) -> None:
    furnish(filled)
    chance = random.Random(5)
    paths = sorted(path for path in filled.blobs.root.rglob("*") if path.is_file())
    whole = {path: path.read_bytes() for path in paths}
    for _ in range(rounds(20, 1000 // len(paths) + 1)):
        for path, data in whole.items():
            place = chance.randrange(len(data) * 8)
            changed = bytearray(data)
            changed[place // 8] ^= 1 << place % 8
            path.write_bytes(changed)
        assert kinds(verified(filled)) == [("blob-damaged", path.name) for path in paths]
    for path, data in whole.items():
        path.write_bytes(data)
    assert verified(filled).faults == []


def test_a_missing_blob_and_one_of_another_size_are_found(filled: Filled) -> None:
    furnish(filled)
    first, second = (row.blob for row in filled.rows("SELECT DISTINCT blob FROM derived ORDER BY blob LIMIT 2"))
    blob_path(filled, first).unlink()
    filled.execute("UPDATE derived SET bytes = bytes + 1 WHERE blob = :blob", blob=second)
    assert sorted(kinds(verified(filled))) == [("blob-missing", first), ("blob-size", second)]


def test_a_blob_without_a_row_is_noted_once_it_is_old(filled: Filled) -> None:
    furnish(filled)
    key = some_blob(filled)
    filled.execute("DELETE FROM derived WHERE blob = :blob", blob=key)
    assert verified(filled).unnamed == []
    old = time.time() - MIN_UNNAMED_AGE_SECONDS - 60
    os.utime(blob_path(filled, key), (old, old))
    found = verified(filled)
    assert found.unnamed == [key] and found.faults == []


@pytest.mark.parametrize(
    ("change", "kind", "place"),
    [
        ("UPDATE capture SET manifest = manifest || ' ' WHERE medium = 'audio'", "document-damaged", "capture cap-"),
        ("UPDATE instruction SET text = text || '.'", "document-damaged", "instruction "),
        ("UPDATE service_state SET value = :digits WHERE name = 'verify_key'", "key-damaged", "keys/receipt.key"),
    ],
)
def test_documents_and_keys_are_compared_with_their_hashes(filled: Filled, change: str, kind: str, place: str) -> None:
    furnish(filled)
    filled.db.write_sync(lambda conn: conn.execute(change.replace(":digits", f"'{'ab' * 32}'")).rowcount)
    found = kinds(verified(filled))
    assert found and all(one == kind and where.startswith(place) for one, where in found)


def test_a_lost_or_damaged_receipt_key_is_found(filled: Filled) -> None:
    furnish(filled)
    key = filled.folder / "keys" / "receipt.key"
    key.write_text("nonsense")
    assert kinds(verified(filled)) == [("key-damaged", "keys/receipt.key")]
    key.unlink()
    assert kinds(verified(filled)) == [("key-damaged", "keys/receipt.key")]


@only_sqlite
def test_a_row_that_refers_to_nothing_is_found(filled: Filled) -> None:
    furnish(filled)
    filled.db.close()
    import sqlite3

    with sqlite3.connect(filled.folder / "collector.db") as conn:
        conn.execute("DELETE FROM person")
    conn.close()
    assert ("database-damaged", "table revision") in kinds(verified_closed(filled))


def verified_closed(filled: Filled) -> VerifiedData:
    from collector.store.open import open_reader

    database = open_reader(filled.folder)
    try:
        return verify_data(database, filled.blobs, filled.folder, KeyFolder(filled.folder / "keys"))
    finally:
        database.close()


@only_sqlite
@pytest.mark.soak
def test_a_flipped_bit_of_the_database_is_found_or_shows_in_the_digest_or_changes_nothing(filled: Filled) -> None:
    """Rows have no hash of their own: a changed value is found where it breaks a rule, and otherwise by the digest."""
    furnish(filled)
    digest = verified(filled).digest
    filled.db.close()
    path = filled.folder / "collector.db"
    whole, chance = path.read_bytes(), random.Random(9)
    outcomes = {"found": 0, "digest": 0, "nothing": 0}
    for _ in range(rounds(40, 400)):
        changed = bytearray(whole)
        place = chance.randrange(len(whole) * 8)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        found = verified_closed(filled)
        if found.faults:
            outcomes["found"] += 1
        elif found.digest != digest:
            outcomes["digest"] += 1
        else:
            outcomes["nothing"] += 1
    path.write_bytes(whole)
    assert outcomes["found"]
    assert verified_closed(filled).faults == []


def test_a_changed_line_of_the_security_log_is_found(filled: Filled) -> None:
    furnish(filled)
    log = SecurityFiles(filled.folder / "logs")
    log.append([{"at": now_text(), "event": "signed-in", "person": name} for name in ("ann", "bea", "cem")])
    assert verified(filled).faults == []
    path = filled.folder / "logs" / "security.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"bea"', b'"bee"'))  # in quotes: a hash may have the letters
    assert kinds(verified(filled)) == [("log-damaged", "security log, line 2")]


def test_files_that_others_may_read_are_found(filled: Filled) -> None:
    furnish(filled)
    (filled.folder / "keys" / "receipt.key").chmod(0o640)
    filled.folder.chmod(0o755)
    assert kinds(verified(filled)) == [("file-open", "."), ("file-open", "keys/receipt.key")]


def test_the_command_ends_with_1_and_lists_what_it_found(filled: Filled) -> None:
    furnish(filled)
    filled.db.close()
    words = ["verify", "--data", str(filled.folder)]
    done = gleaner(filled.folder, *words)
    assert done.returncode == 0 and "No problem was found in" in done.stdout
    key = some_blob_of(filled)
    blob_path(filled, key).write_bytes(b"rotten")
    done = gleaner(filled.folder, *words)
    assert done.returncode == 1 and "blob-damaged" in done.stdout
    done = gleaner(filled.folder, *words, "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1 and told["whole"] is False
    assert {one["kind"] for one in told["faults"]} == {"blob-damaged", "blob-size"}


def some_blob_of(filled: Filled) -> str:
    return sorted(path for path in filled.blobs.root.rglob("*") if path.is_file())[0].name
