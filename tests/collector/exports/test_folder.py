"""What killed exports leave beside their place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from collector.exports.folder import whole_folder
from tests.needs import ROOT


def test_what_a_killed_export_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    left = tmp_path / ".set-7.0a1b2c3d.partial"
    left.mkdir()
    (left / "a.jpg").write_bytes(b"a face")
    other, own = tmp_path / ".set-8.0a1b2c3d.partial", tmp_path / ".set-7.notes.partial"
    other.mkdir()
    own.mkdir()
    with whole_folder(tmp_path / "set-7") as folder:
        (folder / "b").write_bytes(b"b")
    assert not left.exists()
    assert other.exists() and own.exists()
    assert [path.name for path in (tmp_path / "set-7").iterdir()] == ["b"]


def test_an_export_that_runs_is_left_alone_by_another(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "first") as running:
        (running / "a").write_bytes(b"a")
        named = tmp_path / ".second.00000000.partial"
        named.mkdir()
        with whole_folder(tmp_path / "second") as folder:
            (folder / "b").write_bytes(b"b")
        assert (running / "a").exists() and not named.exists()
        with whole_folder(tmp_path / "third"), whole_folder(tmp_path / "third-too"):
            pass
        with whole_folder(tmp_path / "first-again"):
            pass
    assert (tmp_path / "first" / "a").read_bytes() == b"a"


def test_a_killed_export_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time\nfrom collector.exports.folder import whole_folder\n"
        "with whole_folder(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'a.jpg').write_bytes(b'a face')\n    print('filled', flush=True)\n    time.sleep(600)\n"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "set-7")]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None and running.stdout.readline() == "filled\n"
        running.kill()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".set-7.") and left.name.endswith(".partial")
    with whole_folder(tmp_path / "set-7") as folder:
        (folder / "b").write_bytes(b"b")
    assert [path.name for path in tmp_path.iterdir()] == ["set-7"]
    assert [path.name for path in (tmp_path / "set-7").iterdir()] == ["b"]
