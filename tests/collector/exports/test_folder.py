"""What interrupted exports leave next to their place, and what becomes of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from collector.exports.folder import DONE, EARLIER, has_files, partial_folder, whole_folder
from collector.exports.problems import ExportRunning, FolderNotEmpty
from tests.needs import ROOT


def fill(folder: Path, *names: str) -> None:
    (folder / "media").mkdir()
    for name in names:
        (folder / "media" / name).write_bytes(name.encode())


def test_an_export_that_fails_stays_for_the_next_attempt(tmp_path: Path) -> None:
    to = tmp_path / "set-7"
    for names in (("a", "b"), ("b", "c")):
        with pytest.raises(RuntimeError), whole_folder(to) as folder:
            fill(folder, *names)
            (folder / "labels.jsonl").touch()
            (folder / DONE / "b.1234").touch()
            (folder / DONE / "b.json").touch()
            raise RuntimeError
    assert not to.exists() and has_files(partial_folder(to))
    with whole_folder(to) as folder:
        assert sorted(path.name for path in (folder / EARLIER).iterdir()) == ["a", "b", "c"]
        assert [path.name for path in (folder / DONE).iterdir()] == ["b.json"]
        assert sorted(path.name for path in folder.iterdir()) == sorted([DONE, EARLIER])
        fill(folder, "d")
    assert [path.name for path in tmp_path.iterdir()] == ["set-7"]
    assert [path.name for path in to.iterdir()] == ["media"] and [path.name for path in (to / "media").iterdir()] == [
        "d"
    ]


def test_one_that_fails_before_its_first_file_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "set-7") as folder:
        (folder / "media").mkdir()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_two_exports_to_one_place_are_refused(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "first") as running:
        fill(running, "a")
        with pytest.raises(ExportRunning), whole_folder(tmp_path / "first"):
            pass
        with whole_folder(tmp_path / "second"):
            pass
        assert (running / "media" / "a").exists()
    with pytest.raises(FolderNotEmpty), whole_folder(tmp_path / "first"):
        pass


def test_a_killed_export_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time\nfrom collector.exports.folder import whole_folder\n"
        "with whole_folder(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'media').mkdir()\n    (folder / 'media' / 'a.jpg').write_bytes(b'a face')\n"
        "    print('filled', flush=True)\n    time.sleep(600)\n"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "set-7")]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None and running.stdout.readline() == "filled\n"
        running.kill()
    (left,) = tmp_path.iterdir()
    assert left == partial_folder(tmp_path / "set-7")
    with whole_folder(tmp_path / "set-7") as folder:
        assert (folder / EARLIER / "a.jpg").read_bytes() == b"a face"
        fill(folder, "b")
    assert [path.name for path in tmp_path.iterdir()] == ["set-7"]
    assert [path.name for path in (tmp_path / "set-7").iterdir()] == ["media"]
