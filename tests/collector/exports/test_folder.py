"""What killed exports leave beside their place."""

from __future__ import annotations

from pathlib import Path

from collector.exports.folder import whole_folder


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
