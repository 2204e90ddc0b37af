"""What a page may post and what it reads: tables for the rules, anything at all for the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_agent.events import Answered, ConsentAnswered, Done, Event, Pause, Resume, Snapshot, Start, Stop
from device_agent.page.messages import MAX_ANSWER_CHARACTERS, BadEvent, MovedOn, parse_event, snapshot_json
from tests.device_agent.page.playing import HandClock, plan
from tests.device_agent.page.rehearsal import Rehearsal
from wire.errors import GleanerError

ALL = ("video", "audio", "image", "text")


def asked() -> Snapshot:
    return Rehearsal(plan(), clock=HandClock()).read()


def ready() -> Snapshot:
    rehearsal = Rehearsal(plan(), clock=HandClock())
    rehearsal.post(ConsentAnswered(granted=("audio", "video"), refused=("image", "text"), given_by="P-1"))
    return rehearsal.read()


def parse(row: Any, snapshot: Snapshot | None = None) -> Event:
    return parse_event(json.dumps(row).encode(), snapshot or ready())


@pytest.mark.parametrize(
    ("row", "event"),
    [
        ({"event": "start"}, Start()),
        ({"event": "done"}, Done()),
        ({"event": "pause"}, Pause()),
        ({"event": "resume"}, Resume()),
        ({"event": "stop"}, Stop()),
        ({"event": "answer", "text": " Tea \n"}, Answered(text=" Tea \n")),
        ({"event": "answer", "text": "😀 ё"}, Answered(text="😀 ё")),
        ({"event": "start", "step": "greet"}, Start()),
        ({"event": "consent", "granted": list(ALL)}, ConsentAnswered(ALL, (), "P-rehearsal")),
        (
            {"event": "consent", "granted": ["text", "audio"], "refused": ["video", "image"], "given_by": " P-7 "},
            ConsentAnswered(("audio", "text"), ("video", "image"), "P-7"),
        ),
        ({"event": "consent", "granted": []}, ConsentAnswered((), ALL, "P-rehearsal")),
    ],
)  # fmt: skip
def test_events(row: dict[str, Any], event: Event) -> None:
    assert parse(row) == event


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ([], "not a JSON object"),
        ({}, "None is not an event"),
        ({"event": "launch"}, "'launch' is not an event; the events are consent, start"),
        ({"event": ["start"]}, "is not an event"),
        ({"event": "start", "now": True}, "no member 'now'"),
        ({"event": "start", "step": 4}, "step is not text"),
        ({"event": "answer"}, "is empty"),
        ({"event": "answer", "text": "  \n"}, "is empty"),
        ({"event": "answer", "text": 7}, "is empty"),
        ({"event": "answer", "text": "x" * (MAX_ANSWER_CHARACTERS + 1)}, "10,001 characters"),
        ({"event": "answer", "text": "\ud800"}, "cannot be stored"),
        ({"event": "answer", "text": "a\0b"}, "cannot be stored"),
        ({"event": "consent"}, "lacks the member granted"),
        ({"event": "consent", "granted": "video"}, "not a list"),
        ({"event": "consent", "granted": ["smell"]}, "'smell' is not asked for"),
        ({"event": "consent", "granted": [["video"]]}, "is not asked for"),
        ({"event": "consent", "granted": ["video", "video"]}, "twice"),
        ({"event": "consent", "granted": ["video"], "refused": ["video", "audio", "image", "text"]}, "once"),
        ({"event": "consent", "granted": ["video"], "refused": ["audio"]}, "once"),
        ({"event": "consent", "granted": list(ALL), "given_by": " "}, "given_by"),
        ({"event": "consent", "granted": list(ALL), "given_by": 3}, "given_by"),
    ],
)
def test_bad_events_get_one_sentence(row: Any, why: str) -> None:
    with pytest.raises(BadEvent) as caught:
        parse(row)
    assert why in caught.value.message
    assert caught.value.message.endswith(".")
    assert caught.value.status == 422


def test_a_press_that_comes_late_never_falls_on_the_next_step() -> None:
    with pytest.raises(MovedOn, match="another step"):
        parse({"event": "done", "step": "walk"})
    with pytest.raises(MovedOn, match="another session"):
        parse({"event": "start", "session": "ses-of-yesterday"})
    with pytest.raises(MovedOn):
        parse({"event": "start", "step": "greet"}, asked())


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_one_sentence(body: bytes) -> None:
    try:
        parse_event(body, SNAPSHOT)
    except GleanerError as error:
        assert error.status in (409, 422)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(ALL),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["consent", "start", "done", "answer", "pause", "resume", "stop"])
members = st.sampled_from(["granted", "refused", "given_by", "text", "session", "step", "other"])


@given(names, st.dictionaries(members, json_values, max_size=4))
def test_any_members_are_an_event_or_one_sentence(name: str, row: dict[str, Any]) -> None:
    try:
        event = parse_event(json.dumps({**row, "event": name}).encode(), SNAPSHOT)
    except GleanerError as error:
        assert error.status in (409, 422)
        return
    if isinstance(event, ConsentAnswered):
        assert sorted((*event.granted, *event.refused)) == sorted(ALL)
    if isinstance(event, Answered):
        assert event.text.encode()


def test_a_snapshot_is_json_under_the_names_of_its_fields() -> None:
    row = json.loads(snapshot_json(ready()))
    assert set(row) == set(Snapshot.__dataclass_fields__)
    assert row["step"]["id"] == "greet"
    assert row["granted"] == ["video", "audio"]
    assert set(row["detections"][0]) == {"x", "y", "width", "height", "label", "score"}
    assert json.loads(snapshot_json(asked()))["step"] is None


SNAPSHOT = ready()
