"""Reading on over rotations: every line once and in order, whoever writes meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

from collector.security.chain import ChainEnd
from collector.security.files import SecurityFiles, read_lines
from collector.security.reader import LogReader


def write(files: SecurityFiles, count: int) -> None:
    for n in range(count):
        files.append([{"at": "2026-11-30", "event": "signed-in", "person": f"{n}"}] * (1 + n % 3))


def numbers(reader: LogReader, most: int = 7) -> list[int]:
    found: list[int] = []
    while lines := reader.read(most):
        found += [line.row["n"] for line in lines]
    return found


def test_lines_that_are_written_and_rotated_meanwhile(tmp_path: Path) -> None:
    files = SecurityFiles(tmp_path, max_bytes=700, max_files=1000)
    write(files, 1)
    reader = LogReader(tmp_path, ChainEnd())
    writer = threading.Thread(target=write, args=(files, 300))
    writer.start()
    found = numbers(reader)
    while writer.is_alive():
        found += numbers(reader)
    writer.join()
    found += numbers(reader)
    reader.close()
    assert found == list(range(1, len(list(read_lines(tmp_path))) + 1)) and len(found) > 700


def test_half_a_line_is_not_read(tmp_path: Path) -> None:
    write(SecurityFiles(tmp_path), 1)
    path = tmp_path / "security.jsonl"
    whole = path.read_bytes()
    reader = LogReader(tmp_path, ChainEnd())
    path.write_bytes(whole[:-5])
    assert numbers(reader) == []
    path.write_bytes(whole)
    assert numbers(reader) == [1]
    reader.close()
    assert numbers(LogReader(tmp_path / "none", ChainEnd())) == []


def test_a_position_that_is_not_there(tmp_path: Path) -> None:
    files = SecurityFiles(tmp_path, max_bytes=700, max_files=1)
    write(files, 20)
    there = numbers(LogReader(tmp_path, ChainEnd()))
    assert there[0] > 2
    assert numbers(LogReader(tmp_path, ChainEnd(1, "removed"))) == there
    assert numbers(LogReader(tmp_path, ChainEnd(there[3], "of another log"))) == there
    assert numbers(LogReader(tmp_path, ChainEnd(9999, "of another log"))) == there
