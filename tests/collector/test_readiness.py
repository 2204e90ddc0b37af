"""What a damaged data folder does to a start and to `/api/ready`."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.jobs.runner import JobRunner
from collector.readiness import Readiness, readiness
from collector.store.blobs import DiskFull, StorageUnusable
from collector.store.blobs_local import LocalBlobs, check_writable
from collector.store.database import DatabaseLost
from collector.store.open import open_database
from collector.store.staging_local import LocalStaging
from tests.collector.running import Collector
from tests.collector.samples import sample
from tests.support import local_http
from tests.support.databases import forget, only_sqlite, reopened, rows_of, writer_held
from wire.device import Receipt


def found_ready(data: Path, spoil: Callable[[Path], None], reserve_bytes: int = 0) -> Readiness:
    """What readiness says of a whole data folder after `spoil`."""
    db = reopened(data)
    staging = LocalStaging(data / "staging", reserve_bytes)
    blobs = LocalBlobs(data / "blobs")
    jobs = JobRunner(db, [], process="p", workers=0)
    jobs.start()
    try:
        spoil(data)
        return asyncio.run(readiness(db, staging, blobs, jobs, seconds=2.0))
    finally:
        jobs.stop()
        staging.close()
        db.close()


def nothing(_data: Path) -> None:
    return None


def file_for_folder(name: str) -> Callable[[Path], None]:
    def spoil(data: Path) -> None:
        shutil.rmtree(data / name)
        (data / name).write_text("no folder")

    return spoil


def drop(table: str) -> Callable[[Path], None]:
    def spoil(data: Path) -> None:
        with rows_of(data) as conn:
            conn.exec_driver_sql(f"DROP TABLE {table}")

    return spoil


def zero_pages(data: Path) -> None:
    file = data / "collector.db"
    file.write_bytes(file.read_bytes()[:4096].ljust(file.stat().st_size, b"\0"))


@only_sqlite
def test_a_damaged_database_is_not_ready_and_says_what_to_do(tmp_path: Path) -> None:
    found = found_ready(tmp_path, zero_pages)
    assert found.status == "database-damaged" and found.detail is not None and "restore" in found.detail


@pytest.mark.parametrize(
    ("spoil", "reserve_bytes", "status"),
    [
        (nothing, 0, "ready"),
        (nothing, 2**62, "disk-full"),
        (file_for_folder("staging"), 0, "storage-unusable"),
        (file_for_folder("blobs"), 0, "storage-unusable"),
        (drop("skip"), 0, "tables-missing"),
        (drop("service_state"), 0, "tables-missing"),
    ],
)
def test_readiness_is_found_out_by_doing(
    tmp_path: Path, spoil: Callable[[Path], None], reserve_bytes: int, status: str
) -> None:
    found = found_ready(tmp_path, spoil, reserve_bytes)
    assert found.status == status
    assert (found.detail is None) == (status == "ready")


def test_a_writer_that_is_locked_out_is_not_ready(tmp_path: Path) -> None:
    db = reopened(tmp_path)
    staging = LocalStaging(tmp_path / "staging", 0)
    jobs = JobRunner(db, [], process="p", workers=0)
    jobs.start()
    blobs = LocalBlobs(tmp_path / "blobs")
    try:
        with writer_held(tmp_path):
            assert asyncio.run(readiness(db, staging, blobs, jobs, seconds=0.2)).status == "database-busy"
        assert asyncio.run(readiness(db, staging, blobs, jobs, seconds=60.0)).status == "ready"
    finally:
        jobs.stop()
        staging.close()
        db.close()


def test_stopped_lanes_are_not_ready(tmp_path: Path) -> None:
    db = reopened(tmp_path)
    staging = LocalStaging(tmp_path / "staging", 0)
    jobs = JobRunner(db, [], process="p", workers=0)
    assert asyncio.run(readiness(db, staging, LocalBlobs(tmp_path / "blobs"), jobs)).status == "jobs-stopped"
    staging.close()
    db.close()


def test_checking_a_folder_leaves_nothing_in_it(tmp_path: Path) -> None:
    check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StorageUnusable, match="No such file"):
        check_writable(tmp_path / "gone")


@pytest.mark.parametrize("media", ["blobs/ab/cd/abcd", "staging/up-7.part"])
@pytest.mark.parametrize("left", ["no file", "no bytes", "no tables"])
def test_an_empty_database_beside_media_is_refused(tmp_path: Path, media: str, left: str) -> None:
    file = tmp_path / media
    file.parent.mkdir(parents=True)
    file.write_bytes(b"media")
    database = tmp_path / "collector.db"
    if left == "no bytes":
        database.touch()
    elif left == "no tables":
        other = sqlite3.connect(database)
        other.execute("PRAGMA user_version = 1")
        other.close()
    with pytest.raises(DatabaseLost, match=file.name):
        open_database(tmp_path)
    assert file.read_bytes() == b"media"
    file.unlink()
    open_database(tmp_path).close()


def test_a_collector_without_its_database_does_not_start(fresh: Collector) -> None:
    device = fresh.device()
    device.send_part("cap-1", "media", b"waits for its manifest")
    assert fresh.stop() == 0
    forget(fresh.data)
    done = fresh.run("serve", "--port", "0")
    assert done.returncode == 3 and "[database-lost]" in done.stderr and "Traceback" not in done.stderr
    assert [path.read_bytes() for path in (fresh.data / "staging").iterdir()] == [b"waits for its manifest"]


def test_a_receipt_key_is_never_replaced_in_silence(fresh: Collector) -> None:
    device = fresh.device()
    one = sample("text", device.id)
    device.send(one)
    receipt = device.received(one.id)
    key = fresh.data / "keys" / "receipt.key"
    own = key.read_text()
    assert fresh.stop() == 0
    for content in (None, "5a" * 32):
        key.unlink(missing_ok=True)
        if content is not None:
            key.write_text(content)
        done = fresh.run("serve", "--port", "0")
        assert done.returncode == 3 and "[receipt-key-replaced]" in done.stderr and "Traceback" not in done.stderr
        assert key.exists() == (content is not None)
    key.write_text(own)
    fresh.start()
    assert device.received(one.id) == receipt
    assert fresh.stop() == 0
    key.unlink()
    renewed = fresh.run("new-receipt-key", "--yes")
    assert renewed.returncode == 0 and "join again" in renewed.stdout, renewed.stderr
    fresh.start()
    assert fresh.device().verify_key != device.verify_key
    assert device.received(one.id) == receipt


def test_the_key_of_an_older_data_folder_is_known_by_its_receipts(fresh: Collector) -> None:
    device = fresh.device()
    one = sample("text", device.id)
    device.send(one)
    device.received(one.id)
    assert fresh.stop() == 0
    fresh.change("DELETE FROM service_state WHERE name = 'verify_key'")
    key = fresh.data / "keys" / "receipt.key"
    own = key.read_text()
    key.write_text("0b" * 32)
    assert "[receipt-key-replaced]" in fresh.run("serve", "--port", "0").stderr
    key.write_text(own)
    fresh.start()
    assert isinstance(device.received(one.id), Receipt)


def test_a_staging_folder_that_is_gone_is_made_again(fresh: Collector) -> None:
    device = fresh.device()
    shutil.rmtree(fresh.data / "staging")
    assert local_http.get(f"{fresh.url}/api/ready").json()["status"] == "storage-unusable"
    one = sample("text", device.id)
    device.send(one)
    assert device.received(one.id).sha256 == one.manifest.sha256
    assert local_http.get(f"{fresh.url}/api/ready").json() == {"status": "ready"}


def test_a_folder_that_cannot_be_written_is_said_and_ends_well(fresh: Collector) -> None:
    device = fresh.device()
    location = device.create("cap-1", "media", 100).headers["Location"]
    shutil.rmtree(fresh.data / "staging")
    (fresh.data / "staging").write_text("no folder")
    reply = device.patch(location, 0, b"x" * 100)
    assert (reply.status_code, reply.json()["code"], reply.json()["retryable"]) == (503, "storage-unusable", True)
    reply = local_http.get(f"{fresh.url}/api/ready")
    assert (reply.status_code, reply.json()["status"]) == (503, "storage-unusable")
    (fresh.data / "staging").unlink()
    assert device.patch(location, 0, b"x" * 100).status_code == 204
    (fresh.data / "service.json").unlink()
    (fresh.data / "service.json").mkdir()
    assert fresh.stop() == 0
    assert "Traceback" not in fresh.log


def test_a_data_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnusable, match="cannot be used"):
        open_database(tmp_path / "file" / "data")


def test_a_blob_on_a_folder_that_refuses_is_tried_again_later(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "blobs")
    source = tmp_path / "media"
    source.write_bytes(b"media")
    shutil.rmtree(blobs.root)
    blobs.root.write_text("no folder")
    with pytest.raises(StorageUnusable) as refused:
        blobs.put_file(source)
    assert refused.value.retryable and DiskFull.retryable
    with pytest.raises(StorageUnusable), blobs.working_folder():
        pass
