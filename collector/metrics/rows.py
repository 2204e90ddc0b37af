"""Figures that are read when somebody asks: rows that are counters already, the first entries of indexes, the disk.

Nothing is counted from one end of a table to the other: what may be many is counted up to MAX_COUNTED.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psutil
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as MetricSource

from collector.store.clock import read_clocks
from collector.store.read_only import find_read_only
from collector.store.sql import Connection, text

MAX_COUNTED = 10_000  # this figure means: so many or more
_WAITING_TASKS = text("SELECT study, tasks FROM waiting ORDER BY study")
# By the index of tasks that are not leased, which says so.
_OLDEST_TASK = text("SELECT min(created_at) FROM task WHERE state = 'open' AND state <> 'leased'")
_JOBS = text(
    "SELECT count(*) FROM (SELECT 1 AS one FROM job WHERE kind = :kind AND state = :state LIMIT :most) AS found"
)
_OLDEST_JOB = text("SELECT min(not_before) FROM job WHERE kind = :kind AND state = 'waiting'")
_CAPTURES = text("SELECT count(*) FROM (SELECT 1 AS one FROM capture WHERE state = :state LIMIT :most) AS found")
_UPLOADS = text("SELECT count(*) FROM (SELECT 1 AS one FROM upload WHERE state = 'open' LIMIT :most) AS found")
_RUNS = text(
    "SELECT state, count(*) AS runs, sum(captures - done - failed - withheld) AS waiting"
    " FROM prelabel_run WHERE state IN ('running', 'paused') GROUP BY state"
)
_PROCESSES = text("SELECT count(*) FROM process")
JOB_STATES = ("waiting", "leased", "failed")
CAPTURE_STATES = ("received", "bad")
RUN_STATES = ("running", "paused")


@dataclass
class Readings:
    """What one look found."""

    tasks: Mapping[str, int] = field(default_factory=dict)
    task_age_seconds: float = 0.0
    jobs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    job_age_seconds: Mapping[str, float] = field(default_factory=dict)
    captures: Mapping[str, int] = field(default_factory=dict)
    uploads: int = 0
    runs: Mapping[str, int] = field(default_factory=dict)
    run_captures: Mapping[str, int] = field(default_factory=dict)
    processes: int = 0
    read_only: bool = False


def read_rows(conn: Connection, kinds: Sequence[str]) -> Readings:
    """`kinds`: of jobs."""
    now = read_clocks().wall

    def age(at: str | None) -> float:
        return 0.0 if at is None else max(0.0, (now - datetime.fromisoformat(at)).total_seconds())

    most = {"most": MAX_COUNTED}
    jobs = {
        (kind, state): conn.execute(_JOBS, {"kind": kind, "state": state, **most}).scalar_one()
        for kind in kinds
        for state in JOB_STATES
    }
    runs = {row.state: row for row in conn.execute(_RUNS)}
    return Readings(
        tasks={row.study: row.tasks for row in conn.execute(_WAITING_TASKS)},
        task_age_seconds=age(conn.execute(_OLDEST_TASK).scalar()),
        jobs=jobs,
        job_age_seconds={kind: age(conn.execute(_OLDEST_JOB, {"kind": kind}).scalar()) for kind in kinds},
        captures={state: conn.execute(_CAPTURES, {"state": state, **most}).scalar_one() for state in CAPTURE_STATES},
        uploads=conn.execute(_UPLOADS, most).scalar_one(),
        runs={state: runs[state].runs if state in runs else 0 for state in RUN_STATES},
        run_captures={state: int(runs[state].waiting) if state in runs else 0 for state in RUN_STATES},
        processes=conn.execute(_PROCESSES).scalar_one(),
        read_only=find_read_only(conn) is not None,
    )


class RowFigures(MetricSource):
    """The newest readings, and the disk as it is now, for the registry. `folders`: by what they are for."""

    def __init__(self, folders: Mapping[str, Path], log_file: Path) -> None:
        self._folders, self._log_file = folders, log_file
        self.readings = Readings()

    def disks(self) -> dict[str, tuple[int, int]]:
        """Bytes that are free, and bytes in all, of the file system of each folder that is there."""
        found = {}
        for name, folder in self._folders.items():
            try:
                usage = psutil.disk_usage(str(folder))
            except OSError:
                continue  # the folder is gone: `/api/ready` says so
            found[name] = (usage.free, usage.total)
        return found

    def log_bytes(self) -> int:
        """Of SQLite's write-ahead log; 0 where there is none."""
        return self._log_file.stat().st_size if self._log_file.exists() else 0

    def collect(self) -> Iterator[Metric]:
        found = self.readings
        yield _family("gleaner_tasks_waiting", "tasks that wait to be finished", ("study",), found.tasks)
        yield GaugeMetricFamily(
            "gleaner_oldest_task_seconds", "age of the oldest open task", value=found.task_age_seconds
        )
        yield _family(
            "gleaner_jobs", f"jobs, of each kind and state at most {MAX_COUNTED}", ("kind", "state"), found.jobs
        )
        yield _family(
            "gleaner_oldest_job_seconds", "the oldest waiting job is due for so long", ("kind",), found.job_age_seconds
        )
        yield _family("gleaner_captures", f"captures not opened, at most {MAX_COUNTED}", ("state",), found.captures)
        yield GaugeMetricFamily(
            "gleaner_uploads_open", f"uploads under way, at most {MAX_COUNTED}", value=found.uploads
        )
        yield _family("gleaner_prelabel_runs", "runs of models that have not ended", ("state",), found.runs)
        yield _family(
            "gleaner_prelabel_captures_waiting", "captures that these runs have to do", ("state",), found.run_captures
        )
        yield GaugeMetricFamily("gleaner_processes", "collectors at work on this database", value=found.processes)
        yield GaugeMetricFamily(
            "gleaner_read_only", "1: the data moves to another place, and nothing is changed", value=found.read_only
        )
        disks = self.disks()
        free = {name: usage[0] for name, usage in disks.items()}
        total = {name: usage[1] for name, usage in disks.items()}
        yield _family("gleaner_disk_free_bytes", "free space where this folder is", ("folder",), free)
        yield _family("gleaner_disk_bytes", "size of the file system where this folder is", ("folder",), total)
        yield GaugeMetricFamily(
            "gleaner_database_log_bytes", "size of the database's write-ahead log", value=self.log_bytes()
        )


def _family(
    name: str, meaning: str, labels: tuple[str, ...], values: Mapping[str, float] | Mapping[tuple[str, str], int]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for key, value in values.items():
        family.add_metric([key] if isinstance(key, str) else list(key), value)
    return family
