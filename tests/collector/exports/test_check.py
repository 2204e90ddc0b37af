"""An export is read back as it was written, and what was changed or lost is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.cli import app
from collector.exports.check import check_export, read_lines
from collector.exports.problems import ExportDamaged
from tests.collector.review.filled import Filled, box
from tests.support.exporting import export, still
from wire.labels import Text


@pytest.fixture
def folder(filled: Filled, tmp_path: Path) -> Path:
    ann = filled.person("ann")
    still(filled, ann, [box("one"), box("two", "plate")])
    words = filled.take("ask", "answer", {"text": b"x"}, ["text"])
    filled.make(words["take"])
    label = {"id": "w", "kind": "text", "label": "answer", "score": None, "text": "a\u2028b\x85c"}
    filled.submit(ann, filled.tasks(type="text")[0].id, {words["text"]: [label]})
    export(filled, tmp_path / "out")
    return tmp_path / "out"


def test_an_export_is_read_back(folder: Path) -> None:
    rows = list(read_lines(folder / "labels.jsonl"))
    assert [[label.id for label in document.labels] for document, _ in rows] == [["one", "two"], ["w"]]
    (text,) = rows[1][0].labels
    assert isinstance(text, Text) and text.text == "a\u2028b\x85c"
    assert rows[0][1]["type"] == "boxes" and "labels" not in rows[0][1]
    done = CliRunner().invoke(app, ["check-export", str(folder), "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout) == {"files": 3, "documents": 2, "labels": 3}


def change_a_line(folder: Path) -> None:
    path = folder / "labels.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("plate", "spoon"), encoding="utf-8")


def lose_a_picture(folder: Path) -> None:
    next(iter((folder / "media").iterdir())).unlink()


def change_the_sums(folder: Path) -> None:
    change_a_line(folder)
    (folder / "SHA256SUMS").write_text("")


def lose_about(folder: Path) -> None:
    (folder / "about.json").unlink()


@pytest.mark.parametrize("damage", [change_a_line, lose_a_picture, change_the_sums, lose_about])
def test_what_is_not_as_it_was_is_found(folder: Path, damage: Callable[[Path], None]) -> None:
    damage(folder)
    with pytest.raises(ExportDamaged):
        check_export(folder)


def test_a_place_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ExportDamaged, match=r"none\.zip is not there") as found:
        check_export(tmp_path / "none.zip")
    assert "Check the path" in found.value.hint


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    for line in ("{", "[]", '{"schema": 1}', '{"schema": 1, "capture": "c", "source": {}, "labels": []}'):
        path.write_text(line + "\n", encoding="utf-8")
        with pytest.raises(ExportDamaged, match="Line 1 of labels"):
            list(read_lines(path))
