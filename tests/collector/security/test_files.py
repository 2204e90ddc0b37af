"""The log's files: private, whole after a power cut, rotated with the chain unbroken, shared by processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.security.chain import check_chain
from collector.security.files import MAX_TEXT, NAME, SecurityFiles, read_lines, rotated_files
from tests.needs import ROOT


def row(number: int = 0, **more: object) -> dict[str, object]:
    return {"at": "2026-11-30T00:00:00.000000Z", "event": "signed-in", "number": number, **more}


def test_lines_are_private_and_continue_after_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    for start in range(3):
        SecurityFiles(folder).append([row(start), row(start, person="x" * 10_000)])
    end, faults = check_chain(read_lines(folder))
    assert (end.number, faults) == (6, [])
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600 and folder.stat().st_mode & 0o777 == 0o700
    assert max(map(len, read_lines(folder))) < MAX_TEXT + 300


@pytest.mark.parametrize("torn", [b"{", b'{"n": 3, "at', b"\x00" * 100])
def test_half_a_line_of_a_power_cut_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    files = SecurityFiles(tmp_path)
    files.append([row(1), row(2)])
    with (tmp_path / NAME).open("ab") as file:
        file.write(torn)
    assert check_chain(read_lines(tmp_path))[1] == []
    files.append([row(3)])
    assert [json.loads(line)["number"] for line in read_lines(tmp_path)] == [1, 2, 3]
    assert check_chain(read_lines(tmp_path))[1] == []


def test_files_are_rotated_and_the_oldest_are_removed(tmp_path: Path) -> None:
    files = SecurityFiles(tmp_path, max_bytes=1000, max_files=3)
    for number in range(60):
        files.append([row(number)])
    older = rotated_files(tmp_path)
    assert len(older) == 3 and all(1000 <= path.stat().st_size < 1300 for path in older)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    end, faults = check_chain(read_lines(tmp_path))
    assert faults == [] and end.number > 60
    numbers = [found["number"] for line in read_lines(tmp_path) if "number" in (found := json.loads(line))]
    assert numbers == list(range(numbers[0], 60)), "nothing in the middle is lost"
    older[1].unlink()
    assert check_chain(read_lines(tmp_path))[1] != []


def test_a_rotation_that_was_interrupted_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = SecurityFiles(tmp_path, max_bytes=400)

    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(Path, "replace", power_cut)
        with pytest.raises(KeyboardInterrupt):
            files.append([row(1), row(2), row(3)])
    assert len(rotated_files(tmp_path)) == 1
    assert check_chain(read_lines(tmp_path))[1] == []
    files.append([row(4)])
    files.append([row(5)])
    assert len(rotated_files(tmp_path)) == 1 and check_chain(read_lines(tmp_path))[1] == []
    assert sum(b'"number":4' in line for line in read_lines(tmp_path)) == 1


def test_a_full_disk_leaves_no_half_of_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = SecurityFiles(tmp_path)
    files.append([row(1)])
    real: Callable[[int], None] = os.fdatasync

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as filled:
        filled.setattr(os, "fdatasync", full)
        with pytest.raises(OSError, match="space"):
            files.append([row(2), row(3)])
    assert os.fdatasync is real
    files.append([row(2), row(3)])
    assert [json.loads(line)["number"] for line in read_lines(tmp_path)] == [1, 2, 3]


def test_two_processes_write_one_chain(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from collector.security.files import SecurityFiles\n"
        f"files = SecurityFiles(Path({str(tmp_path)!r}), max_bytes=2000)\n"
        "for number in range(50): files.append([{'at': 't', 'event': sys.argv[1], 'number': number}])\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", program, name], cwd=ROOT) for name in ("one", "two")]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert check_chain(read_lines(tmp_path))[1] == []
    rows = [json.loads(line) for line in read_lines(tmp_path)]
    for name in ("one", "two"):
        assert [found["number"] for found in rows if found["event"] == name] == list(range(50))
