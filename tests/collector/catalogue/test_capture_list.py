"""The list of captures: filters, pages, scope. On both databases."""

from __future__ import annotations

import pytest

from collector.catalogue.capture_list import CaptureList, CaptureRow, CapturesAsked, list_captures
from collector.catalogue.captures import CaptureUnknown
from collector.studies.scope import EVERYTHING, Scope
from tests.collector.review.filled import Filled
from tests.support.paging import all_rows

pytestmark = pytest.mark.both_databases


def all_pages(filled: Filled, asked: CapturesAsked, limit: int, scope: Scope = EVERYTHING) -> list[CaptureRow]:
    def page(after: str | None) -> CaptureList:
        return filled.db.read_sync(
            lambda conn: list_captures(conn, asked.model_copy(update={"limit": limit, "after": after}), scope)
        )

    return all_rows(page, lambda found: found.captures, limit)


def test_pages_have_every_capture_once_the_newest_first(filled: Filled) -> None:
    made = [filled.take(f"step-{n}", "show", {"image": b"i", "audio": b"a"}, ["boxes"]) for n in range(5)]
    everything = all_pages(filled, CapturesAsked(), 100)
    assert {row.id for row in everything} == {take[medium] for take in made for medium in ("image", "audio")}
    assert [(row.received_at, row.id) for row in everything] == sorted(
        ((row.received_at, row.id) for row in everything), reverse=True
    )
    for limit in (1, 3, 10):
        assert all_pages(filled, CapturesAsked(), limit) == everything


def test_each_filter_leaves_out_the_others(filled: Filled) -> None:
    here = filled.take("wave", "show", {"image": b"i", "audio": b"a"}, ["boxes"])
    session = filled.session
    filled.begin("street")
    there = filled.take("walk", "show", {"image": b"j"}, ["boxes"])

    def ids(asked: CapturesAsked, scope: Scope = EVERYTHING) -> set[str]:
        return {row.id for row in all_pages(filled, asked, 2, scope)}

    assert ids(CapturesAsked(study="street")) == {there["image"]}
    assert ids(CapturesAsked(session=session)) == {here["image"], here["audio"]}
    assert ids(CapturesAsked(medium="audio")) == {here["audio"]}
    assert ids(CapturesAsked(state="bad")) == set()
    mark = "UPDATE capture SET state = 'bad', bad_reason = 'infected', problem = 'Found.' WHERE id = :id"
    filled.execute(mark, id=here["audio"])
    assert ids(CapturesAsked(state="bad")) == ids(CapturesAsked(bad_reason="infected")) == {here["audio"]}
    assert ids(CapturesAsked(bad_reason="unreadable")) == set()
    assert ids(CapturesAsked(study="kitchen", medium="image")) == {here["image"]}
    assert ids(CapturesAsked(), Scope(("street",))) == {there["image"]}
    with pytest.raises(CaptureUnknown):
        filled.db.read_sync(lambda conn: list_captures(conn, CapturesAsked(after=here["image"]), Scope(("street",))))
