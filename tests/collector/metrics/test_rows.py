"""What is read from rows and the disk when somebody asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.jobs.queue import enqueue_all
from collector.metrics import rows
from collector.metrics.instruments import Instruments
from collector.metrics.rows import RowFigures, read_rows
from tests.collector.metrics.samples import samples
from tests.collector.review.filled import Filled
from tests.support.databases import engine_of_run


def figures(filled: Filled) -> dict[str, float]:
    made = Instruments()
    source = RowFigures({"data": filled.folder, "gone": filled.folder / "none"}, filled.folder / "collector.db-wal")
    made.registry.register(source)
    source.readings = filled.db.read_sync(lambda conn: read_rows(conn, ["open", "derive"]))
    return samples(made)


def test_the_queue_the_jobs_and_the_disk(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_COUNTED", 3)
    for step in ("a", "b"):
        filled.make(filled.take(step, "answer", {"text": b"yes"}, ["text"])["take"])
    filled.execute("UPDATE task SET created_at = '2026-01-01T00:00:00.000000Z' WHERE id = :id", id=filled.tasks()[0].id)
    filled.execute(
        "INSERT INTO process (id, folder, name, beats, started_at, seen_at) VALUES ('p', 'f', 'n', 0, '2026', '2026')"
    )
    filled.db.write_sync(lambda conn: enqueue_all(conn, "open", {f"cap-{n}": {} for n in range(5)}))
    filled.execute("UPDATE job SET state = 'failed' WHERE key = 'cap-0'")
    filled.execute("UPDATE job SET not_before = '2026-01-01T00:00:00.000000Z' WHERE key = 'cap-1'")
    for run, state, captures in (("a", "running", 9), ("b", "running", 5), ("c", "paused", 4), ("d", "done", 7)):
        filled.execute(
            "INSERT INTO prelabel_run (id, model, source, asked, captures, created_at, state, done, failed, withheld)"
            " VALUES (:run, 'm', '{}', '{}', :captures, '2026', :state, 2, 1, 1)",
            run=run, state=state, captures=captures,
        )  # fmt: skip
    found = figures(filled)
    assert found["gleaner_prelabel_runs state=running"] == 2 and found["gleaner_prelabel_runs state=paused"] == 1
    assert found["gleaner_prelabel_captures_waiting state=running"] == 5 + 1
    assert found["gleaner_prelabel_captures_waiting state=paused"] == 0
    assert found["gleaner_tasks_waiting study=kitchen"] == 2
    assert found["gleaner_oldest_task_seconds"] > 86_400 and found["gleaner_oldest_job_seconds kind=open"] > 86_400
    assert found["gleaner_jobs kind=open state=waiting"] == 3, "no more than the limit is counted"
    assert found["gleaner_jobs kind=open state=failed"] == 1 and found["gleaner_jobs kind=derive state=waiting"] == 0
    assert found["gleaner_oldest_job_seconds kind=derive"] == 0 and found["gleaner_processes"] == 1
    assert 0 < found["gleaner_disk_free_bytes folder=data"] < found["gleaner_disk_bytes folder=data"]
    assert "gleaner_disk_bytes folder=gone" not in found
    assert (found["gleaner_database_log_bytes"] > 0) == (engine_of_run() == "sqlite")


def test_an_empty_service_has_every_figure(tmp_path: Path) -> None:
    filled = Filled(tmp_path)
    found = figures(filled)
    filled.db.close()
    assert found["gleaner_prelabel_runs state=paused"] == 0
    assert found["gleaner_oldest_task_seconds"] == 0 and found["gleaner_uploads_open"] == 0
