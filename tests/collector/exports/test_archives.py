"""Archives of exports in a folder and on an S3 server: one contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.exports.archives import ArchiveMissing, ExportArchives, LocalArchives, S3Archives, open_archives
from collector.settings import Settings
from tests.support.s3 import S3Server

BODY = bytes(range(256)) * 100_000


@pytest.fixture(params=["folder", "s3"])
def archives(request: pytest.FixtureRequest, tmp_path: Path) -> ExportArchives:
    if request.param == "folder":
        return open_archives(Settings(data=tmp_path))
    server: S3Server = request.getfixturevalue("moto")
    address = f"s3://{server.new_bucket()}/gleaner"
    return open_archives(Settings(data=tmp_path, blobs=address, s3_endpoint=server.endpoint, s3_region="us-east-1"))


def pieces(*sizes: int) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield BODY[at : at + size]
        at += size


def test_what_is_saved_is_read_by_ranges(archives: ExportArchives) -> None:
    assert archives.list() == []
    archives.put("xrun-1", lambda: pieces(10, 9_000_000, 1, 12_000_000), 21_000_000)
    size = archives.size("xrun-1")
    assert size == 21_000_011 and archives.list() == ["xrun-1"]
    assert b"".join(archives.read("xrun-1", 0, size)) == BODY[:size]
    assert b"".join(archives.read("xrun-1", 8_999_990, 9_000_020)) == BODY[8_999_990:9_000_020]
    archives.put("xrun-1", lambda: pieces(5), 5)
    assert archives.size("xrun-1") == 5, "made again"


def test_one_that_fails_is_not_there(archives: ExportArchives) -> None:
    def broken() -> Iterator[bytes]:
        yield BODY[:100]
        raise RuntimeError("the export was cancelled")

    with pytest.raises(Exception, match=r"cancelled|could not be stored"):
        archives.put("xrun-2", broken, 100)
    with pytest.raises(ArchiveMissing):
        archives.size("xrun-2")
    archives.delete("xrun-2")
    assert archives.list() == []


def test_deleting(archives: ExportArchives) -> None:
    archives.put("xrun-3", lambda: pieces(5), 5)
    archives.delete("xrun-3")
    archives.delete("xrun-3")
    assert archives.list() == []
    with pytest.raises(ArchiveMissing):
        list(archives.read("xrun-3", 0, 5))


def test_where_they_lie(tmp_path: Path) -> None:
    assert isinstance(open_archives(Settings(data=tmp_path)), LocalArchives)
    on_s3 = open_archives(Settings(data=tmp_path, blobs="s3://bucket/here", s3_region="us-east-1"))
    assert isinstance(on_s3, S3Archives) and not on_s3.takes_files
