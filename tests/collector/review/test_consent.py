"""What the consent does not cover, or no longer, is neither leased nor shown nor written to: every door, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from collector.consent.allows import FOREVER, NEVER, Grants, allowed_until, allows
from collector.exports.truth import item_ids, items
from collector.review import queue
from collector.review.views import task_view
from tests.collector.review.filled import Filled, box, document
from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import Sample, SampleTake, sample, session_record
from tests.support.waiting import until
from wire.base import format_utc, new_id
from wire.consent import Grant
from wire.session import SessionRecord

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 2, 29, tzinfo=UTC)


def test_a_use_is_allowed_until_its_moment() -> None:
    given: Grants = {"video": format_utc(NOON), "audio": None}
    assert allowed_until(given, ["video"]) == NOON and allowed_until(given, ["audio"]) == FOREVER
    assert allowed_until(given, ["audio", "video"]) == NOON
    assert allowed_until(given, ["image"]) == allowed_until(given, ["audio", "text"]) == NEVER
    assert allows(given, ["video", "audio"], NOON - timedelta(microseconds=1))
    assert not allows(given, ["video"], NOON)
    assert not allows({}, ["video"], LONG_AGO)


def test_every_part_asks_the_same_consent(tmp_path: Path) -> None:
    filled = Filled(tmp_path / "data")
    ids = filled.take("show", "show", {"image": b"a jpeg"}, ["boxes"], prelabels={"image": [[box()]]})
    filled.make(ids["take"])
    (task,) = filled.tasks()
    change_grants(filled, LONG_AGO)
    ann = filled.person("ann")
    now = datetime.now(UTC)
    assert [item.documents or item.prelabels.shown for item in exported(filled)] == [[]]
    assert filled.db.write_sync(lambda conn: queue.take_next(conn, ann, "page", [], ["boxes"], [0.5], now)) == []
    view = filled.db.read_sync(lambda conn: task_view(conn, task.id, ann))
    assert (view.prelabels, view.captures, view.state) == ([], [], "withheld")


def exported(filled: Filled) -> list[Any]:
    return list(items(filled.db, item_ids(filled.db, unreviewed=True)))


def change_grants(filled: Filled, end: datetime) -> None:
    filled.execute("UPDATE session_grant SET until = :until", until=format_utc(end))


def test_what_has_ended_is_read_once_and_not_by_every_next(filled: Filled) -> None:
    for number in range(30):
        filled.make(filled.take(f"show-{number}", "show", {"image": b"jpeg"}, ["boxes"])["take"])
    change_grants(filled, LONG_AGO)
    ann, now = filled.person("ann"), datetime.now(UTC)
    assert filled.db.write_sync(lambda conn: queue.take_next(conn, ann, "page", [], ["boxes"], [0.5], now)) == []
    assert len(filled.tasks(state="withheld")) == 30
    # A clock that was ahead is put right: nothing is lost.
    before = LONG_AGO - timedelta(days=1)
    (lease,) = filled.db.write_sync(lambda conn: queue.take_next(conn, ann, "page", [], ["boxes"], [0.5], before))
    assert lease.fence == 1 and len(filled.tasks(state="withheld")) == 0


class Room:
    """A take of a video and a sound over a real service, whose grants a test changes as time goes by."""

    def __init__(self, collector: Collector, device: DeviceClient) -> None:
        self.collector, self.device = collector, device
        self.session, take = new_id("ses"), new_id("take")
        self.captures: dict[str, Sample] = {
            medium: sample(medium, device.id, take, self.session) for medium in ("video", "audio")
        }
        self.take = SampleTake(take, "step-1", list(self.captures.values()), ["tracks", "speech"])
        self.revision = 0

    def grant(self, **ends: datetime | None) -> None:
        self.revision += 1
        made = session_record(self.device.id, [self.take], self.session, self.revision)
        grants = [Grant(use=use, until=end) for use, end in ends.items()]  # type: ignore[arg-type]
        consent = made.consent.model_copy(update={"grants": grants, "consent": new_id("con")})  # given anew each time
        changed = made.model_copy(update={"consent": consent})
        body = json.dumps(SessionRecord.read(changed.to_json()).to_json())
        assert self.device.call("PUT", f"/api/sessions/{self.session}", content=body).status_code == 200

    def send(self) -> None:
        for one in self.captures.values():
            self.device.send(one)
            self.device.received(one.id)


@pytest.fixture
def room(collector: Collector, device: DeviceClient) -> Room:
    made = Room(collector, device)
    made.grant(video=None, audio=None)
    made.send()
    return made


@pytest.fixture
def ann(collector: Collector) -> Iterator[httpx.Client]:
    with collector.person(f"ann-{uuid4().hex[:8]}", "annotator") as client:
        yield client


def of_room(room: Room, client: httpx.Client, kind: str) -> dict[str, Any]:
    """The room's task of this type, leased; it comes when its media have been made. Others are left with the page."""
    others: list[str] = []

    def take() -> dict[str, Any] | None:
        reply = client.post("/api/tasks/next", json={"client": "page", "have": others, "types": [kind]}).json()
        others.extend(task["id"] for task in reply["tasks"])
        return next((task for task in reply["tasks"] if task["session"] == room.session), None)

    return until(take)


def refused(reply: httpx.Response) -> bool:
    return (reply.status_code, reply.json().get("code")) == (403, "consent-ended")


def test_every_address_of_a_capture_stops(room: Room, lead: httpx.Client, ann: httpx.Client) -> None:
    of_room(room, ann, "tracks")
    video, audio = (f"/api/captures/{room.captures[medium].id}" for medium in ("video", "audio"))
    served = [f"{video}{end}" for end in ("", "/media", "/original", "/labels", "/frames")] + [f"{audio}/peaks"]
    assert [lead.get(path).status_code for path in served] == [200] * 6
    room.grant(video=LONG_AGO, audio=datetime.now(UTC) + timedelta(seconds=120))
    assert all(refused(lead.get(path)) for path in served[:5])
    assert lead.get(served[0], headers={"Range": "bytes=0-9"}).status_code == 403
    assert lead.head(f"{video}/media").status_code == 403
    kept = lead.get(f"{audio}/media").headers["cache-control"]
    assert kept.startswith("private, max-age=") and int(kept.rsplit("=", 1)[1]) <= 120
    room.grant(video=None)  # sound is not covered at all
    assert lead.get(served[1]).status_code == 200 and refused(lead.get(served[5]))
    # Who runs the study still sees what is here, to erase it.
    assert lead.get(f"/api/sessions/{room.session}").status_code == 200


def test_an_open_item_stops_when_the_consent_ends(room: Room, ann: httpx.Client) -> None:
    task = of_room(room, ann, "tracks")
    fence, path = task["lease"]["fence"], f"/api/tasks/{task['id']}"
    # It ends while the item is open: no record comes, only time passes.
    room.grant(video=datetime.now(UTC) + timedelta(seconds=2), audio=None)
    until(lambda: refused(ann.post(f"{path}/renew", json={"fence": fence})) or None)
    draft = {"fence": fence, "documents": [document(room.captures["video"].id, [])]}
    submit = {**draft, "submit": str(uuid4()), "opened_at": format_utc(datetime.now(UTC))}
    assert refused(ann.put(f"{path}/draft", json=draft))
    problem = ann.post(f"{path}/submit", json=submit)
    assert refused(problem) and problem.json()["title"] == "The consent to use this recording has ended."
    assert refused(ann.get(path)) and refused(ann.post(f"{path}/reopen", json={"client": "page"}))
    assert refused(ann.get(f"{path}/revisions"))
    # The page can put it aside, and is given something else; a lost reply does not bring it back.
    assert ann.post(f"{path}/return", json={"fence": fence}).status_code == 200
    following = ann.post("/api/tasks/next", json={"client": "page", "count": 5}).json()["tasks"]
    assert task["id"] not in [row["id"] for row in following]


def test_a_context_that_has_ended_is_not_shown_beside(room: Room, ann: httpx.Client) -> None:
    room.grant(video=None, audio=LONG_AGO)
    task = of_room(room, ann, "tracks")
    assert [capture["medium"] for capture in task["captures"]] == ["video"]
    others = ann.post("/api/tasks/next", json={"client": "other", "types": ["speech"], "count": 5}).json()["tasks"]
    assert room.session not in [row["session"] for row in others]


def test_a_new_consent_brings_a_task_back(room: Room, ann: httpx.Client, lead: httpx.Client) -> None:
    task = of_room(room, ann, "tracks")
    room.grant(video=LONG_AGO, audio=None)

    def state() -> str:
        rows = lead.get("/api/tasks", params={"type": "tracks"}).json()["tasks"]
        return next(str(row["state"]) for row in rows if row["id"] == task["id"])

    until(lambda: state() == "withheld")
    room.grant(video=None, audio=None)
    until(lambda: state() == "open")


def test_a_capture_that_came_too_late_is_received_and_holds_up_nothing(
    collector: Collector, device: DeviceClient, ann: httpx.Client, lead: httpx.Client
) -> None:
    late = Room(collector, device)
    late.grant(video=None, audio=LONG_AGO)
    late.send()
    task = of_room(late, ann, "tracks")
    assert [capture["medium"] for capture in task["captures"]] == ["video"]
    late.grant(video=None, audio=None)
    # Nothing was made of it to listen to.
    assert lead.get(f"/api/captures/{late.captures['audio'].id}/media").json()["code"] == "not-made"
