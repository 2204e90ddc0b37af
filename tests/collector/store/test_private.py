"""The data folder is its owner's only, whatever the umask and whatever lay there before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.store.blobs_local import LocalBlobs
from collector.store.open import open_database
from collector.store.private import private_folder
from collector.store.sql import text
from collector.store.staging_local import LocalStaging


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in folder.rglob("*")}


@pytest.mark.usefixtures("open_umask")
def test_nothing_in_the_data_folder_is_open_to_others(tmp_path: Path) -> None:
    data = tmp_path / "data"
    database = open_database(data)
    try:
        database.read_sync(lambda conn: conn.execute(text("SELECT 1")).scalar())
        source = tmp_path / "made.mp4"
        source.write_bytes(b"what a browser plays")
        source.chmod(0o644)
        LocalBlobs(data / "blobs").put_file(source)
        LocalStaging(data / "staging", 0).close()
        assert data.stat().st_mode & 0o777 == 0o700
        found = modes(data)
        assert any(name.endswith("-wal") for name in found)
        for name, mode in found.items():
            assert mode == (0o700 if (data / name).is_dir() else 0o600), name
    finally:
        database.close()


@pytest.mark.usefixtures("open_umask")
def test_a_folder_of_an_older_version_is_closed_at_the_next_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    open_database(data).close()
    data.chmod(0o755)
    for path in data.iterdir():
        path.chmod(0o644)
    open_database(data).close()
    assert data.stat().st_mode & 0o777 == 0o700
    assert (data / "collector.db").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_everybody_shares_stays_open(tmp_path: Path) -> None:
    shared, own = tmp_path / "shared", tmp_path / "own"
    for folder, mode in ((shared, 0o1777), (own, 0o755)):
        folder.mkdir()
        folder.chmod(mode)
        private_folder(folder)
    assert shared.stat().st_mode & 0o7777 == 0o1777
    assert own.stat().st_mode & 0o7777 == 0o700
