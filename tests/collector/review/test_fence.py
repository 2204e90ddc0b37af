"""The fence as a machine: whatever people do, in whatever order, the model and the database agree.

Rules checked after every step: a write is accepted if and only if its fence is the newest of the task and the writer
was its holder; no revision is lost or changed; a refused write leaves its documents as a draft; fences only rise.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from collector.review import queue
from collector.review.progress import progress
from collector.review.queue import Lease, LeaseRefused
from tests.collector.review.filled import Filled
from tests.support.queue_desk import NOW, Desk, document_by

PEOPLE = st.sampled_from(["ann", "bob"])
PICK = st.integers(0, 50)


@dataclass
class Model:
    """What a task should be. `holder` is (person, client) of the newest lease."""

    fence: int = 0
    holder: tuple[str, str] | None = None
    state: str = "open"
    expires: datetime | None = None
    revisions: list[str] = field(default_factory=list)
    ended: set[int] = field(default_factory=set)


class FenceMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.filled = Filled(Path(self.folder.name) / "data")
        self.desk = Desk(self.filled, 3)
        self.now = NOW
        self.model = {row.id: Model() for row in self.filled.tasks()}
        self.ids = {"ann": self.desk.ann, "bob": self.desk.bob}
        self.given: list[tuple[str, Lease]] = []
        self.drafts = 0
        self.answers: dict[str, tuple[str, Lease, Any]] = {}

    def teardown(self) -> None:
        self.filled.db.close()
        self.folder.cleanup()

    def _good(self, who: str, lease: Lease) -> bool:
        task = self.model[lease.task]
        return task.fence == lease.fence and task.holder is not None and task.holder[0] == who

    def _leased(self, who: str, client: str, lease: Lease) -> None:
        task = self.model[lease.task]
        redelivered = task.holder == (who, client) and task.fence == lease.fence
        assert redelivered or lease.fence == task.fence + 1
        if not redelivered:
            free = task.state == "open" or (task.state == "leased" and task.expires and task.expires <= self.now)
            assert free and not task.revisions
        task.fence, task.holder, task.state = lease.fence, (who, client), "leased"
        task.expires = self.now + timedelta(minutes=10)
        self.given.append((who, lease))

    @rule(who=PEOPLE, client=st.sampled_from(["p1", "p2"]), count=st.integers(1, 3))
    def take(self, who: str, client: str, count: int) -> None:
        for task in self.model.values():
            if task.state == "leased" and task.revisions and task.expires and task.expires <= self.now:
                task.state = "done"
        leases = self.desk.next(self.ids[who], client, count=count, now=self.now)
        assert len({lease.task for lease in leases}) == len(leases)
        for lease in leases:
            self._leased(who, client, lease)

    @rule(minutes=st.sampled_from([1, 6, 11]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(pick=PICK)
    def submit(self, pick: int) -> None:
        if not self.given:
            return
        who, lease = self.given[pick % len(self.given)]
        uuid = f"submit-{len(self.answers)}-{len(self.given)}-{self.drafts}"
        self.drafts += 1
        good = self._good(who, lease)
        answer = self.desk.submit(self.ids[who], lease.task, lease.fence, uuid, self.now)
        assert isinstance(answer, dict) == good
        if good:
            task = self.model[lease.task]
            task.revisions.append(answer["revision"])
            task.state = "done"
            task.ended.add(lease.fence)
            self.answers[uuid] = (who, lease, answer)
        else:
            assert isinstance(answer, LeaseRefused) and answer.kept
            assert self._draft(who, lease) == [document_by(self.ids[who], uuid).to_json()]

    @rule(pick=PICK)
    def submit_again(self, pick: int) -> None:
        if not self.answers:
            return
        uuid = list(self.answers)[pick % len(self.answers)]
        who, lease, answer = self.answers[uuid]
        assert self.desk.submit(self.ids[who], lease.task, lease.fence, uuid, self.now) == answer

    @rule(pick=PICK, kind=st.sampled_from(["skipped", "returned"]))
    def end_lease(self, pick: int, kind: str) -> None:
        if not self.given:
            return
        who, lease = self.given[pick % len(self.given)]
        good = self._good(who, lease)
        answer = self.desk.end_lease(self.ids[who], lease, kind, self.now)
        assert (answer is None) == good
        task = self.model[lease.task]
        if good and task.state == "leased":
            task.state = "done" if task.revisions else {"skipped": "skipped", "returned": "open"}[kind]
            task.ended.add(lease.fence)

    @rule(pick=PICK)
    def draft(self, pick: int) -> None:
        if not self.given:
            return
        who, lease = self.given[pick % len(self.given)]
        good = self._good(who, lease)
        self.drafts += 1
        words = f"draft {self.drafts}"
        answer = self.desk.draft(self.ids[who], lease, words, self.now)
        assert (answer is None) == good
        if not good or lease.fence not in self.model[lease.task].ended:
            assert self._draft(who, lease) == [{"words": words}]

    @rule(pick=PICK)
    def renew(self, pick: int) -> None:
        if not self.given:
            return
        who, lease = self.given[pick % len(self.given)]
        good = self._good(who, lease)
        person = self.ids[who]
        answer = self.desk.write(lambda conn: queue.renew(conn, lease.task, person, lease.fence, self.now))
        assert isinstance(answer, Lease) == good
        task = self.model[lease.task]
        if good and lease.fence not in task.ended:
            task.state, task.expires = "leased", self.now + timedelta(minutes=10)

    @rule(pick=PICK, client=st.sampled_from(["p1", "p2"]))
    def back(self, pick: int, client: str) -> None:
        if not self.answers:
            return
        who, lease, _ = self.answers[list(self.answers)[pick % len(self.answers)]]
        task = self.model[lease.task]
        truth_by_other = task.revisions and not any(
            row[0] == who and row[2]["revision"] == task.revisions[-1] for row in self.answers.values()
        )
        active = task.state == "leased" and task.expires and task.expires > self.now
        if truth_by_other and not (active and task.holder and task.holder[0] == who):
            return
        answer = self.desk.reopen(self.ids[who], lease.task, client, now=self.now)
        if active and task.holder and task.holder[0] != who:
            assert isinstance(answer, LeaseRefused)
            return
        assert isinstance(answer, Lease) and answer.fence == task.fence + 1
        task.fence, task.holder, task.state = answer.fence, (who, client), "leased"
        task.expires = self.now + timedelta(minutes=10)
        self.given.append((who, answer))

    @invariant()
    def database_agrees(self) -> None:
        for row in self.filled.tasks():
            task = self.model[row.id]
            assert (row.fence, row.state) == (task.fence, task.state)
            assert row.revision_id == (task.revisions[-1] if task.revisions else None)
            kept = self.filled.rows("SELECT id FROM revision WHERE task_id = :t ORDER BY number", t=row.id)
            assert [line.id for line in kept] == task.revisions
        waiting = sum(not task.revisions and task.state in ("open", "leased") for task in self.model.values())
        counted = self.filled.db.read_sync(lambda conn: progress(conn, "nobody", self.now).open)
        assert counted == waiting

    def _draft(self, who: str, lease: Lease) -> Any:
        rows = self.filled.rows(
            "SELECT documents FROM draft WHERE task_id = :t AND person_id = :p AND fence = :f",
            t=lease.task,
            p=self.ids[who],
            f=lease.fence,
        )
        return json.loads(rows[0].documents) if rows else None


TestFence = FenceMachine.TestCase
TestFence.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
