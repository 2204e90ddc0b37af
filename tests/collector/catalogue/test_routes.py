"""Sessions, captures and media over a real service."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import Sample, SampleTake, sample, session_record
from tests.support.waiting import until
from wire.capture import DeviceFacts, Wall
from wire.consent import Grant
from wire.session import SessionRecord, TakeDocument


@pytest.fixture(scope="module")
def one(device: DeviceClient, lead: httpx.Client) -> Sample:
    made = sample("video", device.id, "take-v", "ses-v")
    device.send(made)
    device.received(made.id)
    until(lambda: lead.head(f"/api/captures/{made.id}/media").status_code == 200)
    return made


def looks(collector: Collector, capture: str) -> list[tuple[str, str]]:
    query = (
        "SELECT person.name, look.why FROM look JOIN person ON person.id = person_id WHERE capture_id = :capture"
        " ORDER BY look.id"
    )
    return [tuple(row) for row in collector.rows(query, capture=capture)]


def put(device: DeviceClient, session: str, record: object) -> httpx.Response:
    return device.call("PUT", f"/api/sessions/{session}", content=json.dumps(record.to_json()))  # type: ignore[attr-defined]


def test_media_has_ranges_and_an_etag(one: Sample, lead: httpx.Client) -> None:
    path = f"/api/captures/{one.id}/media"
    whole = lead.get(path)
    assert whole.headers["accept-ranges"] == "bytes" and whole.headers["content-type"] == "video/mp4"
    assert "private" in whole.headers["cache-control"]
    size, etag = len(whole.content), whole.headers["etag"]
    part = lead.get(path, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and part.content == whole.content[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{size}"
    assert lead.get(path, headers={"Range": "bytes=-10"}).content == whole.content[-10:]
    past = lead.get(path, headers={"Range": f"bytes={size}-"})
    assert (past.status_code, past.headers["content-range"]) == (416, f"bytes */{size}")
    assert lead.get(path, headers={"If-None-Match": etag}).status_code == 304
    assert lead.get(path, headers={"Range": "bytes=0-9", "If-Range": etag}).status_code == 206
    assert lead.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'}).status_code == 200
    head = lead.head(path)
    assert head.headers["content-length"] == str(size) and head.content == b""


def test_every_look_is_a_row_and_a_players_many_ranges_are_one(collector: Collector, device: DeviceClient) -> None:
    made = sample("image", device.id, "take-i", "ses-i")
    put(device, "ses-i", session_record(device.id, [SampleTake("take-i", "step-1", [made], ["boxes"])], "ses-i"))
    device.send(made)
    annotator, _ = collector.holder("anton", made.id)
    path = f"/api/captures/{made.id}/media"
    until(lambda: annotator.head(path).status_code == 200)
    assert looks(collector, made.id) == []
    annotator.get(path, headers={"Range": "bytes=0-"})
    for start in (10, 20, 30):
        annotator.get(path, headers={"Range": f"bytes={start}-"})
    assert looks(collector, made.id) == [("anton", "review")]
    annotator.get(path, params={"why": "audit 7"})
    assert looks(collector, made.id) == [("anton", "review"), ("anton", "audit 7")]
    assert annotator.get(f"/api/captures/{made.id}/original").status_code == 403
    assert looks(collector, made.id)[2:] == []


def test_annotators_see_captures_of_their_tasks_only(collector: Collector, device: DeviceClient) -> None:
    made, other = (sample("audio", device.id, f"take-{name}", "ses-see") for name in ("v1", "v2"))
    takes = [
        SampleTake("take-v1", "step-1", [made], ["speech"]),
        SampleTake("take-v2", "step-2", [other], []),  # nothing of it is reviewed: nobody is given it
    ]
    put(device, "ses-see", session_record(device.id, takes, "ses-see"))
    device.send(made)
    device.send(other)
    (holder, tasks), stranger = collector.holder("vera", made.id), collector.person("ulf", "annotator")
    lead = collector.person("vlad", "lead")
    until(lambda: lead.head(f"/api/captures/{other.id}/media").status_code == 200)
    for route in ("", "/labels", "/media", "/peaks"):
        assert holder.get(f"/api/captures/{made.id}{route}").status_code == 200
        assert lead.get(f"/api/captures/{other.id}{route}").status_code == 200
        for person, capture in ((stranger, made.id), (stranger, other.id), (holder, other.id)):
            reply = person.get(f"/api/captures/{capture}{route}")
            assert (reply.status_code, reply.json()["code"]) == (403, "not-allowed")
    assert stranger.head(f"/api/captures/{made.id}/media").status_code == 403
    assert stranger.get("/api/captures/cap-none").status_code == 404
    assert [row for row in looks(collector, made.id) if row[0] == "ulf"] == []
    # What somebody has held stays visible to that person.
    for task in tasks:
        body = {"fence": task["lease"]["fence"]}
        assert holder.post(f"/api/tasks/{task['id']}/return", json=body).status_code == 200
    assert holder.get(f"/api/captures/{made.id}/media").status_code == 200


def test_a_capture_says_where_it_lies_in_its_take(device: DeviceClient, lead: httpx.Client) -> None:
    made = sample(
        "audio", device.id, "take-a", "ses-a", change=lambda values: values.update(clock_map=[[0, 5_250_000]])
    )
    put(device, "ses-a", session_record(device.id, [SampleTake("take-a", "step-1", [made], [])], "ses-a"))
    device.send(made)
    device.received(made.id)
    view = lead.get(f"/api/captures/{made.id}").json()
    assert view["take_offset_us"] == 250_000
    assert (view["media_url"], view["frames_url"]) == (f"/api/captures/{made.id}/media", None)
    assert view["peaks_url"] == f"/api/captures/{made.id}/peaks"


FACTS = {
    "agent_version": "0.1.0", "board": "Raspberry Pi 5 Model B Rev 1.0", "firmware": "2024/09/23", "kernel": None,
    "os": None, "boot": "boot-1",
}  # fmt: skip


def test_a_capture_says_on_what_it_was_recorded(device: DeviceClient, lead: httpx.Client) -> None:
    settings = {"exposure_us": 20_000, "analogue_gain": 2.5, "colour_gains": [1.5, 2.25], "awb_mode": "auto"}

    def change(values: dict[str, Any]) -> None:
        values.update(schema=3, device_facts=DeviceFacts.model_validate(FACTS), sensor_settings=settings)

    made = sample("image", device.id, "take-f", "ses-f", change=change)
    plain = sample("image", device.id, "take-f", "ses-f")
    put(device, "ses-f", session_record(device.id, [SampleTake("take-f", "step-1", [made, plain], [])], "ses-f"))
    for one in (made, plain):
        device.send(one)
        device.received(one.id)
    view = lead.get(f"/api/captures/{made.id}").json()
    assert (view["device_facts"], view["sensor_settings"]) == (FACTS, settings)
    older = lead.get(f"/api/captures/{plain.id}").json()
    assert (older["device_facts"], older["sensor_settings"]) == (None, None)


def test_a_session_lists_what_its_device_was(device: DeviceClient, lead: httpx.Client) -> None:
    """Each answer once, in the order of recording; a capture of an older agent adds none."""
    updated = FACTS | {"agent_version": "0.2.0", "boot": "boot-2"}

    def with_facts(facts: dict[str, Any], second: int) -> Callable[[dict[str, Any]], None]:
        def change(values: dict[str, Any]) -> None:
            wall = Wall(at=datetime(2026, 11, 20, 12, 0, second, tzinfo=UTC))
            values.update(schema=3, device_facts=DeviceFacts.model_validate(facts), wall=wall)

        return change

    changes = [with_facts(updated, 30), with_facts(FACTS, 10), with_facts(FACTS, 20), None]
    made = [sample("image", device.id, "take-g", "ses-g", change=change) for change in changes]
    put(device, "ses-g", session_record(device.id, [SampleTake("take-g", "step-1", made, [])], "ses-g"))
    assert lead.get("/api/sessions/ses-g").json()["device_facts"] == []
    for one in made:
        device.send(one)
    assert lead.get("/api/sessions/ses-g").json()["device_facts"] == [FACTS, updated]


def test_what_is_not_there_says_so(one: Sample, lead: httpx.Client) -> None:
    assert lead.get("/api/captures/cap-none/media").json()["code"] == "capture-unknown"
    assert lead.get("/api/captures/cap-none/labels").json()["code"] == "capture-unknown"
    assert lead.get("/api/captures/cap-none").json()["code"] == "capture-unknown"
    assert lead.get(f"/api/captures/{one.id}/peaks").json()["code"] == "not-made"
    assert lead.get("/api/sessions/ses-none").json()["code"] == "session-unknown"
    assert lead.get("/api/nonsense").json()["code"] == "not-found"


def test_sessions_keep_the_highest_revision(device: DeviceClient, lead: httpx.Client) -> None:
    made = sample("text", device.id, "take-s1", "ses-s")
    takes = [SampleTake("take-s1", "step-1", [made], [])]
    assert put(device, "ses-s", session_record(device.id, takes, "ses-s", 5)).json()["revision"] == 5
    assert put(device, "ses-s", session_record(device.id, [], "ses-s", 3)).json()["revision"] == 5
    more = [*takes, SampleTake("take-s2", "step-2", [], [], state="torn")]
    assert put(device, "ses-s", session_record(device.id, more, "ses-s", 6)).json()["revision"] == 6
    device.send(made)
    device.received(made.id)
    row = next(row for row in lead.get("/api/sessions").json()["sessions"] if row["id"] == "ses-s")
    assert (row["takes"], row["captures"], row["captures_opened"], row["captures_bad"]) == (1, 1, 1, 0)
    detail = lead.get("/api/sessions/ses-s").json()
    assert [take["take"] for take in detail["record"]["takes"]] == ["take-s1", "take-s2"]
    assert detail["captures"][0]["state"] == "opened"


def test_a_revision_has_one_content(device: DeviceClient, lead: httpx.Client) -> None:
    first = session_record(device.id, [SampleTake("take-c1", "step-1", [], [])], "ses-c", 4)
    for _ in range(2):
        assert put(device, "ses-c", first).json() == {"session": "ses-c", "revision": 4}
    for changes in ({"state": "stopped"}, {"takes": []}, {"consent": first.consent.model_copy(update={"grants": []})}):
        reply = put(device, "ses-c", first.model_copy(update=changes))
        assert (reply.status_code, reply.json()["code"]) == (409, "session-conflict")
    assert lead.get("/api/sessions/ses-c").json()["record"] == first.to_json()
    assert put(device, "ses-c", first.model_copy(update={"state": "stopped", "revision": 5})).json()["revision"] == 5


def test_a_known_consent_never_allows_more(device: DeviceClient, lead: httpx.Client) -> None:
    """A device may narrow or end what was given; more is another consent."""
    first = session_record(device.id, [], "ses-w", 1)
    noon, later = datetime(2026, 6, 1, 12, tzinfo=UTC), datetime(2026, 7, 1, 12, tzinfo=UTC)

    def sent(revision: int, grants: list[Grant], consent: str = first.consent.consent) -> tuple[int, str | None]:
        given = first.consent.model_copy(update={"grants": grants, "refused": [], "consent": consent})
        reply = put(device, "ses-w", first.model_copy(update={"revision": revision, "consent": given}))
        return reply.status_code, reply.json().get("code")

    assert sent(1, [Grant(use="video", until=noon)]) == (200, None)
    wider: list[list[Grant]] = [
        [Grant(use="video", until=later)], [Grant(use="video")], [Grant(use="video", until=noon), Grant(use="audio")],
    ]  # fmt: skip
    for grants in wider:
        assert sent(2, grants) == (409, "consent-widened")
    kept = lead.get("/api/sessions/ses-w").json()["record"]
    assert kept["revision"] == 1 and len(kept["consent"]["grants"]) == 1
    assert sent(2, []) == (200, None)
    assert sent(3, [Grant(use="video", until=noon)]) == (409, "consent-widened")
    assert sent(3, wider[2], "con-another") == (200, None)


@pytest.mark.parametrize("revision", [2**31 + 1, 2**53 - 1])
def test_no_revision_shuts_a_session(device: DeviceClient, lead: httpx.Client, revision: int) -> None:
    session = f"ses-high-{revision}"
    for known in (False, True):
        refused = put(device, session, session_record(device.id, [], session, revision))
        assert (refused.status_code, refused.json()["code"]) == (422, "revision-too-high")
        assert (lead.get(f"/api/sessions/{session}").status_code == 200) is known
        later = put(device, session, session_record(device.id, [], session, 2 + known))
        assert later.json()["revision"] == 2 + known


def test_a_session_is_its_devices_own(collector: Collector, device: DeviceClient) -> None:
    other = collector.device()
    record = session_record(device.id, [], "ses-o")
    assert put(device, "ses-o", record).status_code == 200
    assert put(other, "ses-o", record).status_code == 403
    assert put(other, "ses-o", session_record(other.id, [], "ses-o")).json()["code"] == "session-taken"
    assert put(device, "ses-p", record).status_code == 403


def test_a_take_is_its_sessions_own(collector: Collector, device: DeviceClient, lead: httpx.Client) -> None:
    other = collector.device()
    mine = [SampleTake("take-own", "step-1", [], [])]
    assert put(device, "ses-own", session_record(device.id, mine, "ses-own")).status_code == 200
    theirs = [SampleTake("take-fine", "step-1", [], []), SampleTake("take-own", "step-9", [], [], state="torn")]
    for sender, session in ((other, "ses-thief"), (device, "ses-second")):
        refused = put(sender, session, session_record(sender.id, theirs, session))
        assert (refused.status_code, refused.json()["code"]) == (409, "take-taken")
        assert "take-own" in refused.json()["title"]
        assert lead.get(f"/api/sessions/{session}").json()["code"] == "session-unknown"
    query = "SELECT id, session_id, step, state FROM take WHERE id IN ('take-own', 'take-fine')"
    assert collector.rows(query) == [("take-own", "ses-own", "step-1", "closed")]
    assert put(device, "ses-own", session_record(device.id, mine, "ses-own", 2)).json()["revision"] == 2


def test_a_take_comes_as_a_document_of_its_own(collector: Collector, device: DeviceClient, lead: httpx.Client) -> None:
    other = collector.device()
    made = session_record(device.id, [SampleTake("take-doc", "step-1", [], [])], "ses-doc")
    document = TakeDocument(
        session="ses-doc", device=device.id, revision=7, number=1, step_number=1, take=made.takes[0]
    ).to_json()
    path = "/api/sessions/ses-doc/takes/take-doc"
    early = device.call("PUT", path, json=document)
    assert (early.status_code, early.json()["code"]) == (404, "session-unknown")
    head = SessionRecord.read(made.to_json() | {"schema": 3, "takes": [], "take_count": 1})
    assert put(device, "ses-doc", head).status_code == 200
    for _ in range(2):
        assert device.call("PUT", path, json=document).json() == {"take": "take-doc", "revision": 7}
    assert device.call("PUT", "/api/sessions/ses-doc/takes/take-x", json=document).status_code == 403
    assert device.call("PUT", "/api/sessions/ses-x/takes/take-doc", json=document).status_code == 403
    assert other.call("PUT", path, json=document).status_code == 403
    newer = device.call("PUT", path, json=document | {"schema": TakeDocument.SCHEMA + 1})
    assert (newer.status_code, newer.json()["code"]) == (409, "schema-too-new")
    record = lead.get("/api/sessions/ses-doc").json()["record"]
    assert record == head.to_json() | {"takes": [document["take"]]}
    row = next(row for row in lead.get("/api/sessions").json()["sessions"] if row["id"] == "ses-doc")
    assert row["takes"] == 1


def test_a_record_of_a_newer_schema_is_told_as_such(device: DeviceClient) -> None:
    body = session_record(device.id, [], "ses-n").to_json() | {"schema": SessionRecord.SCHEMA + 1, "mood": "fine"}
    reply = device.call("PUT", "/api/sessions/ses-n", json=body)
    assert (reply.status_code, reply.json()["code"], reply.json()["highest"]) == (
        409,
        "schema-too-new",
        SessionRecord.SCHEMA,
    )


def test_the_list_of_sessions_is_paged(fresh: Collector) -> None:
    device, lead = fresh.device(), fresh.person("lea", "lead")
    for number in range(7):
        record = session_record(device.id, [], session=f"ses-{number}").to_json()
        record |= {"study": f"study-{number % 2}", "started_at": f"2026-01-0{1 + number // 3}T10:00:00.000000Z"}
        assert device.call("PUT", f"/api/sessions/ses-{number}", json=record).status_code == 200
    whole = lead.get("/api/sessions").json()
    assert [row["id"] for row in whole["sessions"]] == [f"ses-{number}" for number in range(6, -1, -1)]
    assert (whole["studies"], whole["next"]) == (["study-0", "study-1"], None)
    seen, after = [], None
    for length in (3, 3, 1):
        page = lead.get("/api/sessions", params={"limit": 3} | ({"after": after} if after else {})).json()
        assert len(page["sessions"]) == length and page["studies"] == whole["studies"]
        seen += page["sessions"]
        after = page["next"]
    assert seen == whole["sessions"] and after is None
    assert lead.get("/api/sessions", params={"after": "ses-none"}).json()["code"] == "session-unknown"
    assert lead.get("/api/sessions", params={"limit": 1001}).status_code == 422
