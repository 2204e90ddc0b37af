"""What a run over many files has found so far, so that an interrupted run resumes where it ended."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from prelabel.labelling.one_file import with_media
from prelabel.labelling.outputs import OutputExists, writable
from wire.errors import GleanerError
from wire.files import put_in_place
from wire.labels import Source

SYNC_SECONDS = 1.0


class RunDiffers(GleanerError):
    """The journal that is there was begun with another model or other settings."""

    code = "run-differs"
    status = 409
    exit_code = 2
    hint = "Choose another output, or pass --force to begin again."


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file: a labels document with the file's hash, or an error (code, sentence, exit status)."""

    path: Path
    document: dict[str, Any] | None = None
    media: dict[str, Any] | None = None
    code: str | None = None
    sentence: str | None = None
    status: int = 1
    again: bool = False  # read from the journal of an earlier run


@dataclass(frozen=True, slots=True)
class _JournalLine:
    """Where a file's line is in the journal, and the file's size and time of change when it was labelled."""

    at: int
    length: int
    stamp: list[int]


class RunJournal:
    """Results as they come, one JSON line each, in `OUTPUT.part`; what an earlier run left is read first.

    Raises:
        RunDiffers: the journal is of another model or other settings, or no journal.
        OutputExists: another run is writing it.
        OutputUnwritable: it cannot be written.
    """

    def __init__(self, output: Path, source: Source, settings: dict[str, Any], *, anew: bool = False) -> None:
        self._path = output.with_name(output.name + ".part")
        self._output = output
        self._head = {"schema": 1, "model": source.to_json(), "settings": settings}
        self._done: dict[str, _JournalLine] = {}
        self._synced = time.monotonic()
        with writable(self._path):
            # Unbuffered: what does not fit on a full disk is not tried again when the file is closed.
            self._file = self._path.open("a+b", buffering=0)
            _alone(self._file, self._path)
            if anew:
                self._file.truncate(0)
            self._read()

    def knows(self, path: Path) -> bool:
        """Whether an earlier run has labelled this very file (same size, same time of change)."""
        place = self._done.get(str(path))
        return place is not None and place.stamp == _stamp(path)

    def known(self, path: Path) -> FileOutcome:
        """What an earlier run found in a file that this `knows`."""
        row = self._row(self._done[str(path)])
        return FileOutcome(path, row["document"], row["media"], again=True)

    def save(self, outcome: FileOutcome) -> None:
        """Write a good outcome down. Failures are not saved: another run tries them again."""
        if outcome.document is None:
            return
        row = {
            "file": str(outcome.path),
            "stamp": _stamp(outcome.path),
            "document": outcome.document,
            "media": outcome.media,
        }
        with writable(self._path):
            self._append(row)
            if time.monotonic() - self._synced > SYNC_SECONDS:
                self._sync()

    def finish(self, paths: Iterable[Path]) -> int:
        """Write `OUTPUT` (documents with their media, in the order of `paths`), drop the journal; how many lines."""
        with writable(self._output):
            self._sync()
            handle, name = tempfile.mkstemp(dir=self._output.parent, prefix=f".{self._output.name}-")
            count = 0
            try:
                with os.fdopen(handle, "wb") as out:
                    os.fchmod(handle, stat.S_IMODE(os.fstat(self._file.fileno()).st_mode))
                    for path in paths:
                        place = self._done.get(str(path))
                        if place is not None:
                            row = self._row(place)
                            out.write(_line(with_media(row["document"], row["media"], row["file"])))
                            count += 1
                if count:
                    put_in_place(Path(name), self._output)
            finally:
                Path(name).unlink(missing_ok=True)
            self._path.unlink(missing_ok=True)
            self.close()
        return count

    def close(self) -> None:
        self._file.close()

    def _read(self) -> None:
        first = _line(self._head)
        with self._path.open("rb") as journal:
            head = journal.readline()
            if first.startswith(head) and head != first:  # new, or cut off within its first line
                self._file.truncate(0)
                try:
                    self._append(self._head)
                except OSError:
                    self._path.unlink()  # a journal without its first line is none
                    self._file.close()
                    raise
                return
            if head != first:
                self._file.close()
                raise RunDiffers(f"{self._path} was begun with another model or other settings.")
            at = len(head)
            for line in journal:
                row = _parsed(line) if line.endswith(b"\n") else None
                if row is None:
                    # A power cut ends a journal in the middle of a line; what is after it was never whole.
                    self._file.truncate(at)
                    break
                self._done[row["file"]] = _JournalLine(at, len(line), row["stamp"])
                at += len(line)

    def _append(self, row: dict[str, Any]) -> None:
        line = _line(row)
        at = self._file.seek(0, os.SEEK_END)
        if self._file.write(line) != len(line):
            self._file.truncate(at)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if "file" in row:
            self._done[row["file"]] = _JournalLine(at, len(line), row["stamp"])

    def _row(self, place: _JournalLine) -> dict[str, Any]:
        self._file.seek(place.at)
        row: dict[str, Any] = json.loads(self._file.read(place.length))
        return row

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()


def json_line(row: dict[str, Any]) -> str:
    """A row as JSON that stays one line for readers which split at every Unicode line end."""
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    for sign in "\x85\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    try:
        text.encode()
    except UnicodeEncodeError:  # a file name that is no UTF-8: its odd bytes as the escapes Python reads back
        return json.dumps(row, separators=(",", ":"))
    return text


def _line(row: dict[str, Any]) -> bytes:
    return json_line(row).encode() + b"\n"


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _stamp(path: Path) -> list[int]:
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _alone(file: FileIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise OutputExists(
            f"Another run is writing {path}.", hint="Wait until it ends, or choose another output."
        ) from None
