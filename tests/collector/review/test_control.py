"""A share of tasks, drawn by chance when they are made, is given to people without pre-labels."""

from __future__ import annotations

import json
import random

import pytest

from collector.exports.truth import item_ids, items
from collector.prelabels.reviewed_rows import Asked, ReviewedRows
from collector.review.views import CONTROL_TEXT, task_view
from collector.store.sql import Connection
from collector.studies.studies import StudyChange, StudyUnknown, change_study, ensure_study
from tests.collector.review.filled import MODEL, Filled, box
from tests.support.queue_site import Site


def share(filled: Filled, value: float) -> None:
    def change(conn: Connection) -> None:
        ensure_study(conn, "kitchen", 0.5)
        change_study(conn, "kitchen", StudyChange(control_share=value))

    filled.db.write_sync(change)


def still(filled: Filled) -> str:
    ids = filled.take("show", "show", {"image": b"jpeg"}, ["boxes"], prelabels={"image": [[box("b1", score=0.5)]]})
    filled.make(ids["take"])
    return ids["image"]


@pytest.mark.parametrize("value", [0.0, 0.05, 0.3, 1.0])
def test_the_coin_falls_as_often_as_the_study_says(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    share(filled, value)
    # A task is drawn twice: for the random share, then for this. Every twentieth of the circle comes up once.
    draws = [number / 20 for number in range(20)]
    for draw in draws:
        monkeypatch.setattr(random, "random", iter([0.5, draw]).__next__)
        still(filled)
    rows = filled.tasks()
    assert [bool(row.control) for row in rows] == [draw < value for draw in draws]
    assert {row.control_probability for row in rows} == {value}


def test_who_gets_such_an_item_learns_nothing_of_what_a_model_saw(filled: Filled, at_noon: None) -> None:
    share(filled, 1.0)
    site = Site(filled)
    site.add("ann")
    capture = still(filled)
    (task,) = site.next("ann")
    assert task["prelabels"] == [] and task["reason"]["kind"] == "control" and task["reason"]["text"] == CONTROL_TEXT
    assert MODEL["name"] not in json.dumps(task) and "0.5" not in json.dumps(task["reason"])
    reply = site.submit("ann", task, [box("p1", score=None)])
    assert reply.status_code == 200 and reply.json()["diff"][capture]["added"] == 1
    (revision,) = site.call("ann", "GET", f"/api/tasks/{task['id']}/revisions").json()["revisions"]
    assert revision["shown"] == []


def test_what_a_model_is_worth_is_measured_on_them_as_on_what_nobody_saw(filled: Filled) -> None:
    share(filled, 1.0)
    capture, ann = still(filled), filled.person("ann")
    filled.submit(ann, filled.tasks()[0].id, {capture: [box("p1", score=None)]})
    share(filled, 0.0)
    other = still(filled)
    filled.submit(ann, filled.tasks()[-1].id, {other: [box("b1", score=0.5)]})
    sights = {one.capture: one.sight for one in ReviewedRows(filled.db, filled.blobs).items(Asked())}
    assert sights == {capture: "nothing", other: "shown"}


def test_an_export_tells_them_apart(filled: Filled) -> None:
    ann = filled.person("ann")
    for value in (1.0, 0.0):
        share(filled, value)
        capture = still(filled)
        filled.submit(ann, filled.tasks()[-1].id, {capture: [box("b1", score=None)]})
    found = list(items(filled.db, item_ids(filled.db)))
    assert [item.control for item in found] == [True, False]


def test_tasks_that_are_here_stay_as_they_were_drawn(filled: Filled) -> None:
    share(filled, 1.0)
    still(filled)
    share(filled, 0.0)
    ann = filled.person("ann")
    (row,) = filled.tasks()
    view = filled.db.read_sync(lambda conn: task_view(conn, row.id, ann))
    assert view.prelabels == []


def test_a_study_that_is_not_here_is_not_changed(filled: Filled) -> None:
    with pytest.raises(StudyUnknown, match="no study garden"):
        filled.db.write_sync(lambda conn: change_study(conn, "garden", StudyChange(control_share=0.1)))
