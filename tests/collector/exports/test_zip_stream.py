"""Archives that every reader of ZIP reads, also beyond four gigabytes and 65,535 files."""

from __future__ import annotations

import shutil
import subprocess
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.exports import zip_stream
from collector.exports.zip_stream import FileChanged, zip_pieces
from tests.support.trials import rounds

AT = datetime(2026, 11, 30, 12, 34, 56, tzinfo=UTC)
FILES = {"top/a.txt": b"abc", "top/sub/empty": b"", "top/ä ☕.bin": bytes(range(256)) * 5000}


def written(folder: Path, files: dict[str, bytes], taken: Callable[[Path], None] = lambda _: None) -> Path:
    (folder / "in").mkdir(exist_ok=True)
    members = []
    for number, (name, data) in enumerate(files.items()):
        path = folder / "in" / str(number)
        path.write_bytes(data)
        members.append((name, path))
    archive = folder / "made.zip"
    with archive.open("wb") as file:
        for piece in zip_pieces(members, AT, folder, taken):
            file.write(piece)
    return archive


def check(archive: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(archive) as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist()} == files
        assert all(one.compress_type == zipfile.ZIP_STORED for one in found.infolist())
        assert {one.date_time for one in found.infolist()} == {(2026, 11, 30, 12, 34, 56)}
    if shutil.which("unzip"):
        done = subprocess.run(["unzip", "-tq", str(archive)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("files", [FILES, {"one": b"x" * (3 << 20)}, {}])
def test_what_goes_in_comes_out(tmp_path: Path, files: dict[str, bytes]) -> None:
    archive = written(tmp_path, files)
    if files:
        check(archive, files)
    else:
        assert zipfile.ZipFile(archive).namelist() == []


@pytest.mark.parametrize(("large", "many"), [(1000, 0xFFFF), (0xFFFFFFFF, 2), (2, 1)])
def test_large_numbers_are_in_zip64_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int, many: int
) -> None:
    monkeypatch.setattr(zip_stream, "LARGE", large)
    monkeypatch.setattr(zip_stream, "MANY", many)
    archive = written(tmp_path, FILES)
    assert b"PK\6\6" in archive.read_bytes() and b"PK\6\7" in archive.read_bytes()
    check(archive, FILES)


def test_more_files_than_the_old_format_counts_in_little_memory(tmp_path: Path) -> None:
    one = tmp_path / "one"
    one.write_bytes(b"the same")
    count = 70_000
    tracemalloc.start()
    with (tmp_path / "made.zip").open("wb") as file:
        for piece in zip_pieces(((f"top/{number:06d}", one) for number in range(count)), AT, tmp_path, lambda _: None):
            file.write(piece)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 16 << 20
    with zipfile.ZipFile(tmp_path / "made.zip") as found:
        assert len(found.namelist()) == count and found.read("top/069999") == b"the same"


@pytest.mark.soak
def test_beyond_four_gigabytes(tmp_path: Path) -> None:
    """At full length. The file has no bytes on the disk; the archive has them."""
    size = rounds(5 << 20, (4 << 30) + 5)
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(size)
    small = tmp_path / "small"
    small.write_bytes(b"behind it")
    with (tmp_path / "made.zip").open("wb") as file:
        for piece in zip_pieces([("large", large), ("small", small)], AT, tmp_path, lambda _: None):
            file.write(piece)
    with zipfile.ZipFile(tmp_path / "made.zip") as found:
        assert found.getinfo("large").file_size == size
        assert found.read("small") == b"behind it" and found.testzip() is None


def test_files_may_go_as_soon_as_they_are_in_it(tmp_path: Path) -> None:
    check(written(tmp_path, FILES, lambda path: path.unlink()), FILES)
    assert list((tmp_path / "in").iterdir()) == []


def test_a_file_that_changes_meanwhile_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "grows"
    path.write_bytes(b"x" * (2 << 20))
    pieces = zip_pieces([("grows", path)], AT, tmp_path, lambda _: None)
    next(pieces)
    path.write_bytes(b"x")
    with pytest.raises(FileChanged):
        list(pieces)
