"""The record of a session: one run of one script version, its consent and its takes, sent again as it grows."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wire.base import Count, Document, Id, Microseconds, Ordinal, Utc, WireModel
from wire.capture import Medium
from wire.consent import ConsentRecord
from wire.labels import TaskType
from wire.script import LabelSchema, ScriptRef, StepKind


class TakeCapture(WireModel):
    capture: Id
    medium: Medium
    sensor: str


class TakeRecord(WireModel):
    """One attempt at a step. `torn`: the device stopped while it ran; the step runs again as a new attempt."""

    take: Id
    step: Id
    attempt: Ordinal
    kind: StepKind
    state: Literal["open", "closed", "torn"]
    reason: str | None = None
    prompt: str
    expected: str | None = None
    objects: list[str] = []
    reviews: list[TaskType] = []
    opened_us: Microseconds
    closed_us: Microseconds | None = None
    opened_at: Utc
    closed_at: Utc | None = None
    captures: list[TakeCapture]


class StepTitle(WireModel):
    id: Id
    title: str


class SessionRecord(Document):
    """`revision` rises with every change; the collector keeps the highest it has seen."""

    session: Id
    revision: Count
    study: Id
    script: ScriptRef
    language: str
    label_schema: LabelSchema
    steps: list[StepTitle] = Field(default=[], description="Every step of the plan in its order, run or not.")
    device: Id
    participant: Id
    home: Id
    consent: ConsentRecord
    state: Literal["running", "finished", "stopped", "refused"]
    started_at: Utc
    ended_at: Utc | None = None
    takes: list[TakeRecord] = []
