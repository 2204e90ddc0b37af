"""What a person submits, taken through the steps of a submit at a chosen time, without the service."""

from __future__ import annotations

from datetime import datetime

from collector.review.progress import progress
from collector.review.queue import LeaseRefused
from collector.review.revisions import RevisionFields, submit
from collector.review.submit import Submit, SubmitFacts, checked, submit_facts
from collector.review.task_detail import task_detail
from collector.store.blobs import BlobStore
from collector.store.database import Database


def facts_of(db: Database, task: str) -> SubmitFacts:
    """What a submit of this task is checked against now."""
    return db.read_sync(lambda conn: submit_facts(conn, task_detail(conn, task)))


def submit_body(
    db: Database, blobs: BlobStore, task: str, person: str, name: str, body: Submit, now: datetime
) -> str | LeaseRefused:
    """Check it and save it; returns the answer. Raises what `revisions.submit` and `checked` raise."""
    return save(db, task, person, body, checked(facts_of(db, task), body, name, blobs), now)


def save(
    db: Database, task: str, person: str, body: Submit, fields: RevisionFields, now: datetime
) -> str | LeaseRefused:
    """Save what was checked already."""
    return db.write_sync(
        lambda conn: submit(
            conn, task, person, body.fence, str(body.submit), fields, lambda inner: progress(inner, person, now), now
        )
    )
