"""A run over files that was cut off goes on where it ended, and only where it may."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prelabel.labelling.many_files import InProcess, label_files
from prelabel.labelling.one_file import describe
from prelabel.labelling.outputs import OutputExists
from prelabel.labelling.run_journal import FileOutcome, RunDiffers, RunJournal
from tests import needs
from tests.prelabel.labelling.made import command, lines, picture


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, model: str) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "out.jsonl"
    paths = [picture(folder / f"{number:04}.png", number % 256) for number in range(1500)]
    part = out.with_name("out.jsonl.part")
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
    running = subprocess.Popen(words, cwd=needs.ROOT, stderr=subprocess.PIPE, start_new_session=True)
    end = time.monotonic() + 60
    while time.monotonic() < end and (not part.exists() or part.read_bytes().count(b"\n") < 20):
        time.sleep(0.005)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate(timeout=60)
    kept = part.read_bytes()
    assert not out.exists() and 20 <= kept.count(b"\n") < 1500
    part.write_bytes(kept + b'{"file": "half a li')  # what a power cut leaves
    done = command(model, str(folder), "--out", str(out), "--workers", "2")
    assert done.returncode == 0, done.stderr
    again = kept.count(b"\n") - 1
    assert f"1500 documents, {again} from an earlier run" in done.stderr
    assert [row["media"]["path"] for row in lines(out)] == [str(path) for path in paths]
    assert not part.exists()


def test_another_model_does_not_go_on_with_a_journal(tmp_path: Path, model: str) -> None:
    source = describe(model).source
    out = tmp_path / "out.jsonl"
    RunJournal(out, source, {"looks": 1}).close()
    with pytest.raises(RunDiffers):
        RunJournal(out, source, {"looks": 2})
    other = source.model_copy(update={"sha256": "f" * 64})
    with pytest.raises(RunDiffers):
        RunJournal(out, other, {"looks": 1})
    RunJournal(out, other, {"looks": 1}, anew=True).close()


def test_a_changed_file_is_labelled_again(tmp_path: Path, model: str) -> None:
    path = picture(tmp_path / "a.png")
    journal = RunJournal(tmp_path / "out.jsonl", describe(model).source, {})
    (outcome,) = label_files([path], {"model": model}, InProcess(), 1)
    journal.save(outcome)
    assert journal.knows(path)
    assert journal.known(path) == FileOutcome(path, outcome.document, outcome.media, again=True)
    picture(path, 91)
    os.utime(path, ns=(1, 1))
    assert not journal.knows(path)
    journal.close()


def test_two_runs_do_not_write_one_journal(tmp_path: Path, model: str) -> None:
    source = describe(model).source
    first = RunJournal(tmp_path / "out.jsonl", source, {})
    for anew in (False, True):
        with pytest.raises(OutputExists, match="Another run is writing"):
            RunJournal(tmp_path / "out.jsonl", source, {}, anew=anew)
    first.close()
    RunJournal(tmp_path / "out.jsonl", source, {}).close()


@pytest.mark.parametrize("content", [b"half of a download", b"a list\nof lines\n"])
def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, model: str, content: bytes) -> None:
    part = tmp_path / "out.jsonl.part"
    part.write_bytes(content)
    with pytest.raises(RunDiffers):
        RunJournal(tmp_path / "out.jsonl", describe(model).source, {})
    assert part.read_bytes() == content


def test_a_journal_cut_in_its_first_line_is_begun_anew(tmp_path: Path, model: str) -> None:
    source, part = describe(model).source, tmp_path / "out.jsonl.part"
    RunJournal(tmp_path / "out.jsonl", source, {}).close()
    whole = part.read_bytes()
    part.write_bytes(whole[:30])
    RunJournal(tmp_path / "out.jsonl", source, {}).close()
    assert part.read_bytes() == whole
