"""`gleaner.tasks`: the queue as a page uses it, and what people made of each task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from collector.client.connection import HttpCalls, quoted
from collector.review.codes import ReopenCode, SkipCode
from collector.review.history import TaskHistory
from collector.review.next_tasks import NextReply, NextRequest
from collector.review.routes import (
    DraftReply,
    DraftRequest,
    Drafts,
    FenceRequest,
    Now,
    RenewReply,
    ReopenRequest,
    Revisions,
    RoundReply,
    SkipRequest,
    SubmitReply,
)
from collector.review.set_aside import PersonDraft, SetAside
from collector.review.submit import Submit
from collector.review.views import RevisionView, TaskRow, TaskRows, TaskView
from wire.base import new_id
from wire.labels import LabelsDocument
from wire.tasks import TaskState, TaskType


class TaskRequests:
    """Tasks. `client` names this program to the queue, as a page has a name: what it holds comes to it again.

    A write names the fence of the task's lease (`task.lease.fence`). When somebody else holds the task by now it is
    refused with the code `lease-lost`; what was sent is then kept as a draft.
    """

    def __init__(self, calls: HttpCalls) -> None:
        self._calls = calls
        self.client = new_id("program")

    # ---------------------------------------------------------------- working
    def next(
        self, *, count: int = 1, types: Sequence[TaskType] | None = None, have: Sequence[str] = ()
    ) -> Sequence[TaskView]:
        """Lease the next tasks, at most `count` (1 to 5); fewer, or none, where there are no more.

        Args:
            types: of these alone; None: of every type.
            have: ids of tasks that are in hand already. Others that this client holds come first, so a lost answer
                loses none.
        """
        asked = NextRequest(
            client=self.client, have=list(have), count=count, types=None if types is None else list(types)
        )
        return self._calls.call(NextReply, "POST", "/api/tasks/next", asked, repeatable=True).tasks

    def renew(self, task: TaskView) -> RenewReply:
        """Hold the task for another while."""
        return self._calls.call(
            RenewReply, "POST", f"/api/tasks/{quoted(task.id)}/renew", _fence(task), repeatable=True
        )

    def submit(
        self,
        task: TaskView,
        documents: Sequence[LabelsDocument],
        *,
        opened_at: datetime | None = None,
        first_input_at: datetime | None = None,
        submit: UUID | None = None,
    ) -> SubmitReply:
        """Finish the task with these labels, one document for each capture whose `role` is "labelled".

        Sent again after a lost answer it is answered as the first time: one call makes one revision. The answer has
        what changed against the pre-labels (`diff`, per capture).

        Args:
            opened_at, first_input_at: when work on it began, aware times; None: now, and never.
            submit: the identity of this submit, for a program that makes the same call again after it was killed.

        Raises:
            CollectorRefused: `lease-lost`, `labels-refused` where a document does not fit the task, and others.
        """
        body = Submit(
            fence=_fence(task).fence,
            submit=submit or uuid4(),
            documents=list(documents),
            opened_at=opened_at or datetime.now(UTC),
            first_input_at=first_input_at,
            instructions=task.instructions.sha256,
        )
        return self._calls.call(SubmitReply, "POST", f"/api/tasks/{quoted(task.id)}/submit", body, repeatable=True)

    def save_draft(self, task: TaskView, documents: Sequence[LabelsDocument]) -> DraftReply:
        """Unfinished work; it is in `task.draft` when this person gets the task again."""
        body = DraftRequest(fence=_fence(task).fence, documents=list(documents))
        return self._calls.call(DraftReply, "PUT", f"/api/tasks/{quoted(task.id)}/draft", body)

    def skip(self, task: TaskView, reason: str, code: SkipCode | None = None) -> None:
        """Put it aside for a lead, with the reason."""
        body = SkipRequest(fence=_fence(task).fence, reason=reason, code=code)
        self._calls.call(Now, "POST", f"/api/tasks/{quoted(task.id)}/skip", body)

    def give_back(self, task: TaskView) -> None:
        """Return it to the queue: the next person gets it."""
        self._calls.call(Now, "POST", f"/api/tasks/{quoted(task.id)}/return", _fence(task))

    def reopen(self, task: str, why: ReopenCode | None = None) -> TaskView:
        """Take a finished or skipped task in hand again; leads can with everybody's."""
        return self._calls.call(
            TaskView, "POST", f"/api/tasks/{quoted(task)}/reopen", ReopenRequest(client=self.client, why=why)
        )

    # ---------------------------------------------------------------- reading
    def list(
        self,
        *,
        state: TaskState | None = None,
        type: TaskType | None = None,
        study: str | None = None,
        limit: int | None = None,
    ) -> Iterator[TaskRow]:
        """For leads: tasks, the newest first; pages are asked for while they are read."""
        return self._calls.pages(TaskRows, "/api/tasks", "tasks", limit, state=state, type=type, study=study)

    def get(self, task: str) -> TaskView:
        """A task with its captures, pre-labels and, for leads or its own person, its newest revision."""
        return self._calls.get(TaskView, f"/api/tasks/{quoted(task)}")

    def revisions(self, task: str) -> Sequence[RevisionView]:
        """What people submitted, the first one first; for annotators their own."""
        return self._calls.get(Revisions, f"/api/tasks/{quoted(task)}/revisions").revisions

    def history(self, task: str) -> TaskHistory:
        """For leads: its leases, its reasons in the queue, what became of its pre-labels."""
        return self._calls.get(TaskHistory, f"/api/tasks/{quoted(task)}/history")

    def drafts(self, task: str) -> Sequence[PersonDraft]:
        """For leads: everybody's unfinished work on it."""
        return self._calls.get(Drafts, f"/api/tasks/{quoted(task)}/drafts").drafts

    def set_aside(self) -> SetAside:
        """For leads: skipped tasks with their reasons, and work that came too late."""
        return self._calls.get(SetAside, "/api/set-aside")

    def add_round(self, task: str) -> RoundReply:
        """For leads: a further, independent answer to a finished task, by somebody who was given none of its rounds."""
        return self._calls.call(RoundReply, "POST", f"/api/tasks/{quoted(task)}/again")


def _fence(task: TaskView) -> FenceRequest:
    if task.lease is None:
        raise ValueError(f"The task {task.id} is not held: get it with next() or reopen().")
    return FenceRequest(fence=task.lease.fence)
