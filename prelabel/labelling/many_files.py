"""Thousands of files through one model: worker processes, results in the order given, and a journal to go on from.

Every file is one call of `prelabel.labelling.one_file:label_file`, the function the collector's jobs call too. With an
output, each result is written to `OUTPUT.part` as it comes; a run that was cut off reads that journal and does only
what is missing. At the end the documents are written to `OUTPUT` in the order of the files and the journal goes.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from prelabel.labelling.one_file import Progress, label_file, try_model, with_media
from prelabel.labelling.worker import Worker, WorkerStopped, WorkFailed
from wire.errors import GleanerError
from wire.files import put_in_place
from wire.labels import Source

WORK = "prelabel.labelling.one_file:label_file"
TRY_MODEL = "prelabel.labelling.one_file:try_model"
WORK_SECONDS = 6 * 3600.0  # hours of video through a slow model are one call
AHEAD = 64  # results that may wait for an earlier, slower file
SYNC_SECONDS = 1.0
HEARING_SECONDS = 0.2  # an interruption is heard within this time


class OutputExists(GleanerError):
    """A file that would be written already exists."""

    code = "output-exists"
    status = 409
    exit_code = 2
    hint = "Choose another name, or pass --force to replace it."


class OutputUnwritable(GleanerError):
    """The place for the result cannot be written."""

    code = "output-unwritable"
    exit_code = 3
    hint = "Free space there, or choose another folder."


class RunDiffers(GleanerError):
    """The journal that is there was begun with another model or other settings."""

    code = "run-differs"
    status = 409
    exit_code = 2
    hint = "Choose another output, or pass --force to begin again."


class FileFailed(GleanerError):
    """A file's worker process died twice while it worked on it."""

    code = "file-failed"
    hint = "Check the file; the others were processed."


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


class Crew:
    """So many worker processes, one a thread; `do` may be called by any thread.

    Args:
        work: `module:function`, of the shape of `label_file`.
    """

    def __init__(self, workers: int, work: str = WORK) -> None:
        self._work = work
        self._idle: deque[Worker] = deque(Worker([work.partition(":")[0]], quiet=True) for _ in range(workers))
        self._all = list(self._idle)
        self._guard = threading.Lock()

    def do(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Raises WorkFailed, WorkerStopped."""
        return self._run(self._work, inputs)

    def try_model(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Raises WorkFailed, WorkerStopped."""
        return self._run(TRY_MODEL, inputs)

    def _run(self, work: str, inputs: dict[str, Any]) -> dict[str, Any]:
        with self._guard:
            worker = self._idle.popleft()
        try:
            return worker.run(work, inputs, WORK_SECONDS)
        finally:
            with self._guard:
                self._idle.append(worker)

    def stop(self) -> None:
        for worker in self._all:
            worker.stop()


class Alone:
    """The same work in this process: for a file or two, where starting another process would take longer.

    `progress` is told of the media time done and the whole of it within a video or sound, in microseconds.
    """

    def __init__(self) -> None:
        self.progress: Progress | None = None

    def do(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Raises what `label_file` raises; WorkFailed for what has no code, as a process of its own would."""
        with _with_a_code():
            return label_file(inputs, self.progress)

    def try_model(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """As `do`."""
        with _with_a_code():
            return try_model(inputs)

    def stop(self) -> None:
        """There is nothing to end."""


def label_files(
    paths: Sequence[Path], settings: dict[str, Any], hands: Crew | Alone, workers: int
) -> Iterator[FileOutcome]:
    """The outcome of each file, in the order given, while later ones are at work already.

    Args:
        settings: the inputs of `label_file` that are the same for every file.
    """
    if isinstance(hands, Alone):  # in the thread that is asked, which an interruption reaches
        for path in paths:
            yield _one(hands.do, path, settings)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="bulk") as pool:
        waiting: deque[Future[FileOutcome]] = deque()
        done = False
        try:
            for path in paths:
                waiting.append(pool.submit(_one, hands.do, path, settings))
                if len(waiting) >= AHEAD + workers:
                    yield _result(waiting.popleft())
            while waiting:
                yield _result(waiting.popleft())
            done = True
        finally:
            for future in waiting:
                future.cancel()
            if not done:  # also with nothing waiting: the last file may be hours of video
                hands.stop()


def _result(future: Future[FileOutcome]) -> FileOutcome:
    """Waits in short steps: a thread that has just begun to wait for a lock is not woken by a signal."""
    while not wait([future], HEARING_SECONDS).done:
        continue
    return future.result()


def why_not(hands: Crew | Alone, settings: dict[str, Any]) -> FileOutcome | None:
    """Why the model of a run cannot be used, None when it can: told once, not for each of thousands of files."""
    outcome = _one(hands.try_model, Path(settings["model"]), settings)
    return None if outcome.code is None else outcome


def _one(do: Callable[[dict[str, Any]], dict[str, Any]], path: Path, settings: dict[str, Any]) -> FileOutcome:
    inputs = {**settings, "path": str(path)}
    for attempt in (1, 2):
        try:
            result = do(inputs)
            return FileOutcome(path, result.get("document"), result.get("media"))
        except WorkerStopped:
            raise
        except WorkFailed as error:
            code = error.facts.get("work_code")
            if code is not None:
                return FileOutcome(path, code=code, sentence=_named(path, error), status=error.facts["work_status"])
            if attempt == 2:
                failed = FileFailed(f"{path} was given up: {error.message}")
                return FileOutcome(path, code=failed.code, sentence=str(failed))
        except GleanerError as error:
            return FileOutcome(path, code=error.code, sentence=_named(path, error), status=error.exit_code)
    raise AssertionError("two attempts end in a return")


def _named(path: Path, error: GleanerError) -> str:
    """The error's sentence, which names the file."""
    return str(error) if str(path) in str(error) else f"{path}: {error}"


@contextmanager
def _with_a_code() -> Iterator[None]:
    try:
        yield
    except GleanerError:
        raise
    except Exception as error:
        raise WorkFailed(f"{type(error).__name__}: {error}", work_code=None) from error


@dataclass(frozen=True, slots=True)
class _Place:
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
        self._done: dict[str, _Place] = {}
        self._synced = time.monotonic()
        with _writable(self._path):
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

    def keep(self, outcome: FileOutcome) -> None:
        """Write a good outcome down. Failures are not kept: another run tries them again."""
        if outcome.document is None:
            return
        row = {
            "file": str(outcome.path),
            "stamp": _stamp(outcome.path),
            "document": outcome.document,
            "media": outcome.media,
        }
        with _writable(self._path):
            self._append(row)
            if time.monotonic() - self._synced > SYNC_SECONDS:
                self._sync()

    def finish(self, paths: Iterable[Path]) -> int:
        """Write `OUTPUT` (documents with their media, in the order of `paths`), drop the journal; how many lines."""
        with _writable(self._output):
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
                self._done[row["file"]] = _Place(at, len(line), row["stamp"])
                at += len(line)

    def _append(self, row: dict[str, Any]) -> None:
        line = _line(row)
        at = self._file.seek(0, os.SEEK_END)
        if self._file.write(line) != len(line):
            self._file.truncate(at)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if "file" in row:
            self._done[row["file"]] = _Place(at, len(line), row["stamp"])

    def _row(self, place: _Place) -> dict[str, Any]:
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


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputUnwritable(f"{path} cannot be written: {error.strerror or error}.") from error
