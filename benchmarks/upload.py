"""Uploads over loopback: one of 512 MiB and eight of 64 MiB at once, beside bare granian, tuspyserver and the disk.

Every request is synced before it is answered. Who is compared is asked for the same: one request that is synced once,
or a request and a sync every 8 MiB, and as many uploads at once. The collector is the real service in a process of its
own; what it stored is compared with what was sent. All take turns, five times, every second time in the opposite order:
a ratio is the median of those within each turn, because the disk is not the same a minute later. CPU is that of the
serving process; "opening" is the job after an upload, from the manifest to the receipt, in the service and its worker.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import upload_peers
from benchmarks.figure import Figure
from benchmarks.upload_client import Gleaner, Piece, Stored, UploadConnection
from hardware.ports import free_port
from wire.parent import bound

MIB, GIB = 1 << 20, 1 << 30
ROUNDS = 5
CHUNK = 8 * MIB
SHIFT = 4096  # every round sends other bytes, so that no blob is there already
SHAPES = {"512 MiB": (512 * MIB, 1), "8 x 64 MiB": (64 * MIB, 8)}
START_SECONDS = 60.0
MAX_TIMES_BARE = 1.11  # 0.9 of its throughput
MAX_CPU_SECONDS = 2.0  # per GiB
MAX_TIMES_TUSPYSERVER = 0.2
DISK, HASH, TUSPYSERVER = "disk alone", "sha256 alone", "tuspyserver, 8 MiB"
BARE, BARE_CHUNKS = "bare granian, one PUT", "bare granian, 8 MiB"
CHECKED, WHOLE, PLAIN = "Gleaner, 8 MiB, sha256", "Gleaner, one PATCH, sha256", "Gleaner, one PATCH"
OPENING = "Gleaner, opening"
CHUNKED = (BARE_CHUNKS, CHECKED, TUSPYSERVER)  # one request and one sync every 8 MiB


@dataclass
class UploadRow:
    """What one contestant did with one shape, a value per round."""

    megabytes: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    worker_cpu: list[float] = field(default_factory=list)
    peak_mib: float = 0.0

    @property
    def speed(self) -> float:
        return statistics.median(self.megabytes)

    def times(self, other: UploadRow) -> float:
        """How many times as fast as the other it is, in the same turn."""
        return statistics.median(mine / its for mine, its in zip(self.megabytes, other.megabytes, strict=True))

    @property
    def cpu_seconds(self) -> float:
        return statistics.median(self.cpu)


@dataclass(frozen=True)
class Contestant:
    pid: int
    send: Callable[[Piece], Stored]


class Usage:
    """Seconds, CPU seconds of a process and of its children, and its peak memory, while entered."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)

    def __enter__(self) -> Usage:
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
        self._cpu, self._began = self._used(), time.perf_counter()
        return self

    def __exit__(self, *raised: object) -> None:
        self.seconds = time.perf_counter() - self._began
        self.cpu, self.worker_cpu = (now - before for now, before in zip(self._used(), self._cpu, strict=True))
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        self.peak_mib = int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def _used(self) -> tuple[float, float]:
        children = self._process.children(recursive=True)
        return sum(self._process.cpu_times()[:2]), sum(sum(child.cpu_times()[:2]) for child in children)


class UploadRows(dict[tuple[str, str], UploadRow]):
    def add(self, name: str, shape: str, size: int, usage: Usage) -> None:
        row = self.setdefault((name, shape), UploadRow())
        row.megabytes.append(size / 1e6 / usage.seconds)
        row.cpu.append(usage.cpu / (size / GIB))
        row.worker_cpu.append(usage.worker_cpu / (size / GIB))
        row.peak_mib = max(row.peak_mib, usage.peak_mib)


def measure() -> list[Figure]:
    """The figures. A table with every row is printed."""
    rows = UploadRows()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gleaner-upload-")))
        source = _source(folder / "source")
        gleaner = Gleaner(folder / "gleaner")
        stack.callback(gleaner.stop)
        bare = stack.enter_context(_bare(folder / "bare"))
        contestants = {
            BARE: bare(None),
            WHOLE: Contestant(gleaner.pid, partial(gleaner.send, chunk=None, checksum=True)),
            PLAIN: Contestant(gleaner.pid, partial(gleaner.send, chunk=None, checksum=False)),
            BARE_CHUNKS: bare(CHUNK),
            CHECKED: Contestant(gleaner.pid, partial(gleaner.send, chunk=CHUNK, checksum=True)),
        }
        python = upload_peers.peers_python(folder / "peers")
        if python is not None:
            contestants[TUSPYSERVER] = stack.enter_context(_tuspyserver(folder / "tuspyserver", python))
        for contestant in contestants.values():
            contestant.send(Piece(source, 0, MIB))
        for number in range(ROUNDS):
            for shape, (size, count) in SHAPES.items():
                pieces = [Piece(source, each * size + number * SHIFT, size) for each in range(count)]
                turns = list(contestants.items())
                _round(rows, shape, pieces, dict(turns[:: -1 if number % 2 else 1]), gleaner)
    _print(rows)
    return _figures(rows)


def _round(
    rows: UploadRows, shape: str, pieces: list[Piece], contestants: dict[str, Contestant], gleaner: Gleaner
) -> None:
    size = sum(piece.size for piece in pieces)
    _digest(pieces)
    _prepare(size)
    with Usage(os.getpid()) as usage:
        upload_peers.write_to_disk(pieces[0].path.with_name("disk"), size)
    rows.add(DISK, shape, size, usage)
    with Usage(os.getpid()) as usage:
        upload_peers.hash_bytes(size)
    rows.add(HASH, shape, size, usage)
    for name, contestant in contestants.items():
        _prepare(size)
        with Usage(contestant.pid) as usage:
            stored = _together(contestant.send, pieces)
        rows.add(name, shape, size, usage)
        for piece, one in zip(pieces, stored, strict=True):
            _compare(piece, one.path)
        if name == CHECKED:
            with Usage(gleaner.pid) as usage:
                gleaner.open(pieces, stored)
            rows.add(OPENING, shape, size, usage)
            for piece in pieces:
                _compare(piece, gleaner.blob(piece))
                gleaner.blob(piece).unlink()  # or whoever writes next pays for the memory that its copy keeps
        else:
            for one in stored:
                if one.capture:
                    gleaner.delete(one)
                else:
                    one.path.unlink()


def _prepare(size: int) -> None:
    """Equal conditions: nothing waits for the disk, and there is as much free memory as is about to be written.

    A virtual machine gives free memory back to its host; to fetch it again would count as CPU of whoever writes first.
    """
    os.sync()
    with mmap.mmap(-1, size * 3 // 2) as memory:
        for at in range(0, len(memory), mmap.PAGESIZE):
            memory[at] = 1


def _digest(pieces: list[Piece]) -> None:
    """What senders know before they send."""
    for piece in pieces:
        for part in (piece, *piece.cut(CHUNK)):
            part.sha256()


def _together(send: Callable[[Piece], Stored], pieces: list[Piece]) -> list[Stored]:
    with ThreadPoolExecutor(len(pieces)) as threads:
        return list(threads.map(send, pieces))


def _compare(piece: Piece, place: Path) -> None:
    with place.open("rb") as file:
        if hashlib.file_digest(file, "sha256").digest() != piece.sha256():
            raise SystemExit(f"{place} is not what was sent.")


def _source(path: Path) -> Path:
    """Random bytes, as many as the largest shape and all its rounds send; in the page cache."""
    with path.open("wb") as file:
        for _ in range(max(size * count for size, count in SHAPES.values()) // MIB + 1):
            file.write(os.urandom(MIB))
    return path


@contextmanager
def _served(folder: Path, command: list[str], port: int) -> Iterator[int]:
    """A server that writes into `folder`; yields its process id."""
    folder.mkdir()
    environment = {**os.environ, "INGEST_DIR": str(folder), "PYTHONPATH": str(Path(__file__).parent.parent)}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **bound(environment))
    try:
        _wait_for(port, process)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            UploadConnection(port).send("GET", "/", {})
        except ConnectionRefusedError:
            time.sleep(0.05)
        except SystemExit:
            return  # it answers, and not with a page
    raise SystemExit(f"{process.args!r} did not come up.")


@contextmanager
def _bare(folder: Path) -> Iterator[Callable[[int | None], Contestant]]:
    """Yields what makes contestants of it: for pieces sent in one request, or in several of so many bytes."""
    port = free_port()
    with _served(folder, upload_peers.bare_command(port), port) as pid:
        (worker,) = psutil.Process(pid).children()

        def send(chunk: int | None, piece: Piece) -> Stored:
            name = f"at-{piece.start}"
            connection = UploadConnection(port)
            for part in piece.cut(chunk or piece.size):
                connection.send("PUT", f"/{name}", {"Upload-Offset": str(part.start - piece.start)}, part)
            connection.close()
            return Stored(folder / name)

        yield lambda chunk: Contestant(worker.pid, partial(send, chunk))


@contextmanager
def _tuspyserver(folder: Path, python: Path) -> Iterator[Contestant]:
    port = free_port()
    with _served(folder, upload_peers.tuspyserver_command(python, port), port) as pid:

        def send(piece: Piece) -> Stored:
            metadata = {"filename": "a", "filetype": "b"}
            location = UploadConnection(port).send_by_tus("/files/", metadata, piece, CHUNK)
            return Stored(folder / location.rsplit("/", 1)[1])

        yield Contestant(pid, send)


def _basis(name: str) -> str:
    """The bare server that is asked for the same."""
    return BARE_CHUNKS if name in CHUNKED else BARE


def _print(rows: UploadRows) -> None:
    for shape in SHAPES:
        table = Table(title=f"Uploads, {shape}, fdatasync, medians of {ROUNDS}")
        for heading in ("", "MB/s", "range", "of bare", "CPU s/GiB", "workers'", "peak MiB"):
            table.add_column(heading, no_wrap=True)
        for (name, of_shape), row in rows.items():
            if of_shape == shape:
                span = f"{min(row.megabytes):.0f} to {max(row.megabytes):.0f}"
                worker = f"{statistics.median(row.worker_cpu):.2f}"
                of_bare = f"{row.times(rows[_basis(name), shape]):.2f}"
                measured = (of_bare, f"{row.cpu_seconds:.2f}", worker, f"{row.peak_mib:.0f}")
                table.add_row(name, f"{row.speed:.0f}", span, *measured)
        if (TUSPYSERVER, shape) not in rows:
            table.add_row(TUSPYSERVER, "not to be had", *[""] * 5)
        Console(width=100).print(table)


def _figures(rows: UploadRows) -> list[Figure]:
    figures = []
    for shape in SHAPES:
        for name in (CHECKED, WHOLE, PLAIN):
            row, what = rows[name, shape], f"upload, {shape}: {name.removeprefix('Gleaner, ')}"
            times = round(1 / row.times(rows[_basis(name), shape]), 2)
            unit = f"times {_basis(name)}'s time"
            figures.append(Figure(f"{what}, {row.speed:.0f} MB/s", times, unit, MAX_TIMES_BARE))
            figures.append(Figure("… CPU of the service", round(row.cpu_seconds, 2), "s per GiB", MAX_CPU_SECONDS))
        if (TUSPYSERVER, shape) in rows:
            times = round(1 / rows[CHECKED, shape].times(rows[TUSPYSERVER, shape]), 2)
            what = f"upload, {shape}: 8 MiB, sha256"
            figures.append(Figure(what, times, "times tuspyserver's time", MAX_TIMES_TUSPYSERVER))
    return figures
