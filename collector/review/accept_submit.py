"""A submit from its body to its answer: checked against what was shown, saved, and answered with the next tasks.

Short ones do without threads (`quick`): they are most of what a busy collector does.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import NamedTuple

from fastapi import Response

from collector.people.policy import Person
from collector.review import queue, revisions
from collector.review.next_tasks import Taken, next_task_queries, read_taken, shown_body, take_along
from collector.review.progress import Progress, progress
from collector.review.queue import LeaseRefused
from collector.review.revisions import FactsOutdated, RevisionFields
from collector.review.shown_tasks import ShownTasks
from collector.review.submit import Submit, SubmitFacts, checked, facts_at_hand, is_quickly_checked, submit_facts
from collector.review.task_consent import check_task
from collector.review.task_detail import TaskDetail, task_detail
from collector.store.blobs import BlobStore
from collector.store.database import Database
from collector.store.sql import Connection
from collector.studies.scope import scope_of
from wire.errors import GleanerError


class Saved(NamedTuple):
    """The answer so far, as JSON text; what was leased with it, None where nothing was asked for or can be leased."""

    reply: str
    taken: Taken | None


class Submission:
    """One submit of one person."""

    def __init__(self, task: str, body: Submit, person: Person, now: datetime) -> None:
        self._task, self._body, self._person, self._now = task, body, person, now
        self._scope = scope_of(person)

    async def accept(self, db: Database, blobs: BlobStore, shown: ShownTasks) -> Saved | LeaseRefused:
        """Make the revision, or save the documents of one that came too late as a draft.

        Raises:
            NoSuchTask, SubmitReused, ConsentEnded, TaskNotYours, LabelsRefused, BlobMissing.
        """
        detail = shown.find(self._task, self._body.fence)
        while True:
            facts = facts_at_hand(detail)
            if facts is None:
                facts = await db.read(partial(self._facts, detail=detail), quick=True)
            quick = is_quickly_checked(facts, self._body.documents)
            try:
                if quick:
                    fields = checked(facts, self._body, self._person.name, blobs)
                else:
                    fields = await asyncio.to_thread(checked, facts, self._body, self._person.name, blobs)
            except GleanerError:
                # Labels of a submit that came too late, or comes again, need not be good.
                before = await db.write(self._without_revision)
                if before is None:
                    raise
                return before
            try:
                saved = await db.write(partial(self._save, fields=fields), quick=quick, along=self._read_along)
            except FactsOutdated:
                detail = None  # another submit of this lease was first: this one is compared with it
                continue
            shown.drop(self._task, self._body.fence)
            return saved

    def _facts(self, conn: Connection, detail: TaskDetail | None) -> SubmitFacts:
        queue.check_in_scope(conn, self._task, self._scope)
        return submit_facts(conn, detail or task_detail(conn, self._task))

    def _save(self, conn: Connection, fields: RevisionFields) -> Saved | LeaseRefused:
        counted: list[Progress] = []

        def count(conn: Connection) -> Progress:
            then = next_task_queries(self._body.next, self._person, self._now)
            counted.append(progress(conn, self._person.id, self._now, self._scope, then))
            return counted[-1]

        body = self._body
        queue.check_in_scope(conn, self._task, self._scope)
        reply = revisions.submit(
            conn, self._task, self._person.id, body.fence, str(body.submit), fields, count, self._now
        )
        if isinstance(reply, LeaseRefused):
            return reply
        done = counted[-1] if counted else None
        return Saved(reply, take_along(conn, body.next, self._person, self._now, done))

    def _read_along(self, conn: Connection, saved: Saved | LeaseRefused) -> Saved | LeaseRefused:
        if isinstance(saved, LeaseRefused) or saved.taken is None:
            return saved
        return saved._replace(taken=read_taken(conn, saved.taken, self._person))

    def _without_revision(self, conn: Connection) -> Saved | LeaseRefused | None:
        """What a submit is answered whose labels are refused: the answer it got before, or that it came too late."""
        body, person = self._body, self._person.id
        queue.check_in_scope(conn, self._task, self._scope)
        before = revisions.answered_before(conn, self._task, person, str(body.submit))
        if before is not None:
            return Saved(before, take_along(conn, body.next, self._person, self._now))
        check_task(conn, self._task, self._now)
        sent = [document.to_json() for document in body.documents]
        return revisions.lost_submit(conn, self._task, person, body.fence, sent, self._now)


async def answered(saved: Saved, db: Database, shown: ShownTasks, person: Person) -> Response:
    """The answer to a submit, which is the same each time, with the tasks that were taken along."""
    body = saved.reply
    if saved.taken is not None:
        body = f'{body[:-1]},"next":{await shown_body(saved.taken, db, shown, person)}}}'
    return Response(body, media_type="application/json")
