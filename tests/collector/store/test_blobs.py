"""One contract for every place blobs may lie."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.store.blobs import BlobMissing, BlobStore
from collector.store.blobs_local import LocalBlobs


@pytest.fixture(params=["local"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return {"local": LocalBlobs}[request.param](tmp_path / "blobs")


def put(blobs: BlobStore, folder: Path, data: bytes) -> str:
    path = folder / f"in-{threading.get_ident()}"
    path.write_bytes(data)
    key = blobs.put_file(path)
    assert path.read_bytes() == data
    path.unlink()
    return key


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=3000), st.integers(0, 3000), st.integers(0, 3000))
def test_what_is_put_can_be_read_by_any_range(
    blobs: BlobStore, tmp_path: Path, data: bytes, start: int, length: int
) -> None:
    key = put(blobs, tmp_path, data)
    assert key == hashlib.sha256(data).hexdigest()
    assert blobs.exists(key) and blobs.size(key) == len(data)
    assert b"".join(blobs.read(key, start, start + length)) == data[start : start + length]
    assert blobs.path_of(key).read_bytes() == data


def test_a_caller_who_knows_the_key_names_it(blobs: BlobStore, tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"known")
    known = hashlib.sha256(b"known").hexdigest()
    assert blobs.put_file(path, known) == known
    assert blobs.path_of(known).read_bytes() == b"known"


def test_pieces_are_at_most_a_mebibyte(blobs: BlobStore, tmp_path: Path) -> None:
    key = put(blobs, tmp_path, bytes(2_500_000))
    assert [len(piece) for piece in blobs.read(key, 0, 2_500_000)] == [1 << 20, 1 << 20, 2_500_000 - (2 << 20)]


def test_putting_twice_and_at_once_is_putting_once(blobs: BlobStore, tmp_path: Path) -> None:
    data = os.urandom(100_000)
    keys: list[str] = []
    threads = [threading.Thread(target=lambda: keys.append(put(blobs, tmp_path, data))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(keys) == {hashlib.sha256(data).hexdigest()}
    files = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert len(files) == 1


def test_what_is_gone_is_said_so(blobs: BlobStore, tmp_path: Path) -> None:
    key = put(blobs, tmp_path, b"soon gone")
    blobs.delete(key)
    blobs.delete(key)
    assert not blobs.exists(key)
    for ask in (lambda: blobs.size(key), lambda: blobs.path_of(key), lambda: list(blobs.read(key, 0, 1))):
        with pytest.raises(BlobMissing):
            ask()
