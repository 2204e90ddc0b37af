"""The compiled plan of a script: the only thing a device runs. Known by the sha256 of its canonical JSON."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wire.base import Document, Id, Sha256, WireModel
from wire.canonical import document_hash
from wire.capture import Medium
from wire.labels import TaskType

StepKind = Literal["say", "do", "show", "answer"]
Seconds = Annotated[float, Field(ge=0, le=3600)]


class ScriptRef(WireModel):
    id: Id
    version: str
    sha256: Sha256


class ConsentText(WireModel):
    """The words a participant agrees to and the uses they may allow or refuse one by one."""

    text: str = Field(min_length=1)
    uses: list[Medium] = Field(min_length=1)


class PlanStep(WireModel):
    """One unit of a script.

    say     the participant says `expected` aloud; microphone (and camera) record for `seconds`
    do      the participant does something in the picture; camera (and microphone) record for `seconds`
    show    an object is held up; one still is taken after the countdown
    answer  the participant types an answer
    """

    id: Id
    kind: StepKind
    title: str
    prompt: str = Field(min_length=1)
    expected: str | None = None
    objects: list[str] = []
    record: list[Medium] = Field(min_length=1)
    countdown_seconds: Seconds = 3
    seconds: Seconds = 5
    reviews: list[TaskType] = []


class LabelSchema(WireModel):
    """The words reviewers may choose from, by task type; order gives the digit keys."""

    boxes: list[str] = []
    tracks: list[str] = []
    speech: list[str] = ["speech"]
    text: list[str] = ["answer"]


class Plan(Document):
    id: Id
    version: str
    title: str
    language: str
    study: Id
    consent: ConsentText
    labels: LabelSchema = LabelSchema()
    steps: list[PlanStep] = Field(min_length=1)

    @model_validator(mode="after")
    def _step_ids_differ(self) -> Self:
        ids = [step.id for step in self.steps]
        if len(set(ids)) != len(ids):
            raise ValueError("two steps have the same id")
        return self

    @property
    def ref(self) -> ScriptRef:
        return ScriptRef(id=self.id, version=self.version, sha256=document_hash(self))

    def step(self, step_id: str) -> PlanStep:
        return next(step for step in self.steps if step.id == step_id)
