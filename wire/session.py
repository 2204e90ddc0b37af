"""The record of a session: one run of one script version, its consent and its takes.

From SessionRecord 3 on each take crosses as a TakeDocument of its own, so that what a take costs does not grow with
those before it.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from wire.base import Count, Document, Id, Microseconds, Ordinal, Utc, WireModel, is_none
from wire.capture import Medium, set_schema
from wire.consent import ConsentRecord
from wire.script import LabelSchema, ScriptRef, StepKind
from wire.tasks import TaskType


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
    boot: Id | None = Field(
        default=None, exclude_if=is_none, description="Which start of the device's clock `opened_us` is on"
    )


class StepTitle(WireModel):
    id: Id
    title: str


class SessionRecord(Document):
    """`revision` rises with every change; the highest that the collector has seen counts.

    `takes[].boot` (schema 2) is given when the device was started anew in the session: times of two starts of its
    monotonic clock cannot be compared. `take_count` (schema 3) is how many takes the session had begun; then `takes`
    is empty on the way to the collector, and what the collector answers has those that have come.
    """

    SCHEMA: ClassVar[int] = 3

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
    take_count: Count | None = Field(
        default=None,
        exclude_if=is_none,
        description="Takes begun at this revision; each comes as a document of its own. Null: in `takes`.",
    )

    @property
    def is_whole(self) -> bool:
        """Whether its takes travel in it (schemas 1 and 2)."""
        return self.take_count is None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        with_boots = any(take.boot is not None for take in self.takes)
        set_schema(self, 3 if self.take_count is not None else 2 if with_boots else 1)
        return self


class TakeDocument(Document):
    """One take of a session: sent when it has ended, and again when something of it changes.

    `revision` is that of the session when the document was made: of one take the highest counts, whatever order they
    arrive in.
    """

    session: Id
    device: Id
    revision: Count
    number: Ordinal = Field(description="Place among the takes of the session, in the order of opening.")
    step_number: Ordinal = Field(description="Place of its step in the order in which steps were first taken.")
    take: TakeRecord
