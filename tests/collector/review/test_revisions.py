"""One lease is one piece of work, however many submits come under it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from collector.review import queue
from collector.review.progress import progress
from collector.review.queue import Lease
from collector.review.revisions import FactsOutdated
from collector.review.submit import Submit, checked
from tests.collector.review.filled import Filled
from tests.support.databases import on_both
from tests.support.submitting import facts_of, save, submit_body
from wire.base import format_utc
from wire.labels import LabelsDocument

pytestmark = on_both

NOW = datetime(2027, 2, 3, 12, 0, tzinfo=UTC)


def leased(filled: Filled) -> tuple[str, Lease, LabelsDocument]:
    """Bea, the one task, which she has, and an answer to it without a label."""
    ids = filled.take("hold-up", "show", {"image": b"a jpeg"}, ["boxes"])
    filled.make(ids["take"])
    bea = filled.person("bea")
    (lease,) = filled.db.write_sync(lambda conn: queue.take_next(conn, bea, "page", [], ["boxes"], [0.5], NOW))
    document = LabelsDocument.model_validate(
        {"schema": 1, "capture": ids["image"], "source": {"kind": "person", "name": "bea"}, "labels": []}
    )
    return bea, lease, document


@pytest.mark.parametrize("at_once", [True, False])
def test_many_submits_under_one_lease_count_its_time_once(filled: Filled, at_once: bool) -> None:
    bea, lease, document = leased(filled)
    moments = [NOW + timedelta(seconds=12 + (0 if at_once else 3 * n)) for n in range(4)]
    bodies = [
        Submit(fence=lease.fence, submit=uuid4(), documents=[document], opened_at=NOW, activity=[]) for _ in moments
    ]

    for body, at in zip(bodies, moments, strict=True):
        assert isinstance(submit_body(filled.db, filled.blobs, lease.task, bea, "bea", body, at), str)
    counted = [row.active_ms for row in filled.rows("SELECT active_ms FROM revision ORDER BY number")]
    assert len(counted) == 4
    assert sum(counted) == (moments[-1] - NOW).total_seconds() * 1000
    shown = filled.db.read_sync(lambda conn: progress(conn, bea, moments[-1]))
    assert shown.done_today == 1 and shown.per_minute <= 1.0


def test_a_page_whose_clock_is_ahead_opened_no_task_after_its_submit(filled: Filled) -> None:
    bea, lease, document = leased(filled)
    at, ahead = NOW + timedelta(seconds=20), timedelta(hours=3)
    body = Submit(
        fence=lease.fence, submit=uuid4(), documents=[document], opened_at=NOW + ahead, first_input_at=at + ahead
    )
    submit_body(filled.db, filled.blobs, lease.task, bea, "bea", body, at)
    (row,) = filled.rows("SELECT * FROM revision")
    assert row.opened_at == row.first_input_at == format_utc(at)
    assert row.active_ms == 20_000


def test_what_was_checked_against_another_ground_truth_is_not_saved(filled: Filled) -> None:
    bea, lease, document = leased(filled)
    first, second = (
        Submit(fence=lease.fence, submit=uuid4(), documents=[document], opened_at=NOW, activity=[]) for _ in range(2)
    )
    fields = checked(facts_of(filled.db, lease.task), second, "bea", filled.blobs)
    submit_body(filled.db, filled.blobs, lease.task, bea, "bea", first, NOW)
    with pytest.raises(FactsOutdated):
        save(filled.db, lease.task, bea, second, fields, NOW)
    assert len(filled.rows("SELECT 1 FROM revision")) == 1
