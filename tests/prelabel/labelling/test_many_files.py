"""Thousands of files: order, failures that cost one file, and what is left when a run ends early."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from prelabel.labelling.many_files import WorkerPool, label_files
from prelabel.labelling.outputs import OutputExists
from tests import needs
from tests.prelabel.labelling.made import command, lines, picture
from wire.labels import LabelsDocument


def test_results_come_in_the_order_of_the_files(tmp_path: Path, model: str) -> None:
    paths = [picture(tmp_path / f"{number:03}.png", number) for number in range(40)]
    paths.insert(7, tmp_path / "missing.png")
    crew = WorkerPool(2)
    try:
        found = list(label_files(paths, {"model": model}, crew, 2))
    finally:
        crew.stop()
    assert [row.path for row in found] == paths
    assert [row.code for row in found if row.document is None] == ["file-missing"]
    assert len({row.media["sha256"] for row in found if row.media}) == 40


def test_a_worker_that_dies_costs_one_file(tmp_path: Path, model: str) -> None:
    """A file on which the process dies every time is given up; the ones behind it are done."""
    paths = [picture(tmp_path / f"{number}.png", number) for number in range(6)]
    fatal = tmp_path / "fatal.py"
    fatal.write_text(
        "import os\nfrom prelabel.labelling.one_file import label_file as real\n"
        "def label_file(inputs):\n"
        "    if inputs['path'].endswith('2.png'):\n        os._exit(9)\n    return real(inputs)\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        crew = WorkerPool(2, "fatal:label_file")
        found = list(label_files(paths, {"model": model}, crew, 2))
    finally:
        sys.path.remove(str(tmp_path))
        crew.stop()
    assert [row.code for row in found] == [None, None, "file-failed", None, None, None]


def test_the_command_prints_documents_and_names_failures(tmp_path: Path, model: str) -> None:
    good, bad = picture(tmp_path / "a.png"), tmp_path / "b.wav"
    bad.write_bytes(b"RIFF")
    done = command(model, str(good), str(bad), "--json")
    assert done.returncode == 1
    line, failed = done.stdout.splitlines()
    document = json.loads(line)
    assert document.pop("media")["path"] == str(good)
    assert LabelsDocument.model_validate(document).labels[0].label == "cup"
    (sentence,) = done.stderr.splitlines()
    assert str(bad) in sentence and sentence.endswith("[not-media]")
    assert json.loads(failed) == {
        "file": str(bad), "code": "not-media", "error": sentence.removesuffix(" [not-media]"),
    }  # fmt: skip


def test_a_bad_file_alone_leaves_no_output(tmp_path: Path, model: str) -> None:
    bad = tmp_path / "b.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n")
    done = command(model, str(bad), "--out", str(tmp_path / "out.jsonl"))
    assert done.returncode == 1 and "[picture-unreadable]" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.png", "planted"]


def test_the_output_has_the_media_and_is_not_overwritten(tmp_path: Path, model: str) -> None:
    folder = tmp_path / "pictures"
    for number in range(5):
        picture(folder / f"{number}.png", number)
    (folder / "notes.txt").write_text("notes")
    out = tmp_path / "out.jsonl"
    done = command(model, str(folder), "--out", str(out), "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "5 documents" in done.stderr and "1 file in the folders is not media." in done.stderr
    rows = lines(out)
    assert [Path(row["media"]["path"]).name for row in rows] == [f"{number}.png" for number in range(5)]
    assert all(row["capture"] == row["media"]["sha256"] for row in rows)
    again = command(model, str(folder), "--out", str(out))
    assert again.returncode == OutputExists.exit_code and "[output-exists]" in again.stderr
    assert command(model, str(folder), "--out", str(out), "--force").returncode == 0
    assert lines(out) == rows


def test_an_interrupted_run_says_how_to_go_on(tmp_path: Path, model: str) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "out.jsonl"
    for number in range(1500):
        picture(folder / f"{number:04}.png", number % 256)
    words = [
        sys.executable,
        "-m",
        "gleaner",
        "prelabel",
        "run",
        model,
        str(folder),
        "--out",
        str(out),
        "--workers",
        "2",
    ]
    running = subprocess.Popen(words, cwd=needs.ROOT, stderr=subprocess.PIPE, text=True)
    part = out.with_name("out.jsonl.part")
    end = time.monotonic() + 60
    while time.monotonic() < end and (not part.exists() or part.read_bytes().count(b"\n") < 5):
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "run the same command again to continue." in said and "Traceback" not in said
    assert part.exists() and not out.exists()
