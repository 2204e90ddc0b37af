"""What a submit has to be before it becomes a revision. Pure.

The page may be old or wrong and a program may be anything, so the service checks every label against the task and
sets itself what the reviewer does not decide: who is the source, what is a kept pre-label, and what was edited.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any

from collector.review.problems import LabelsRefused
from prelabel.geometry.validity import geometry_fault
from prelabel.quality.sameness import identical, same_label
from wire.errors import SchemaTooNew
from wire.labels import Box, Interval, Keypoints, Label, LabelsDocument, Mask, Polygon, Source, Span, Track
from wire.labels import Text as TextLabel
from wire.tasks import TASK_RULES, TaskType

# A microphone's last block may reach past the duration its manifest rounds to.
SLACK_US = 50_000


@dataclass(frozen=True)
class LabelledCapture:
    """What a label can be checked against. `times_us` is the frame table of a video, None for other media;
    `size` is (width, height) of a picture.
    """

    capture: str
    duration_us: int | None
    times_us: Sequence[int] | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class KnownLabel:
    """A label that was there before the person began, and who said it first."""

    label: Label
    source: Source


def known_labels(documents: Sequence[LabelsDocument]) -> dict[tuple[str, str], KnownLabel]:
    """Every label of the documents by (capture, label id); of two with the same id the first stays."""
    known: dict[tuple[str, str], KnownLabel] = {}
    for document in documents:
        for label in document.labels:
            known.setdefault((document.capture, label.id), KnownLabel(label, label.source or document.source))
    return known


def finished_documents(
    kind: TaskType,
    captures: Sequence[LabelledCapture],
    classes: Sequence[str],
    submitted: Sequence[LabelsDocument],
    prelabels: Sequence[LabelsDocument],
    previous: Sequence[LabelsDocument],
    reviewer: str,
) -> list[LabelsDocument]:
    """The documents as the revision keeps them, one a labelled capture, in the order of the task.

    Args:
        kind: the task's type.
        captures: the captures the task labels.
        classes: the words of the study's label schema for this type; empty means any.
        submitted: what the person sent.
        prelabels: what the person was shown (`shown_labels`).
        previous: the documents of the ground truth so far, empty before the first submit.
        reviewer: the person's name.

    Raises:
        LabelsRefused: one sentence about the first thing that does not fit.
        SchemaTooNew: a document is newer than this collector.
    """
    for document in submitted:
        if document.schema_number > LabelsDocument.SCHEMA:
            raise SchemaTooNew(
                f"This LabelsDocument has schema {document.schema_number}, the highest read here is"
                f" {LabelsDocument.SCHEMA}.",
                highest=LabelsDocument.SCHEMA,
            )
    by_capture = {document.capture: document for document in submitted}
    wanted = [facts.capture for facts in captures]
    if len(by_capture) != len(submitted):
        raise LabelsRefused("The submit has two documents for the same capture.")
    _same_captures(set(wanted), set(by_capture))
    before = known_labels(previous)
    known = {**before, **known_labels(prelabels)}
    result = []
    for facts in captures:
        document = _composed(by_capture[facts.capture])
        labels = []
        for label in document.labels:
            here = (facts.capture, label.id)
            shown = [row.label for row in (known.get(here), before.get(here)) if row is not None]
            if not any(identical(label, other) for other in shown):  # whatever a model made of it
                _check(kind, facts, classes, label, [other.label for other in shown])
            _check_geometry(facts, label)
            labels.append(_attributed(label, known.get(here), reviewer))
        # A page may send back a model's document; it is the reviewer's now.
        result.append(document.by_person(reviewer, labels))
    return result


def _same_captures(wanted: set[str], sent: set[str]) -> None:
    missing, extra = wanted - sent, sent - wanted
    if missing or extra:
        what = f"lacks one for {min(missing)}" if missing else f"has one for {min(extra)}, which it does not label"
        raise LabelsRefused(f"The submit needs one document for each capture the task labels; it {what}.")


def _attributed(label: Label, known: KnownLabel | None, reviewer: str) -> Label:
    """The label with the source, score and mark that are true, whatever the page said about them."""
    if known is None:
        return label.model_copy(update={"source": None, "score": None, "edited": False})
    own = known.source.kind == "person" and known.source.name == reviewer
    truth: dict[str, Any] = {
        "source": None if own else known.source,
        "score": known.label.score,
        "edited": known.label.edited or not same_label(label, known.label),
    }
    if isinstance(label, Interval) and isinstance(known.label, Interval):
        truth["expected"] = known.label.expected
    return label.model_copy(update=truth)


def _check(kind: TaskType, facts: LabelledCapture, classes: Sequence[str], label: Label, shown: Sequence[str]) -> None:
    def refuse(why: str) -> LabelsRefused:
        return LabelsRefused(
            f"Label {label.id} of capture {facts.capture} {why}.", capture=facts.capture, label=label.id
        )

    if label.kind not in TASK_RULES[kind].kinds:
        raise refuse(f"is of kind {label.kind}, which a {kind} task does not take")
    if classes and label.label not in classes and label.label not in shown:
        raise refuse(f'is called "{label.label}"; the study knows {", ".join(classes)}')
    if isinstance(label, Track):
        _check_keyframes(facts, label, refuse)
    if isinstance(label, Box | Polygon | Keypoints | Mask) and (label.frame or label.start_us):
        raise refuse("names a frame, but a still has only one")
    if isinstance(label, Interval):
        if label.start_us < 0:
            raise refuse("starts before the recording")
        if facts.duration_us is not None and label.end_us > facts.duration_us + SLACK_US:
            raise refuse(f"ends at {label.end_us / 1e6:.3f} s, the recording at {facts.duration_us / 1e6:.3f} s")
    if isinstance(label, Span) and label.parent is None:
        raise refuse("has a span outside the text")


def _check_geometry(facts: LabelledCapture, label: Label) -> None:
    """Of labels that people were shown, too: what no reader takes does not become ground truth."""
    fault = geometry_fault(label, facts.size)
    if fault is not None:
        message = f"Label {label.id} of capture {facts.capture} {fault}."
        raise LabelsRefused(message, capture=facts.capture, label=label.id)


def _check_keyframes(facts: LabelledCapture, track: Track, refuse: Callable[[str], LabelsRefused]) -> None:
    times = facts.times_us
    if times is None:
        raise refuse("is a track, but the capture has no frame table")
    for row in track.keyframes:
        if row.frame >= len(times):
            raise refuse(f"has a keyframe at frame {row.frame}; the recording has {len(times)} frames")
        if row.start_us != times[row.frame]:
            raise refuse(f"says frame {row.frame} is at {row.start_us} us; the frame table says {times[row.frame]} us")


def _composed(document: LabelsDocument) -> LabelsDocument:
    """Texts in Unicode NFC. A text that spans point into is refused instead: its offsets would change."""
    pointed = {label.parent for label in document.labels if isinstance(label, Span)}
    labels = [_composed_label(label, document.capture, pointed) for label in document.labels]
    is_same = all(made is label for made, label in zip(labels, document.labels, strict=True))
    return document if is_same else document.model_copy(update={"labels": labels})


def _composed_label(label: Label, capture: str, pointed: Container[str | None]) -> Label:
    text = label.text if isinstance(label, Interval | TextLabel) else None
    if text is None or unicodedata.is_normalized("NFC", text):
        return label
    if label.id in pointed:
        raise LabelsRefused(
            f"The text of label {label.id} of capture {capture} is not in Unicode NFC, so its spans cannot be counted.",
            hint="Compose the text (NFC) before counting its spans.",
            capture=capture,
            label=label.id,
        )
    return label.model_copy(update={"text": unicodedata.normalize("NFC", text)})
