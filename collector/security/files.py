"""The files of the security log: appended to, synced, closed to others, and rotated by size.

    logs/security.jsonl        the newest lines
    logs/security-000017.jsonl older ones, as they were rotated; of these the newest MAX_FILES stay

Several processes may append: each takes a lock on the file and continues the chain from its last line.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from collector.security.chain import CONTINUED, ChainEnd, parsed_line, written_line
from collector.store.clock import now_text
from collector.store.private import FILE_MODE, private_folder
from wire.files import sync_folder

NAME = "security.jsonl"
MAX_FILE_BYTES = 16 * 2**20
MAX_FILES = 30
_TAIL_BYTES = 64 * 2**10  # longer than any line
MAX_TEXT = 200  # of one member: a stranger chooses some of them


class SecurityFiles:
    """One process's way to the log. One thread at a time may use it."""

    def __init__(self, folder: Path, max_bytes: int = MAX_FILE_BYTES, max_files: int = MAX_FILES) -> None:
        self._folder, self._max_bytes, self._max_files = folder, max_bytes, max_files

    def append(self, rows: Iterable[dict[str, Any]]) -> None:
        """Write rows (each with `at` and `event`) and sync them. Raises OSError."""
        private_folder(self._folder)
        fd = self._locked()
        try:
            end = self._end(fd)
            size = os.fstat(fd).st_size
            data = bytearray()
            for row in rows:
                line, end = written_line(end, {name: _short(value) for name, value in row.items()})
                data += line
            try:
                with open(fd, "ab", closefd=False) as file:
                    file.write(data)
                os.fdatasync(fd)
            except OSError:
                os.ftruncate(fd, size)  # all of them or none: they are written again
                raise
            if size + len(data) >= self._max_bytes:
                self._rotate(end)
        finally:
            os.close(fd)

    def _locked(self) -> int:
        """The newest file, made if need be, with the lock on it."""
        path = self._folder / NAME
        while True:
            is_new = not path.exists()
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
            if is_new:
                sync_folder(self._folder)
            fcntl.flock(fd, fcntl.LOCK_EX)
            try:
                if path.stat().st_ino == os.fstat(fd).st_ino:  # not rotated away meanwhile
                    return fd
            except FileNotFoundError:
                pass
            os.close(fd)

    def _end(self, fd: int) -> ChainEnd:
        """Where the chain continues. A line that a power cut left half is cut off."""
        end, whole = _last_line(fd)
        if whole < os.fstat(fd).st_size:
            os.ftruncate(fd, whole)
        return end

    def _rotate(self, end: ChainEnd) -> None:
        older = rotated_files(self._folder)
        number = int(older[-1].stem.rpartition("-")[2]) + 1 if older else 1
        line, _ = written_line(end, {"at": now_text(), "event": CONTINUED, "previous": end.chain})
        # The file that follows is there before it takes the name: the chain has no gap at any moment.
        following = self._folder / f".{NAME}.next"
        following.unlink(missing_ok=True)
        fd = os.open(following, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        try:
            os.write(fd, line)
            os.fdatasync(fd)
        finally:
            os.close(fd)
        if not older or not older[-1].samefile(self._folder / NAME):  # else a rotation was interrupted here
            os.link(self._folder / NAME, self._folder / f"security-{number:06d}.jsonl")
        following.replace(self._folder / NAME)
        for old in rotated_files(self._folder)[: -self._max_files]:
            old.unlink()
        sync_folder(self._folder)


def _last_line(fd: int) -> tuple[ChainEnd, int]:
    """Number and hash of the newest whole line, and where it ends."""
    size = os.fstat(fd).st_size
    start = max(0, size - _TAIL_BYTES)
    tail = os.pread(fd, size - start, start)
    whole = tail.rfind(b"\n") + 1
    for line in reversed(tail[:whole].splitlines()):
        found = parsed_line(line)
        if found is not None:
            return ChainEnd(found["n"], found["chain"]), start + whole
    return ChainEnd(), start + whole


def rotated_files(folder: Path) -> list[Path]:
    """The oldest first."""
    return sorted(folder.glob("security-[0-9]*.jsonl"))


def log_files(folder: Path) -> list[Path]:
    """Each file once, the oldest first: while one is rotated it has two names."""
    newest = [path for path in (folder / NAME,) if path.exists()]
    older = [path for path in rotated_files(folder) if not any(path.samefile(other) for other in newest)]
    return [*older, *newest]


@contextlib.contextmanager
def resting_files(folder: Path) -> Iterator[list[Path]]:
    """The same, while nobody writes or rotates."""
    while True:
        try:
            fd = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield log_files(folder)
            return
        try:
            fcntl.flock(fd, fcntl.LOCK_SH)
            if os.path.samestat((folder / NAME).stat(), os.fstat(fd)):  # not rotated away meanwhile
                yield log_files(folder)
                return
        finally:
            os.close(fd)


def newest_number(folder: Path) -> int:
    """The number of the newest whole line; 0 where there is none."""
    try:
        fd = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        return _last_line(fd)[0].number
    finally:
        os.close(fd)


def read_lines(folder: Path) -> Iterator[bytes]:
    """Every whole line, the oldest first."""
    for path in log_files(folder):
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line


def _short(value: Any) -> Any:
    return value[:MAX_TEXT] + "…" if isinstance(value, str) and len(value) > MAX_TEXT else value
