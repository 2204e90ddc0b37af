"""The source of a script: its fields read from YAML into a source model whose every value knows its place.

This file holds the shape (which fields, of what type, in which range); what the fields mean together is checked in
scripts/check.py. docs/scripts.md describes the language for those who write it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import get_args

from ruamel.yaml.nodes import Node

from scripts.findings import Findings, Place, unexpected_characters
from scripts.nodes import Fields, Placed, compose
from wire.base import is_id
from wire.capture import Medium
from wire.script import MARGIN_SECONDS, MaskedFaces, MaskMethod, MutedSpeech, MuteSound, StepKind, is_inside
from wire.tasks import TaskType

KINDS: tuple[str, ...] = get_args(StepKind)
MEDIA: tuple[str, ...] = get_args(Medium)
TASK_TYPES: tuple[str, ...] = get_args(TaskType)
SCRIPT_FIELDS = ("id", "version", "title", "language", "study", "consent", "labels", "redaction", "steps")
REDACTION_FIELDS = ("faces", "zone", "speech", "method", "sound", "margin_seconds")
CONSENT_FIELDS = ("text", "uses")
STEP_FIELDS = (
    "id", "kind", "title", "prompt", "expected", "objects", "record", "countdown_seconds", "seconds", "repeat",
    "reviews",
)  # fmt: skip
MAX_REPEAT = 100
MAX_SECONDS = 3600
MAX_STEPS = 2000
MAX_TITLE = 200  # characters, as the following
MAX_PROMPT = 2000
MAX_CONSENT = 50_000
# BCP 47 (RFC 5646), the part a script needs: language, script, region, further parts.
_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-[A-Za-z0-9]{4,8})*$")


@dataclass(frozen=True)
class SourceConsent:
    place: Place
    text: Placed[str] | None
    uses: list[Placed[str]]


@dataclass(frozen=True)
class SourceRedaction:
    """A redaction as written; `zone` is x, y, width and height in parts of the picture, inside it."""

    fields: Fields
    faces: Placed[str] | None
    zone: Placed[tuple[float, ...]] | None
    speech: Placed[str] | None
    method: Placed[str] | None
    sound: Placed[str] | None
    margin_seconds: Placed[float] | None


@dataclass(frozen=True)
class SourceStep:
    """A step as written. `None` and empty mean: not there, or not usable and already a finding."""

    fields: Fields
    id: Placed[str] | None
    kind: Placed[str] | None
    title: Placed[str] | None
    prompt: Placed[str] | None
    expected: Placed[str] | None
    objects: list[Placed[str]]
    record: list[Placed[str]]
    countdown_seconds: Placed[float] | None
    seconds: Placed[float] | None
    repeat: Placed[float] | None
    reviews: list[Placed[str]]

    @property
    def plan_ids(self) -> list[str]:
        """The ids of the plan's steps this one becomes: `greet`, or `greet-1` to `greet-3` with `repeat: 3`."""
        if self.id is None:
            return []
        if self.repeat is None:
            return [self.id.value]
        return [f"{self.id.value}-{number}" for number in range(1, int(self.repeat.value) + 1)]


@dataclass(frozen=True)
class SourceScript:
    id: Placed[str] | None
    version: Placed[str] | None
    title: Placed[str] | None
    language: Placed[str] | None
    study: Placed[str] | None
    consent: SourceConsent | None
    labels: dict[str, list[Placed[str]]] = field(default_factory=dict)
    redaction: SourceRedaction | None = None
    steps: list[SourceStep] = field(default_factory=list)


def read_source(text: str, findings: Findings) -> SourceScript | None:
    """The source model of a script's text; None when there is nothing to read a field from."""
    root = compose(text, findings)
    if root is None:
        return None
    fields = Fields(root, "the script", SCRIPT_FIELDS, findings)
    if not fields.usable:
        return None
    language = fields.text("language")
    if language is not None and not _LANGUAGE.fullmatch(language.value):
        findings.error(language.place, "bad-language", f"{language.value} is not a language tag such as en or en-GB.")
    return SourceScript(
        id=_id(fields, "id"),
        version=fields.text("version"),
        title=fields.text("title", limit=MAX_TITLE),
        language=language,
        study=_id(fields, "study"),
        consent=_consent(fields, findings),
        labels=_labels(fields, findings),
        redaction=_redaction(fields, findings),
        steps=_steps(fields, findings),
    )


def _id(fields: Fields, name: str) -> Placed[str] | None:
    value = fields.text(name)
    if value is None or is_id(value.value):
        return value
    message = f"{name} of {fields.what} is {value.value!r}; expected 1 to 64 letters, digits, - or _."
    message += unexpected_characters(value.value)
    fields.findings.error(value.place, "bad-id", message)
    return None


def _consent(fields: Fields, findings: Findings) -> SourceConsent | None:
    node = fields.node("consent")
    if node is None:
        return None
    inner = Fields(node, "consent", CONSENT_FIELDS, findings)
    if not inner.usable:
        return None
    uses = inner.words("uses", allowed=MEDIA, code="unknown-medium", required=True)
    return SourceConsent(inner.place, inner.text("text", limit=MAX_CONSENT), uses or [])


def _labels(fields: Fields, findings: Findings) -> dict[str, list[Placed[str]]]:
    node = fields.node("labels", required=False)
    if node is None:
        return {}
    inner = Fields(node, "labels", TASK_TYPES, findings)
    found = {name: inner.words(name) for name in TASK_TYPES if inner.usable}
    return {name: words for name, words in found.items() if words is not None}


def _redaction(fields: Fields, findings: Findings) -> SourceRedaction | None:
    node = fields.node("redaction", required=False)
    if node is None:
        return None
    inner = Fields(node, "redaction", REDACTION_FIELDS, findings)
    if not inner.usable:
        return None
    return SourceRedaction(
        fields=inner,
        faces=inner.word("faces", get_args(MaskedFaces)),
        zone=_zone(inner),
        speech=inner.word("speech", get_args(MutedSpeech)),
        method=inner.word("method", get_args(MaskMethod)),
        sound=inner.word("sound", get_args(MuteSound)),
        margin_seconds=inner.number("margin_seconds", *MARGIN_SECONDS),
    )


def _zone(fields: Fields) -> Placed[tuple[float, ...]] | None:
    zone = fields.numbers("zone", 4, 0, 1)
    if zone is None:
        return None
    x, y, width, height = zone.value
    if is_inside(x, width) and is_inside(y, height):
        return zone
    message = "zone of redaction is not inside the picture: x, y, width and height are parts of it."
    fields.findings.error(zone.place, "out-of-range", message)
    return None


def _steps(fields: Fields, findings: Findings) -> list[SourceStep]:
    nodes = fields.items("steps")
    if len(nodes) > MAX_STEPS:
        message = f"The script has {len(nodes)} steps; at most {MAX_STEPS} are read."
        findings.error(fields.place_of("steps"), "out-of-range", message)
    return [step for number, node in enumerate(nodes[:MAX_STEPS], 1) if (step := _step(node, number, findings))]


def _step(node: Node, number: int, findings: Findings) -> SourceStep | None:
    fields = Fields(node, f"step {number}", STEP_FIELDS, findings)
    if not fields.usable:
        return None
    step_id = _id(fields, "id")
    if step_id is not None:
        fields.what = f"step {step_id.value}"
    return SourceStep(
        fields=fields,
        id=step_id,
        kind=_kind(fields),
        title=fields.text("title", required=False, limit=MAX_TITLE),
        prompt=fields.text("prompt", limit=MAX_PROMPT),
        expected=fields.text("expected", required=False, limit=MAX_PROMPT),
        objects=fields.words("objects") or [],
        record=fields.words("record", allowed=MEDIA, code="unknown-medium", required=True) or [],
        countdown_seconds=fields.number("countdown_seconds", 0, MAX_SECONDS),
        seconds=fields.number("seconds", 0.5, MAX_SECONDS),
        repeat=fields.number("repeat", 1, MAX_REPEAT, whole=True),
        reviews=fields.words("reviews", allowed=TASK_TYPES, code="unknown-review") or [],
    )


def _kind(fields: Fields) -> Placed[str] | None:
    kind = fields.text("kind")
    if kind is None or kind.value in KINDS:
        return kind
    fields.unknown_word(kind, "kind", KINDS, "unknown-kind")
    return None
