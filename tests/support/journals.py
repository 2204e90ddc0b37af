"""A session of one greeting, entry by entry."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from device_agent.events import (
    ConsentAnswered,
    Start,
    TakeOpened,
    TimerFired,
)
from device_agent.session.consent import consent_record
from device_agent.session.journal import Entry, Happened, Header, Ran, SessionJournal
from device_agent.session.machine import take_id
from wire.script import ConsentText, Plan, PlanStep
from wire.session import TakeCapture, TakeRecord

PLAN = Plan(
    id="greeting",
    version="1.0.0",
    title="Greeting",
    language="en",
    study="kitchen",
    consent=ConsentText(text="We record you.", uses=["video", "audio", "image", "text"]),
    steps=[
        PlanStep(id="greet", kind="say", title="Greet", prompt="Say hello", record=["audio", "video"], seconds=4),
        PlanStep(id="cup", kind="show", title="Show", prompt="Show a cup", record=["image"], countdown_seconds=0),
        PlanStep(id="ask", kind="answer", title="Ask", prompt="How was it?", record=["text"]),
    ],
)
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
GREET = take_id("ses-1", "greet", 1)


def header() -> Header:
    return Header(session="ses-1", device="dev-1", participant="p-1", home="home-1", started_at=AT, plan=PLAN)


def take(name: str = GREET, attempt: int = 1) -> TakeRecord:
    return TakeRecord(
        take=name, step="greet", attempt=attempt, kind="say", state="open", prompt="Say hello", opened_us=5,
        opened_at=AT, captures=[TakeCapture(capture="cap-1", medium="audio", sensor="simulated")],
    )  # fmt: skip


def consented() -> list[Entry]:
    consent = consent_record(PLAN, "ses-1", "p-1", ("audio", "video"), ("image", "text"), "participant")
    answered = ConsentAnswered(("audio", "video"), ("image", "text"), "participant")
    return [header(), Ran("boot-1", AT), consent, Happened(answered, 1, AT)]


def recording() -> list[Entry]:
    return [
        *consented(),
        Happened(Start(), 2, AT),
        Happened(TimerFired("countdown", 1), 3, AT),
        take(),
        Happened(TakeOpened(GREET, 5), 6, AT),
    ]


def written(path: Path, entries: list[Entry]) -> Path:
    journal = SessionJournal(path)
    for entry in entries:
        journal.append(entry)
    journal.close()
    return path
