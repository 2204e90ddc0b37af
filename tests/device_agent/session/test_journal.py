"""The journal: what is read is what was written, a torn end is cut, a damaged middle is told; the record follows."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_agent.events import (
    Answered,
    ConsentAnswered,
    Pause,
    Restarted,
    Start,
    TakeClosed,
    TakeFailed,
    TakeOpened,
    TimerFired,
)
from device_agent.session.consent import consent_record
from device_agent.session.journal import Entry, Happened, JournalDamaged, Ran, read
from device_agent.session.machine import take_id
from device_agent.session.record import replay
from tests.support.journals import AT, GREET, PLAN, header, recording, written
from wire.script import PlanStep


def consented_to_text() -> list[Entry]:
    """A session whose one step is typed."""
    tea = PlanStep(id="tea", kind="answer", title="Tea", prompt="What do you drink?", record=["text"])
    plan = PLAN.model_copy(update={"steps": [tea]})
    consent = consent_record(plan, "ses-1", "p-1", ("text",), ("audio", "video", "image"), "participant")
    answered = ConsentAnswered(("text",), ("audio", "video", "image"), "participant")
    here = header().model_copy(update={"plan": plan})
    return [here, Ran("boot-1", AT), consent, Happened(answered, 1, AT)]


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    failed = TakeFailed(GREET, "Kein Platz \U0001f600.", "spool-full")
    entries = [*recording(), Happened(failed, 8, AT)]
    assert read(written(tmp_path / "s" / "journal.jsonl", entries)) == entries


@pytest.mark.parametrize("text", ["my secret \U0001f600", " secret\n", "  ", ""])
def test_what_was_typed_is_not_journaled_and_replays_alike(tmp_path: Path, text: str) -> None:
    entries = [
        *consented_to_text(),
        Happened(Start(), 2, AT),
        Happened(TakeOpened(take_id("ses-1", "tea", 1), 5), 6, AT),
        Happened(Answered(text), 8, AT),
    ]
    path = written(tmp_path / "s" / "journal.jsonl", entries)
    assert b"secret" not in path.read_bytes()
    assert replay(read(path)).state == replay(entries).state
    assert replay(entries).state.phase == ("saving" if text.strip() else "answering")


def test_a_journal_that_holds_an_answer_is_still_read(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.jsonl", recording())
    line = {"event": {"type": "Answered", "us": 8, "at": AT.isoformat(), "text": "tea"}}
    path.write_bytes(path.read_bytes() + json.dumps(line).encode() + b"\n")
    assert read(path)[-1] == Happened(Answered("tea"), 8, AT)


@settings(deadline=None)  # every line is synced
@given(st.integers(min_value=0))
def test_a_torn_end_is_cut_and_the_journal_goes_on(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    all_entries = recording()
    path = written(tmp_path_factory.mktemp("journal") / "journal.jsonl", all_entries)
    whole = path.read_bytes()
    left = cut % len(whole)
    path.write_bytes(whole[:left])
    entries = read(path)
    assert entries == all_entries[: whole[:left].count(b"\n")]
    written(path, [Ran("boot-2", AT)])
    assert read(path) == [*entries, Ran("boot-2", AT)]


@pytest.mark.parametrize("damage", [b"\0\0\0", b'{"event": {}}', b'{"wish": {}}', b'{"event":{"type":"Dance"}}'])
def test_a_damaged_middle_is_told_with_its_line(tmp_path: Path, damage: bytes) -> None:
    path = written(tmp_path / "journal.jsonl", recording())
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], damage + b"\n", *lines[3:]]))
    with pytest.raises(JournalDamaged, match="line 4"):
        read(path)


def test_no_record_before_consent() -> None:
    assert replay([header(), Ran("boot-1", AT)]).record is None


def test_a_closed_take_ends_when_its_recorders_did() -> None:
    entries = [
        *recording(),
        Happened(TimerFired("recording", 2), 90, AT),
        Happened(TakeClosed(GREET, 100), 1_000_100, AT),
    ]
    record = replay(entries).record
    assert record is not None
    (closed,) = record.takes
    assert (closed.state, closed.closed_us) == ("closed", 100)
    assert closed.closed_at is not None and closed.closed_at - closed.opened_at == timedelta(microseconds=95)
    assert record.state == "finished"  # nothing else may be recorded under this consent
    assert record.ended_at == AT


@pytest.mark.parametrize(("event", "reason"), [(Restarted(), "interrupted"), (Pause(), "pause")])
def test_a_take_that_was_cut_is_torn(event: Restarted | Pause, reason: str) -> None:
    record = replay([*recording(), Happened(event, 50, AT)]).record
    assert record is not None
    assert [(one.state, one.reason) for one in record.takes] == [("torn", reason)]
    assert record.state == "running"


def test_the_revision_rises_with_every_entry() -> None:
    entries = recording()
    revisions = [replay(entries[:count]).record for count in range(3, len(entries) + 1)]
    numbers = [record.revision for record in revisions if record is not None]
    assert numbers == sorted(set(numbers))
