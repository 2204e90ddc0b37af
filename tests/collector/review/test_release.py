"""What somebody held is free for others at once, and their draft is kept."""

from __future__ import annotations

import json

from collector.review.queue import Lease
from collector.review.release import release_leases
from tests.collector.review.filled import Filled
from tests.support.databases import on_both
from tests.support.queue_desk import LATER, NOW, Desk

pytestmark = on_both


def test_what_somebody_holds_goes_to_the_next_who_asks_and_the_draft_stays(filled: Filled) -> None:
    desk = Desk(filled, 4)
    held = desk.next(desk.ann, count=2)
    other = desk.next(desk.bob, count=1)
    desk.draft(desk.ann, held[0], "half done")
    assert desk.write(lambda conn: release_leases(conn, desk.ann, NOW)) == 2
    assert desk.write(lambda conn: release_leases(conn, desk.ann, NOW)) == 0, "a second time there is nothing"
    taken = desk.next(desk.lead, count=3)
    assert {lease.task for lease in held} < {lease.task for lease in taken}
    assert other[0].task not in {lease.task for lease in taken}
    assert [json.loads(words) for words, _, _ in desk.drafts()] == [[{"words": "half done"}]]
    ends = filled.rows("SELECT ended FROM lease WHERE person_id = :ann", ann=desk.ann)
    assert [row.ended for row in ends] == ["expired", "expired"]


def test_a_reopened_item_is_done_again(filled: Filled) -> None:
    desk = Desk(filled, 1)
    (lease,) = desk.next(desk.ann)
    desk.submit(desk.ann, lease.task, lease.fence, "u-1")
    again = desk.reopen(desk.ann, lease.task)
    assert isinstance(again, Lease)
    assert desk.write(lambda conn: release_leases(conn, desk.ann, NOW)) == 1
    assert desk.next(desk.bob, now=LATER) == [] and desk.state(lease.task) == "done"
