"""One contract for every place blobs may lie: a folder, two S3 servers, and one that fails every tenth request."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.store.blobs import BlobMissing, BlobStore, blob_name, read_whole
from collector.store.blobs_local import LocalBlobs
from collector.store.open_blobs import BlobsLocation, open_blobs
from tests.support import local_http
from tests.support.s3 import S3Server
from tests.support.s3_faults import failing

PLACES = ("local", "moto", "ministack", "failing")


@pytest.fixture(params=PLACES)
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlobStore]:
    if request.param == "local":
        yield open_blobs(BlobsLocation(tmp_path / "blobs"))
        return
    server: S3Server = request.getfixturevalue("ministack" if request.param == "ministack" else "moto")
    address = f"s3://{server.new_bucket()}/a/folder"
    if request.param != "failing":
        yield open_blobs(BlobsLocation(tmp_path / "blobs", address, server.endpoint, links=server.endpoint))
        return
    with failing(server.endpoint) as proxy:
        yield open_blobs(BlobsLocation(tmp_path / "blobs", address, proxy.endpoint, links=server.endpoint))


def put(blobs: BlobStore, folder: Path, data: bytes) -> str:
    path = folder / f"in-{threading.get_ident()}"
    path.write_bytes(data)
    key = blobs.put_file(path)
    assert path.read_bytes() == data
    path.unlink()
    return key


def local_bytes(blobs: BlobStore, key: str) -> bytes:
    with blobs.local_file(key) as path:
        return path.read_bytes()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=3000), st.integers(0, 3000), st.integers(0, 3000))
def test_what_is_put_can_be_read_by_any_range(
    blobs: BlobStore, tmp_path: Path, data: bytes, start: int, length: int
) -> None:
    key = put(blobs, tmp_path, data)
    assert key == hashlib.sha256(data).hexdigest()
    assert blobs.exists(key) and blobs.size(key) == len(data)
    assert b"".join(blobs.read(key, start, start + length)) == data[start : start + length]
    assert local_bytes(blobs, key) == read_whole(blobs, key) == data


def test_a_caller_who_knows_the_key_names_it(blobs: BlobStore, tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"known")
    known = hashlib.sha256(b"known").hexdigest()
    assert blobs.put_file(path, known) == known
    assert local_bytes(blobs, known) == b"known"


def test_pieces_are_at_most_a_mebibyte(blobs: BlobStore, tmp_path: Path) -> None:
    key = put(blobs, tmp_path, bytes(2_500_000))
    assert [len(piece) for piece in blobs.read(key, 0, 2_500_000)] == [1 << 20, 1 << 20, 2_500_000 - (2 << 20)]


def test_a_large_file_comes_back_as_it_was(blobs: BlobStore, tmp_path: Path) -> None:
    data = os.urandom(23_000_001)
    key = put(blobs, tmp_path, data)
    assert blobs.size(key) == len(data)
    assert b"".join(blobs.read(key, 0, len(data))) == data
    assert b"".join(blobs.read(key, 7_999_999, 17_000_001)) == data[7_999_999:17_000_001]
    assert local_bytes(blobs, key) == data
    assert put(blobs, tmp_path, data) == key


def test_putting_twice_and_at_once_is_putting_once(blobs: BlobStore, tmp_path: Path) -> None:
    data = os.urandom(100_000)
    keys: list[str] = []
    threads = [threading.Thread(target=lambda: keys.append(put(blobs, tmp_path, data))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys == [hashlib.sha256(data).hexdigest()] * 8
    assert [(found.key, found.bytes) for found in blobs.list()] == [(keys[0], 100_000)]


def test_what_is_gone_is_said_so(blobs: BlobStore, tmp_path: Path) -> None:
    key = put(blobs, tmp_path, b"soon gone")
    assert local_bytes(blobs, key) == b"soon gone"
    blobs.delete(key)
    blobs.delete(key)
    assert not blobs.exists(key)
    for ask in (lambda: blobs.size(key), lambda: local_bytes(blobs, key), lambda: list(blobs.read(key, 0, 1))):
        with pytest.raises(BlobMissing):
            ask()


def test_all_are_listed_in_the_order_of_their_keys(blobs: BlobStore, tmp_path: Path) -> None:
    keys = sorted(put(blobs, tmp_path, b"%d" % number) for number in range(30))
    blobs.write_mark("ab")
    blobs.check_usable()
    with blobs.working_folder() as folder:
        (folder / "made").touch()
        assert [found.key for found in blobs.list()] == keys
    assert all(found.bytes == blobs.size(found.key) and found.stored_at > 1e9 for found in blobs.list())


def test_a_link_gets_the_bytes_without_credentials_where_there_are_links(blobs: BlobStore, tmp_path: Path) -> None:
    key = put(blobs, tmp_path, b"<script>alert(1)</script>")
    link = blobs.link(key, "audio/flac", 60)
    if isinstance(blobs, LocalBlobs):
        assert link is None
        return
    assert link is not None
    found = local_http.get(link)
    assert (found.status_code, found.content) == (200, b"<script>alert(1)</script>")
    assert (found.headers["content-type"], found.headers["content-disposition"]) == ("audio/flac", "attachment")
    part = local_http.get(link, headers={"Range": "bytes=1-6"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"script", "bytes 1-6/25")
    page = blobs.link(key, "text/html", 60)
    assert page is not None and local_http.get(page).headers["content-type"] == "application/octet-stream"


def test_a_mark_says_whose_they_are(blobs: BlobStore) -> None:
    assert blobs.read_mark() is None
    blobs.write_mark("one")
    blobs.write_mark("two")
    assert blobs.read_mark() == "two"


def test_files_are_made_in_a_folder_that_goes(blobs: BlobStore, tmp_path: Path) -> None:
    with blobs.working_folder() as folder:
        (folder / "made").write_bytes(b"made here")
        key = blobs.put_file(folder / "made")
        blobs.remove_unfinished()  # as another process at its start: nothing of this one goes
        assert (folder / "made").read_bytes() == b"made here"
        abandoned = folder.with_name(".made-abandoned")
        abandoned.mkdir()
        (abandoned / "half").touch()
        blobs.remove_unfinished()
        assert not abandoned.exists()
    assert not folder.exists() and read_whole(blobs, key) == b"made here"


def test_a_location_goes_to_another_process_as_json(tmp_path: Path) -> None:
    here = BlobsLocation(tmp_path, "s3://bucket/folder", "http://127.0.0.1:1", None, 5)
    assert BlobsLocation.read(here.to_json()) == here
    assert blob_name("abcd" * 16) == f"ab/cd/{'abcd' * 16}"


def test_a_local_file_is_not_taken_away_while_it_is_read(moto: S3Server, tmp_path: Path) -> None:
    """A cache without room for anything, in two processes' stores on one folder."""
    location = BlobsLocation(tmp_path / "copies", f"s3://{moto.new_bucket()}", moto.endpoint, cache_bytes=0)
    one, other = open_blobs(location), open_blobs(location)
    first, second, third = (put(one, tmp_path, data) for data in (b"first", b"second", b"third"))
    with one.local_file(first) as path, other.local_file(first) as same:
        assert path == same
        with other.local_file(second) as next_one:
            assert (path.read_bytes(), next_one.read_bytes()) == (b"first", b"second")
    with one.local_file(third):
        assert not path.exists() and not next_one.exists()


def test_copies_stay_within_their_size_and_the_oldest_go(moto: S3Server, tmp_path: Path) -> None:
    location = BlobsLocation(tmp_path / "copies", f"s3://{moto.new_bucket()}", moto.endpoint, cache_bytes=2500)
    blobs = open_blobs(location)
    keys = [put(blobs, tmp_path, bytes([number]) * 1000) for number in range(4)]
    for number, key in enumerate(keys):
        assert local_bytes(blobs, key) == bytes([number]) * 1000
        os.utime(location.folder / key, (number, number))
    assert {path.name for path in location.folder.glob("[!.]*")} == set(keys[2:])


def test_what_is_stored_needs_not_be_fetched(moto: S3Server, tmp_path: Path) -> None:
    location = BlobsLocation(tmp_path / "copies", f"s3://{moto.new_bucket()}", moto.endpoint)
    blobs = open_blobs(location)
    with blobs.working_folder() as folder:
        (folder / "made").write_bytes(b"made here")
        key = blobs.put_file(folder / "made")
    assert (location.folder / key).read_bytes() == b"made here"
    with (location.folder / key).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds it
