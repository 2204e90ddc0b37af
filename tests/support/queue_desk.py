"""The queue's verbs on one data folder, at a chosen time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from collector.review import queue, revisions
from collector.review.progress import progress
from collector.review.queue import Lease
from collector.review.revisions import RevisionFields
from collector.review.task_detail import task_detail
from collector.store.sql import Connection
from tests.collector.review.filled import Filled
from wire.labels import LabelsDocument

T = TypeVar("T")
TYPES: Any = ["boxes", "tracks", "speech", "text"]
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=11)


def document_by(who: str, uuid: str) -> LabelsDocument:
    """Labels that tell who sent them, and with which submit."""
    source = {"kind": "person", "name": f"{who} {uuid}"}
    return LabelsDocument.model_validate({"schema": 1, "capture": "cap-1", "source": source, "labels": []})


class Desk:
    """The queue's verbs on one data folder, with a chosen time."""

    def __init__(self, filled: Filled, tasks: int) -> None:
        self.filled = filled
        self.ann, self.bob, self.lead = filled.person("ann"), filled.person("bob"), filled.person("lea", "lead")
        for number in range(tasks):
            ids = filled.take(f"step-{number}", "answer", {"text": b"yes"}, ["text"])
            filled.make(ids["take"])
        # The coin of the random share is tossed at creation; most tests want one lane.
        filled.execute("UPDATE task SET reason_kind = 'age', probability = 0.9")

    def write(self, fn: Callable[[Connection], T]) -> T:
        return self.filled.db.write_sync(fn)

    def next(
        self, who: str, client: str = "page", have: list[str] | None = None, count: int = 1, now: datetime = NOW
    ) -> list[Lease]:
        draws = [0.5] * count
        return self.write(lambda conn: queue.take_next(conn, who, client, have or [], TYPES, draws, now))

    def submit(self, who: str, task: str, fence: int, uuid: str, now: datetime = NOW) -> Any:
        documents = [document_by(who, uuid)]

        def submit(conn: Connection) -> Any:
            fields = RevisionFields(task_detail(conn, task), documents, {}, now)
            return revisions.submit(conn, task, who, fence, uuid, fields, lambda inner: progress(inner, who, now), now)

        reply = self.write(submit)
        return json.loads(reply) if isinstance(reply, str) else reply

    def end_lease(self, who: str, lease: Lease, kind: Any, now: datetime = NOW) -> Any:
        return self.write(lambda conn: queue.end_lease(conn, lease.task, who, lease.fence, kind, "why", now))

    def draft(self, who: str, lease: Lease, words: str, now: datetime = NOW) -> Any:
        body = [{"words": words}]
        return self.write(lambda conn: revisions.save_draft(conn, lease.task, who, lease.fence, body, now))

    def reopen(self, who: str, task: str, client: str = "page", is_lead: bool = False, now: datetime = NOW) -> Any:
        return self.write(lambda conn: queue.reopen(conn, task, who, client, is_lead, now))

    def drafts(self) -> list[tuple[str, int, str]]:
        return [(r.documents, r.fence, r.why) for r in self.filled.rows("SELECT * FROM draft ORDER BY saved_at, fence")]

    def state(self, task: str) -> str:
        return str(self.filled.tasks(id=task)[0].state)
