"""Jobs that were given up: listed page by page, and tried again. On both databases."""

from __future__ import annotations

import pytest

from collector.installation.failed_jobs import (
    AgainAsked,
    FailedJob,
    JobUnknown,
    count_failed_jobs,
    list_failed_jobs,
    try_again,
)
from collector.jobs.queue import enqueue, lease, retry_or_fail
from tests.collector.review.filled import Filled

pytestmark = pytest.mark.both_databases


def fail(filled: Filled, kind: str, key: str) -> None:
    """As the runner does it, five times."""

    def give_up(conn: object) -> None:
        enqueue(conn, kind, key, {"of": "before"})  # type: ignore[arg-type]
        for _ in range(5):
            job = lease(conn, [kind], False, "p")  # type: ignore[arg-type]
            assert job is not None
            retry_or_fail(conn, lambda *_: None, job, f"{key} is broken.", False)  # type: ignore[arg-type]
            conn.execute("UPDATE job SET not_before = '2000' WHERE state = 'waiting'")  # type: ignore[attr-defined]

    filled.db.write_sync(give_up)


def listed(filled: Filled, limit: int = 50) -> list[FailedJob]:
    page = filled.db.read_sync(lambda conn: list_failed_jobs(conn, limit, 2**53 - 1))
    rows = list(page.jobs)
    while page.next is not None:
        before = page.next
        page = filled.db.read_sync(lambda conn, before=before: list_failed_jobs(conn, limit, before))
        rows += page.jobs
    return rows


def test_they_are_listed_with_why_and_when_and_tried_again(filled: Filled) -> None:
    for kind, key in (("open", "cap-1"), ("open", "cap-2"), ("derive", "cap-3")):
        fail(filled, kind, key)
    rows = listed(filled)
    assert [(row.kind, row.key) for row in rows] == [("derive", "cap-3"), ("open", "cap-2"), ("open", "cap-1")]
    assert rows[0].error == "cap-3 is broken." and rows[0].attempts == 5 and rows[0].failed_at is not None
    assert listed(filled, 1) == rows
    assert filled.db.read_sync(count_failed_jobs) == {"open": 2, "derive": 1}
    assert filled.db.write_sync(lambda conn: try_again(conn, AgainAsked(kind="open", key="cap-2"))).started == 1
    assert [row.key for row in listed(filled)] == ["cap-3", "cap-1"]
    (again,) = filled.rows("SELECT state, attempts, error, payload FROM job WHERE key = 'cap-2'")
    assert (again.state, again.attempts, again.error, again.payload) == ("waiting", 0, None, '{"of": "before"}')
    assert filled.db.write_sync(lambda conn: try_again(conn, AgainAsked(kind="open"))).started == 1
    for asked in (AgainAsked(kind="open"), AgainAsked(kind="derive", key="cap-1"), AgainAsked(kind="nothing")):
        with pytest.raises(JobUnknown):
            filled.db.write_sync(lambda conn, asked=asked: try_again(conn, asked))


def test_a_capture_whose_opening_is_tried_again_is_not_bad_meanwhile(filled: Filled) -> None:
    ids = filled.take("greet", "show", {"image": b"i", "audio": b"a"}, ["boxes"])
    for medium, reason in (("image", "given-up"), ("audio", "unreadable")):
        mark = "UPDATE capture SET state = 'bad', bad_reason = :reason, problem = 'It is cut.' WHERE id = :id"
        filled.execute(mark, id=ids[medium], reason=reason)
    fail(filled, "open", ids["image"])
    filled.db.write_sync(lambda conn: try_again(conn, AgainAsked(kind="open")))
    states = {row.id: (row.state, row.bad_reason) for row in filled.rows("SELECT id, state, bad_reason FROM capture")}
    assert states == {ids["image"]: ("received", None), ids["audio"]: ("bad", "unreadable")}
