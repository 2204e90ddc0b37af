"""Leases, fences, revisions and drafts on a real database."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest

from collector.review import queue
from collector.review.problems import LeaseLost, NoSuchTask, SubmitReused, TaskNotYours, TooManyLeases
from collector.review.queue import Lease, LeaseRefused
from tests.collector.review.filled import Filled
from tests.support.databases import on_both
from tests.support.queue_desk import LATER, NOW, TYPES, Desk

pytestmark = on_both


@pytest.fixture
def desk(filled: Filled) -> Desk:
    return Desk(filled, 4)


def test_nobody_gets_what_somebody_holds(desk: Desk) -> None:
    mine, theirs = desk.next(desk.ann, count=3), desk.next(desk.bob, count=3)
    assert len(mine) == 3 and len(theirs) == 1
    assert not {lease.task for lease in mine} & {lease.task for lease in theirs}
    assert desk.next(desk.bob, "other") == []
    assert {lease.fence for lease in mine} == {1}


def test_a_lost_reply_leaks_nothing(desk: Desk) -> None:
    first = desk.next(desk.ann, count=2)
    again = desk.next(desk.ann, count=2)
    assert [(lease.task, lease.fence) for lease in again] == [(lease.task, lease.fence) for lease in first]
    more = desk.next(desk.ann, have=[first[0].task], count=2)
    assert more[0].task == first[1].task and more[1].task not in {lease.task for lease in first}


def test_the_oldest_first_when_nothing_else_counts(desk: Desk) -> None:
    order = [lease.task for lease in desk.next(desk.ann, count=4)]
    assert order == [row.id for row in desk.filled.tasks()]


def test_the_random_share_has_its_own_lane(desk: Desk) -> None:
    last = desk.filled.tasks()[-1].id
    desk.filled.execute("UPDATE task SET reason_kind = 'random' WHERE id = :id", id=last)
    (drawn,) = desk.write(lambda conn: queue.take_next(conn, desk.ann, "page", [], TYPES, [0.05], NOW))
    assert drawn.task == last
    desk.filled.execute("UPDATE task SET state = 'open' WHERE id = :id", id=last)
    others = desk.write(lambda conn: queue.take_next(conn, desk.bob, "page", [], TYPES, [0.5] * 4, NOW))
    assert others[-1].task == last and len(others) == 4


def test_only_the_types_asked_for(desk: Desk) -> None:
    assert desk.write(lambda conn: queue.take_next(conn, desk.ann, "page", [], ["boxes"], [0.5], NOW)) == []


def test_an_expired_lease_goes_to_somebody_else_and_the_late_writer_keeps_a_draft(desk: Desk) -> None:
    mine = desk.next(desk.ann, count=4)[0]
    theirs = desk.next(desk.bob, now=LATER)[0]
    assert (theirs.task, theirs.fence) == (mine.task, mine.fence + 1)
    lost = desk.submit(desk.ann, mine.task, mine.fence, str(uuid4()), LATER)
    assert isinstance(lost, LeaseRefused) and lost.kept
    problem = lost.error().problem()
    assert (problem["code"], problem["status"]) == ("lease-lost", 409)
    assert problem["task"] == {"id": mine.task, "state": "leased", "holder": "bob"}
    assert [row[2] for row in desk.drafts()] == ["lease-lost"]
    assert isinstance(desk.submit(desk.bob, theirs.task, theirs.fence, str(uuid4()), LATER), dict)
    assert desk.filled.rows("SELECT count(*) AS n FROM revision")[0].n == 1


def test_a_late_write_is_accepted_while_nobody_took_the_task(desk: Desk) -> None:
    lease = desk.next(desk.ann)[0]
    assert isinstance(desk.submit(desk.ann, lease.task, lease.fence, str(uuid4()), LATER), dict)
    assert desk.state(lease.task) == "done"


def test_the_person_with_the_draft_comes_back_first(desk: Desk) -> None:
    mine = desk.next(desk.ann, "old-page")[0]
    desk.next(desk.bob, count=1)
    desk.draft(desk.ann, mine, "half")
    back = desk.next(desk.ann, "new-page", now=LATER)[0]
    assert (back.task, back.fence) == (mine.task, mine.fence + 1)


def test_the_same_submit_again_gets_the_same_answer(desk: Desk) -> None:
    lease, uuid = desk.next(desk.ann)[0], str(uuid4())
    first = desk.submit(desk.ann, lease.task, lease.fence, uuid)
    assert desk.submit(desk.ann, lease.task, lease.fence, uuid, LATER) == first
    other = desk.next(desk.ann)[0]
    with pytest.raises(SubmitReused):
        desk.submit(desk.ann, other.task, other.fence, uuid)
    assert desk.filled.rows("SELECT count(*) AS n FROM revision")[0].n == 1


def test_back_makes_a_second_revision_and_keeps_the_first(desk: Desk) -> None:
    lease = desk.next(desk.ann)[0]
    first = desk.submit(desk.ann, lease.task, lease.fence, str(uuid4()))
    again = desk.reopen(desk.ann, lease.task)
    assert again.fence == lease.fence + 1
    assert desk.filled.tasks(id=lease.task)[0].revision_id == first["revision"]
    second = desk.submit(desk.ann, lease.task, again.fence, str(uuid4()))
    rows = desk.filled.rows("SELECT id, number FROM revision ORDER BY number")
    assert [(row.id, row.number) for row in rows] == [(first["revision"], 1), (second["revision"], 2)]
    assert desk.filled.tasks(id=lease.task)[0].revision_id == second["revision"]


def test_who_may_reopen(desk: Desk) -> None:
    lease = desk.next(desk.ann)[0]
    desk.submit(desk.ann, lease.task, lease.fence, str(uuid4()))
    with pytest.raises(TaskNotYours):
        desk.reopen(desk.bob, lease.task)
    assert isinstance(desk.reopen(desk.lead, lease.task, is_lead=True), Lease)
    assert isinstance(desk.reopen(desk.ann, lease.task), LeaseRefused)  # the lead is at work on it
    corrected = desk.reopen(desk.lead, lease.task, is_lead=True)
    desk.submit(desk.lead, lease.task, corrected.fence, str(uuid4()))
    with pytest.raises(TaskNotYours, match="corrected"):
        desk.reopen(desk.ann, lease.task)
    with pytest.raises(NoSuchTask):
        desk.reopen(desk.lead, "task-none", is_lead=True)


def test_a_reopened_task_never_loses_its_ground_truth(desk: Desk) -> None:
    lease = desk.next(desk.ann)[0]
    reply = desk.submit(desk.ann, lease.task, lease.fence, str(uuid4()))
    for end in ("skipped", "returned"):
        again = desk.reopen(desk.ann, lease.task)
        assert desk.end_lease(desk.ann, again, end) is None
        assert desk.state(lease.task) == "done"
    again = desk.reopen(desk.ann, lease.task)
    assert lease.task not in {row.task for row in desk.next(desk.bob, count=5, now=LATER)}
    assert desk.state(lease.task) == "done"  # settled, because the lease ran out
    assert desk.draft(desk.ann, again, "still at it", LATER) is None
    assert len(desk.drafts()) == 1
    renewed = desk.write(lambda conn: queue.renew(conn, lease.task, desk.ann, again.fence, LATER))
    assert isinstance(renewed, Lease) and desk.state(lease.task) == "leased"
    assert desk.filled.tasks(id=lease.task)[0].revision_id == reply["revision"]


def test_return_and_skip(desk: Desk) -> None:
    first = desk.next(desk.ann)[0]
    desk.end_lease(desk.ann, first, "returned")
    assert desk.state(first.task) == "open"
    second = desk.next(desk.ann)[0]
    assert second.task != first.task  # not straight back to the one who returned it
    assert desk.next(desk.bob)[0].task == first.task
    desk.end_lease(desk.ann, second, "skipped")
    assert desk.state(second.task) == "skipped"
    rest = desk.next(desk.ann, count=5)
    assert second.task not in {lease.task for lease in rest} and len(rest) == 2
    assert isinstance(desk.reopen(desk.ann, second.task), Lease)


def test_a_return_can_be_taken_back_until_somebody_else_has_it(desk: Desk) -> None:
    kept, lost = desk.next(desk.ann, count=2)
    for lease in (kept, lost):
        desk.end_lease(desk.ann, lease, "returned")
    with pytest.raises(TaskNotYours):
        desk.reopen(desk.bob, kept.task)
    again = desk.reopen(desk.ann, kept.task)
    assert isinstance(again, Lease) and again.fence == kept.fence + 1
    taken = next(lease for lease in desk.next(desk.bob, count=5) if lease.task == lost.task)
    assert isinstance(desk.reopen(desk.ann, lost.task), LeaseRefused)
    desk.end_lease(desk.bob, taken, "returned")
    with pytest.raises(TaskNotYours, match="somebody else has taken it"):
        desk.reopen(desk.ann, lost.task)


def test_the_last_task_comes_back_to_who_returned_it(desk: Desk) -> None:
    leases = desk.next(desk.ann, count=4)
    desk.end_lease(desk.ann, leases[0], "returned")
    assert desk.next(desk.ann, have=[lease.task for lease in leases])[0].task == leases[0].task


def test_renewing_holds_a_task_and_a_stranger_cannot(desk: Desk) -> None:
    lease = desk.next(desk.ann, count=4)[0]
    soon = NOW + timedelta(minutes=9)
    renewed = desk.write(lambda conn: queue.renew(conn, lease.task, desk.ann, lease.fence, soon))
    assert isinstance(renewed, Lease) and renewed.expires_at > lease.expires_at
    assert lease.task not in {row.task for row in desk.next(desk.bob, count=4, now=LATER)}
    with pytest.raises(TaskNotYours):
        desk.write(lambda conn: queue.renew(conn, lease.task, desk.bob, lease.fence, soon))
    desk.end_lease(desk.ann, lease, "returned", soon)
    assert lease.task in {row.task for row in desk.next(desk.bob, have=[], count=4, now=soon)}
    lost = desk.write(lambda conn: queue.renew(conn, lease.task, desk.ann, lease.fence, soon))
    assert isinstance(lost, LeaseRefused) and not lost.kept
    with pytest.raises(LeaseLost):
        raise lost.error()


def test_a_draft_needs_a_lease_that_there_was(desk: Desk) -> None:
    mine = desk.next(desk.ann, count=4)[0]
    for fence in (0, mine.fence, 7):
        with pytest.raises(TaskNotYours):
            desk.draft(desk.bob, Lease(mine.task, fence, ""), "never given to bob")
        with pytest.raises(TaskNotYours):
            desk.submit(desk.bob, mine.task, fence, str(uuid4()))
    for fence in (0, 2, 99):
        lost = desk.draft(desk.ann, Lease(mine.task, fence, ""), "no such lease")
        assert isinstance(lost, LeaseRefused) and not lost.kept
    assert desk.drafts() == []


def test_a_person_holds_so_many_tasks_on_all_pages_together(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MAX_LEASES", 3)
    first = desk.next(desk.ann, "p1", count=2)
    second = desk.next(desk.ann, "p2", count=2)
    assert (len(first), len(second)) == (2, 1)
    assert desk.next(desk.ann, "p1", count=2) == first  # a lost reply is answered again
    assert desk.next(desk.ann, "p2", have=[second[0].task], count=2) == []
    with pytest.raises(TooManyLeases):
        desk.next(desk.ann, "p3")
    (theirs,) = desk.next(desk.bob, "p3")
    desk.submit(desk.bob, theirs.task, theirs.fence, str(uuid4()))
    desk.submit(desk.ann, first[0].task, first[0].fence, str(uuid4()))
    assert isinstance(desk.reopen(desk.ann, first[0].task, "p3"), Lease)
    with pytest.raises(TooManyLeases):
        desk.reopen(desk.ann, theirs.task, "p3", is_lead=True)
    assert desk.next(desk.ann, "p4", now=LATER) != []  # leases that ran out do not count


def test_drafts_are_kept_by_lease_and_go_with_the_submit(desk: Desk) -> None:
    mine = desk.next(desk.ann, count=4)[0]
    desk.draft(desk.ann, mine, "one")
    desk.draft(desk.ann, mine, "two")
    assert [row[0] for row in desk.drafts()] == ['[{"words":"two"}]']
    theirs = desk.next(desk.bob, now=LATER)[0]
    assert isinstance(desk.draft(desk.ann, mine, "three", LATER), LeaseRefused)
    assert [row[2] for row in desk.drafts()] == ["lease-lost"]
    desk.submit(desk.bob, theirs.task, theirs.fence, str(uuid4()), LATER)
    assert len(desk.drafts()) == 1  # ann's work is still hers
    own = desk.next(desk.ann, "p2", have=[], now=LATER)[0]
    desk.draft(desk.ann, own, "x", LATER)
    desk.submit(desk.ann, own.task, own.fence, str(uuid4()), LATER)
    assert len(desk.drafts()) == 1
    desk.draft(desk.ann, own, "late", LATER)  # arrives after the submit of the same lease
    assert len(desk.drafts()) == 1


def test_twenty_people_never_get_the_same_task(filled: Filled) -> None:
    tasks, people = 120, 20
    desk = Desk(filled, tasks)
    filled.execute("UPDATE task SET reason_kind = 'random' WHERE id IN (SELECT id FROM task ORDER BY id LIMIT 30)")
    names = [filled.person(f"person-{number}") for number in range(people)]

    def work(who: str) -> list[str]:
        mine = []
        while leases := desk.next(who, f"page-{who}", count=3):
            for lease in leases:
                mine.append(lease.task)
                assert isinstance(desk.submit(who, lease.task, lease.fence, str(uuid4())), dict)
        return mine

    with ThreadPoolExecutor(people) as pool:
        issued = Counter(task for mine in pool.map(work, names) for task in mine)
    assert len(issued) == tasks and set(issued.values()) == {1}
    assert filled.rows("SELECT count(*) AS n FROM revision")[0].n == tasks
    assert {row.fence for row in filled.tasks()} == {1}


def test_what_a_person_returned_is_passed_over_while_there_is_something_else(desk: Desk) -> None:
    first, second = desk.next(desk.ann)[0], desk.next(desk.ann)[0]
    for lease in (first, second):
        desk.end_lease(desk.ann, lease, "returned")
    third = desk.next(desk.ann)[0]
    assert third.task not in (first.task, second.task)
    assert desk.next(desk.bob)[0].task == first.task, "for others it stands where it stood"
