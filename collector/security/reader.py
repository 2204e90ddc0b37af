"""Reading the security log on from a line, over files that are rotated while they are read."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from collector.security.chain import ChainEnd, parsed_line
from collector.security.files import resting_files


@dataclass(frozen=True)
class ReadLine:
    """A line, as it is stored and parsed."""

    raw: bytes
    row: dict[str, Any]

    @property
    def end(self) -> ChainEnd:
        return ChainEnd(self.row["n"], self.row["chain"])


class LogReader:
    """Lines after a position, the oldest first.

    Where the log does not have the line of the position any more, it goes on with the next one that is there; where it
    has another one of that number, it is another log, which is read from its beginning.
    """

    def __init__(self, folder: Path, position: ChainEnd) -> None:
        self._folder = folder
        self._end = position
        self._file: BufferedReader | None = None

    def read(self, most: int) -> list[ReadLine]:
        """Up to so many lines that are there already. Raises OSError."""
        found: list[ReadLine] = []
        if self._file is None and not self._begin():
            return found
        while len(found) < most:
            line = self._next_line() or self._line_of_next_file()
            if line is None:
                break
            found.append(line)
            self._end = line.end
        return found

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _begin(self) -> bool:
        """Open the file in which reading goes on, at its place. False: there is no log yet."""
        with resting_files(self._folder) as files:
            if not files:
                return False
            holds = [path for path in files if 0 < _first_number(path) <= self._end.number]
            if holds:
                self._open(holds[-1])
                while (line := self._next_line()) is not None and line.end.number <= self._end.number:
                    if line.end == self._end:
                        return True
            if holds or self._end.number == 0:
                self._end = ChainEnd()
            self._open(files[0])
            return True

    def _next_line(self) -> ReadLine | None:
        """The next whole line of this file; what is no line of the log is passed over."""
        assert self._file is not None
        # Whoever writes holds the lock: half a group of lines, which may be taken back, is never seen.
        fcntl.flock(self._file, fcntl.LOCK_SH)
        try:
            while True:
                place = self._file.tell()
                raw = self._file.readline()
                if not raw.endswith(b"\n"):
                    self._file.seek(place)
                    return None
                row = parsed_line(raw)
                if row is not None:
                    return ReadLine(raw, row)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _line_of_next_file(self) -> ReadLine | None:
        """The next line, if files follow this one. Each is read to its end: once rotated it gets no more lines."""
        assert self._file is not None
        while True:
            here = os.fstat(self._file.fileno())
            with resting_files(self._folder) as files:
                same = [place for place, path in enumerate(files) if os.path.samestat(path.stat(), here)]
                if same:
                    following = files[same[0] + 1 :]
                else:  # removed, as the oldest
                    following = [path for path in files if _first_number(path) > self._end.number]
                line = self._next_line()  # written between the last look and the rotation
                if line is not None or not following:
                    return line
                self._open(following[0])
            line = self._next_line()
            if line is not None:
                return line

    def _open(self, path: Path) -> None:
        self.close()
        self._file = path.open("rb")


def _first_number(path: Path) -> int:
    """0: the file has no line yet, or its first one cannot be read."""
    with path.open("rb") as file:
        row = parsed_line(file.readline())
    return 0 if row is None else int(row["n"])
