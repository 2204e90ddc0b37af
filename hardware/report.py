"""What a bench run came to, for people as a table and for programs as one JSON record."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.markup import escape
from rich.table import Table

from hardware.checks.base import CheckRecord, Measurement, Outcome, worst
from wire.base import format_utc
from wire.errors import GleanerError
from wire.files import write_whole
from wire.version import DISTRIBUTION

PARTS = (DISTRIBUTION, "av", "numpy", "onnxruntime", "opencv-python-headless", "picamera2", "sounddevice")
COLOURS: dict[Outcome, str] = {"PASS": "green", "FAIL": "bold red", "ERROR": "yellow"}
EXIT_CODES: dict[Outcome, int] = {"PASS": 0, "FAIL": 1, "ERROR": 3}
_MIB = 2**20


class RecordUnwritable(GleanerError):
    code = "record-unwritable"
    status = 500
    exit_code = 3
    hint = "Name a file in a folder that exists and may be written to."


@dataclass(frozen=True)
class BenchRecord:
    """One run of checks on one machine."""

    at: datetime
    machine: dict[str, Any]
    versions: dict[str, str]
    checks: tuple[CheckRecord, ...]

    @property
    def outcome(self) -> Outcome:
        return worst(check.outcome for check in self.checks)

    @property
    def exit_code(self) -> int:
        """0 all good, 1 something is bad, 3 something could not be measured."""
        return EXIT_CODES[self.outcome]

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "at": format_utc(self.at),
            "outcome": self.outcome,
            "machine": self.machine,
            "versions": self.versions,
            "checks": [check.to_json() for check in self.checks],
        }


def make_record(checks: Sequence[CheckRecord]) -> BenchRecord:
    return BenchRecord(datetime.now(UTC), machine(), versions(), tuple(checks))


def machine() -> dict[str, Any]:
    """What this machine is. `board` is the name a single-board computer gives itself, None elsewhere."""
    board = Path("/proc/device-tree/model")
    return {
        "name": platform.node(),
        "board": board.read_text(encoding="utf-8", errors="replace").strip("\0\n ") if board.is_file() else None,
        "processor": processor(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory_mib": psutil.virtual_memory().total // _MIB,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def processor() -> str | None:
    """The processor's name as the kernel gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():
        return platform.processor() or None
    rows = (line.partition(":") for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines())
    return next((value.strip() for name, _, value in rows if name.strip() in ("model name", "Model")), None)


def versions() -> dict[str, str]:
    """The installed parts that a measurement depends on."""
    found = {}
    for part in PARTS:
        try:
            found[part] = importlib.metadata.version(part)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def table(record: BenchRecord) -> Table:
    """Every measurement with its limit."""
    rows = Table("check", "measurement", box=None, pad_edge=False, header_style="bold")
    rows.add_column("value", justify="right")
    rows.add_column("unit")
    rows.add_column("limit")
    rows.add_column("outcome")
    for check in record.checks:
        title = check.title
        for row in check.measurements:
            rows.add_row(escape(title), row.name, shown(row), row.unit, str(row.limit or "—"), coloured(row.outcome))
            title = ""
    return rows


def shown(row: Measurement) -> str:
    """Three digits are enough to compare with a limit; counts stay whole."""
    if row.value is None:
        return "—"
    return f"{row.value:.0f}" if row.value == round(row.value) else f"{row.value:.2f}"


def coloured(outcome: Outcome) -> str:
    return f"[{COLOURS[outcome]}]{outcome}[/]"


def reasons(record: BenchRecord) -> list[str]:
    """One line for every check that is not good: what was wrong, or why it could not be measured."""
    lines = []
    for check in record.checks:
        if check.error is not None:
            lines.append(f"{check.title} could not be measured: {check.error['title']} {check.error['hint']}".strip())
            continue
        lines += [
            f"{check.title}: {row.name}: {row.detail}"
            for row in check.measurements
            if row.outcome != "PASS" and row.detail is not None
        ]
    return lines


def write(record: BenchRecord, path: Path) -> None:
    """Write the record as JSON, for everybody to read, whole or not at all.

    Raises: RecordUnwritable.
    """
    data = json.dumps(record.to_json(), ensure_ascii=False, indent=2) + "\n"
    try:
        write_whole(path, data.encode(), 0o644)
    except OSError as error:
        raise RecordUnwritable(f"The record cannot be written to {path}: {error.strerror}.") from error
