"""The compiled plan of a script: the only thing a device runs. Known by the sha256 of its canonical JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from wire.base import Document, Id, Number, Sha256, WireModel, is_none
from wire.canonical import document_hash
from wire.capture import Medium, set_schema
from wire.tasks import TaskType

StepKind = Literal["say", "do", "show", "answer"]
# Kinds in which the participant is asked to speak: all sound of their takes was asked for.
PROMPTED: frozenset[str] = frozenset({"say", "answer"})
# Of these media a step of each kind must record at least one, or it means nothing: words that nobody hears.
NEEDED_MEDIA: dict[str, tuple[Medium, ...]] = {
    "say": ("audio",),
    "do": ("video", "audio"),
    "show": ("image",),
    "answer": ("text", "audio"),
}
Seconds = Annotated[Number, Field(ge=0, le=3600)]
MARGIN_SECONDS = (0.5, 5.0)
Margin = Annotated[Number, Field(ge=MARGIN_SECONDS[0], le=MARGIN_SECONDS[1])]
MaskedFaces = Literal["bystanders", "everyone"]
MutedSpeech = Literal["outside-prompts"]
MaskMethod = Literal["solid", "mosaic"]
MuteSound = Literal["zeros", "noise"]
Share = Annotated[Number, Field(ge=0, le=1)]


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
    answer  the participant types an answer, or says it: microphone for at most `seconds`
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

    @property
    def is_typed(self) -> bool:
        """Whether it is done by typing; everything else is recorded."""
        return self.kind == "answer" and "text" in self.record

    def media_of(self, granted: Iterable[str]) -> tuple[Medium, ...]:
        """What the step records when these uses are granted; nothing when what is left is not what it is about."""
        media = tuple(medium for medium in self.record if medium in granted)
        return media if any(medium in NEEDED_MEDIA[self.kind] for medium in media) else ()


class LabelSchema(WireModel):
    """The words reviewers may choose from, by task type; order gives the digit keys."""

    boxes: list[str] = []
    tracks: list[str] = []
    speech: list[str] = ["speech"]
    text: list[str] = ["answer"]


class Redaction(WireModel):
    """What a study masks in every recording: other people's faces, and speech outside the prompts.

    `zone` is where the consenting participant stands, as x, y, width and height in parts of the picture; without it
    everybody is masked. `margin_seconds` is how long a frame or a sample waits in memory so that it is masked with what
    is known before and after it.
    """

    faces: MaskedFaces | None = None
    zone: tuple[Share, Share, Share, Share] | None = None
    speech: MutedSpeech | None = None
    method: MaskMethod = "solid"
    sound: MuteSound = "zeros"
    margin_seconds: Margin = 2.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.faces is None and self.speech is None:
            raise ValueError("a redaction masks faces, mutes speech, or both")
        if self.zone is not None:
            if self.faces != "bystanders":
                raise ValueError("a zone is only for faces: bystanders")
            x, y, width, height = self.zone
            if not is_inside(x, width) or not is_inside(y, height):
                raise ValueError("the zone does not lie inside the picture")
        return self


def is_inside(start: float, length: float) -> bool:
    """Whether a stretch lies in 0..1, to a millionth: a tenth and nine tenths are not quite one in binary."""
    return length > 0 and start + length <= 1 + 1e-6


class Plan(Document):
    """`redaction` came with schema 2; a plan without one is written as schema 1 and keeps the hash it had there."""

    SCHEMA: ClassVar[int] = 2

    id: Id
    version: str
    title: str
    language: str
    study: Id
    consent: ConsentText
    labels: LabelSchema = LabelSchema()
    redaction: Redaction | None = Field(default=None, exclude_if=is_none)
    steps: list[PlanStep] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        set_schema(self, 1 if self.redaction is None else 2)
        ids = [step.id for step in self.steps]
        if len(set(ids)) != len(ids):
            raise ValueError("two steps have the same id")
        return self

    @property
    def ref(self) -> ScriptRef:
        return ScriptRef(id=self.id, version=self.version, sha256=document_hash(self))

    def step(self, step_id: str) -> PlanStep:
        return next(step for step in self.steps if step.id == step_id)
