"""Backup, restore and verify of a collector's data, beside `cp` and `sha256sum`, and beside restic and borg.

The data: 61,000 rows, 2 GiB of media in files of 32 MiB, and 2,000 files of 64 KiB. Each step is a process of its
own, from its start until everything is synced; CPU is that of the process. Then 64 MiB of media are added and saved
again. restic and borg are measured where they are installed (apt-get install restic borgbackup).

Before that come the rows with 1 MiB of media: what a step takes with any amount of them. The CPU per GiB is of what a
step takes more with all of them. As in an installation, modules are compiled: the first of these processes write
their bytecode.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import export
from benchmarks.figure import Figure
from collector.key_folder import KeyFolder
from collector.keys import load_admin_key, load_receipt_key
from collector.store.blobs_local import LocalBlobs
from collector.store.open import open_database
from collector.store.sql import text

MIB, GIB = 1 << 20, 1 << 30
LARGE, SMALL = (64, 32 * MIB), (2000, 64 * 1024)
FEW = (16, 64 * 1024)
ADDED = (2, 32 * MIB)
PASSPHRASE = "a passphrase of the benchmark"
MAX_CPU_SECONDS = 2.0  # per GiB of media
MAX_ROWS_CPU_SECONDS = 5.0  # of a step with hardly any media: 61,000 rows, and what starting takes
MAX_TIMES_COPY = 4.0
MAX_AGAIN_SECONDS = 5.0
_ADD = text(
    "INSERT INTO derived (capture_id, kind, blob, bytes, media_type)"
    " SELECT id, 'play', :blob, :bytes, 'video/mp4' FROM capture WHERE NOT EXISTS"
    " (SELECT 1 FROM derived WHERE capture_id = capture.id AND kind = 'play') ORDER BY id LIMIT 1"
)


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "data"
        export.fill(data)
        add_media(data, FEW)
        bytecode = folder / "bytecode"
        for number in range(2):  # the first writes the bytecode
            few = with_gleaner(folder / f"few-{number}", data, bytecode)
        media = _size(data)
        add_media(data, LARGE)
        add_media(data, SMALL)
        size = _size(data)
        peers = {program: shutil.which(program) is not None for program in ("restic", "borg")}
        measured: dict[str, dict[str, tuple[float, float]]] = {"copy": copied(data, folder / "copy")}
        measured["Gleaner"] = with_gleaner(folder / "gleaner", data, bytecode)
        if peers["restic"]:
            measured["restic"] = with_restic(folder, data)
        if peers["borg"]:
            measured["borg"] = with_borg(folder, data)
        _show({**measured, "Gleaner, hardly any media": few}, size)
        return _figures(measured, few, size - media)


def _size(data: Path) -> int:
    return sum(path.stat().st_size for path in data.rglob("*") if path.is_file())


def add_media(data: Path, shape: tuple[int, int]) -> None:
    """So many blobs of so many random bytes, each of a capture."""
    db, blobs = open_database(data), LocalBlobs(data / "blobs")
    try:
        load_receipt_key(KeyFolder(data / "keys"), db)
        load_admin_key(KeyFolder(data / "keys"))
        with blobs.working_folder() as folder:
            for _ in range(shape[0]):
                (folder / "made").write_bytes(os.urandom(shape[1]))
                row = {"blob": blobs.put_file(folder / "made"), "bytes": shape[1]}
                (folder / "made").unlink()  # the blob may be the same file by another name
                db.write_sync(lambda conn, row=row: conn.execute(_ADD, row).rowcount)  # type: ignore[misc]
    finally:
        db.close()


def copied(data: Path, to: Path) -> dict[str, tuple[float, float]]:
    return {
        "save": run(["cp", "-a", str(data), str(to)]),
        "check": run(["sh", "-c", f"find {to} -type f -print0 | xargs -0 sha256sum >{to}.sums"]),
    }


def with_gleaner(folder: Path, data: Path, bytecode: Path) -> dict[str, tuple[float, float]]:
    place = str(folder / "backup")
    environment = {
        "GLEANER_BACKUP_PASSPHRASE": PASSPHRASE,
        "PYTHONPYCACHEPREFIX": str(bytecode),
        "PYTHONDONTWRITEBYTECODE": "",
    }

    def gleaner(*words: str) -> tuple[float, float]:
        return run([sys.executable, "-m", "gleaner", "collector", *words], environment)

    found = {"save": gleaner("backup", place, "--data", str(data))}
    with more_media(data):
        found["save again"] = gleaner("backup", place, "--data", str(data))
        found["check"] = gleaner("backups", "check", place)
        found["restore"] = gleaner("restore", place, "--data", str(folder / "restored"))
        found["verify"] = gleaner("verify", "--data", str(folder / "restored"))
    return found


def with_restic(folder: Path, data: Path) -> dict[str, tuple[float, float]]:
    place = str(folder / "restic")
    environment = {"RESTIC_PASSWORD": PASSPHRASE, "RESTIC_CACHE_DIR": str(folder / "cache")}

    def restic(*words: str) -> tuple[float, float]:
        return run(["restic", "--quiet", "--repo", place, *words], environment)

    restic("init")
    found = {"save": restic("backup", str(data))}
    with more_media(data):
        found["save again"] = restic("backup", str(data))
        found["check"] = restic("check", "--read-data")
        found["restore"] = restic("restore", "latest", "--target", str(folder / "by-restic"))
    return found


def with_borg(folder: Path, data: Path) -> dict[str, tuple[float, float]]:
    place = str(folder / "borg")
    environment = {"BORG_PASSPHRASE": PASSPHRASE, "BORG_BASE_DIR": str(folder / "borg-base")}
    to = folder / "by-borg"
    to.mkdir()

    def borg(*words: str) -> tuple[float, float]:
        return run(["borg", *words], environment, cwd=to)

    borg("init", "--encryption", "repokey", place)
    found = {"save": borg("create", "--compression", "none", f"{place}::one", str(data))}
    with more_media(data):
        found["save again"] = borg("create", "--compression", "none", f"{place}::two", str(data))
        found["check"] = borg("check", "--verify-data", place)
        found["restore"] = borg("extract", f"{place}::two")
    return found


@contextmanager
def more_media(data: Path) -> Iterator[None]:
    """Some media more for a block, others each time, with their rows."""
    before = {path for path in (data / "blobs").rglob("*") if path.is_file()}
    database = (data / "collector.db").read_bytes()
    add_media(data, ADDED)
    yield
    (data / "collector.db").write_bytes(database)
    for path in (data / "blobs").rglob("*"):
        if path.is_file() and path not in before:
            path.unlink()


def run(words: list[str], environment: dict[str, str] | None = None, cwd: Path | None = None) -> tuple[float, float]:
    """Seconds until a command has ended and all is synced, and the CPU seconds of it and its children."""
    os.sync()
    began = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            words, env={**os.environ, **(environment or {})}, cwd=cwd, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"{words}: {errors.read().decode()[-2000:]}")
    os.sync()
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime


def _show(measured: dict[str, dict[str, tuple[float, float]]], size: int) -> None:
    table = Table(title=f"{size / GIB:.2f} GiB: seconds (CPU seconds)")
    table.add_column("")
    steps = ("save", "save again", "check", "restore", "verify")
    for step in steps:
        table.add_column(step)
    for name, found in measured.items():
        cells = [f"{found[step][0]:.1f} ({found[step][1]:.1f})" if step in found else "" for step in steps]
        table.add_row(name, *cells)
    Console().print(table)


def _figures(
    measured: dict[str, dict[str, tuple[float, float]]], few: dict[str, tuple[float, float]], media: int
) -> list[Figure]:
    """`few`: the steps with hardly any media; `media`: the bytes of media that they did not have."""
    ours, gib = measured["Gleaner"], media / GIB
    copy = sum(seconds for seconds, _cpu in measured["copy"].values())
    figures = []
    for step in ("save", "check", "restore", "verify"):
        of_media = (ours[step][1] - few[step][1]) / gib
        figures.append(Figure(f"backup: {step}", round(of_media, 2), "CPU s per GiB of media", MAX_CPU_SECONDS))
        figures.append(Figure("… with hardly any media", round(few[step][1], 2), "CPU s", MAX_ROWS_CPU_SECONDS))
    figures.append(Figure("backup: save", round(ours["save"][0] / copy, 2), "times cp and sha256sum", MAX_TIMES_COPY))
    figures.append(Figure("backup: save again, 64 MiB more", round(ours["save again"][0], 1), "s", MAX_AGAIN_SECONDS))
    for peer in ("restic", "borg"):
        if peer in measured:
            times = ours["save"][1] / measured[peer]["save"][1]
            figures.append(Figure("backup: save", round(times, 2), f"times the CPU of {peer}", 1.0))
    return figures
