"""Which task comes next, and why. Pure rules over plain values; the queue's SQL applies them.

Order. A task's worth is the sum of the doubts about its pre-labels (prelabel/scores.py: uncertainty after calibration,
flicker of tracks, two models that disagree, conflict with the script, a doubtful transcript), each 0..1 and 2 at most
together; a day of waiting is worth 1. Because waiting time grows for all alike, `worth - days since 1970` never changes
with time and is stored as the task's priority.

Random share. A coin puts every new task with probability 0.1 into the random share, whatever it shows; one request
in ten is served from that share, oldest first, as long as it lasts. The share is therefore a sample of all tasks in
which each has the same chance, and estimates (the models' error rate, say) use it alone. The other tasks are taken by
priority. Reason and probability stay with the task and with every revision of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from prelabel.scores import Calibrations, Vocabularies, combined, reasons
from wire.labels import Label, LabelsDocument, TaskType, Text

RANDOM_SHARE = 0.1
LEASE_SECONDS = 600
COUNT_LIMIT = 5

ReasonKind = Literal["uncertainty", "flicker", "disagreement", "conflict", "transcript", "age", "random"]
Medium = Literal["video", "audio", "image", "text"]

LABELLED: dict[TaskType, tuple[Medium, ...]] = {
    "boxes": ("image",),
    "tracks": ("video",),
    "speech": ("audio",),
    "text": ("text", "image"),  # a typed answer; the text that stands in a still
}
BESIDE: dict[TaskType, tuple[Medium, ...]] = {
    "boxes": (),
    "tracks": ("audio",),
    "speech": ("video",),
    "text": (),
}


@dataclass(frozen=True)
class Reason:
    """Why the queue gives a task, in a word, in a sentence, and with which probability its coin chose the lane."""

    kind: ReasonKind
    text: str
    probability: float
    worth: float


def reason_for(
    kind: TaskType,
    expected: str | None,
    objects: Sequence[str],
    prelabels: Sequence[LabelsDocument],
    draw: float,
    calibrations: Calibrations | None = None,
    vocabularies: Vocabularies | None = None,
) -> Reason:
    """The reason and the worth of a task: its worst doubt in words, all of them in its worth.

    Args:
        kind: the task's type.
        expected: what the script expects to be said, if anything.
        objects: the things the script expects to be seen.
        prelabels: the documents that came with the captures the task labels.
        draw: a random number, uniform in [0, 1): the coin of the random share.
        calibrations: what models' scores are worth, by sha256.
        vocabularies: the words models know, by sha256.
    """
    if draw < RANDOM_SHARE:
        return Reason("random", "One of the one in ten that is drawn by chance.", RANDOM_SHARE, 0.0)
    probability = 1 - RANDOM_SHARE
    doubts = reasons(kind, expected, objects, prelabels, calibrations, vocabularies)
    if not doubts:
        return Reason("age", "The oldest comes first: no pre-label is in doubt.", probability, 0.0)
    return Reason(doubts[0].kind, doubts[0].text, probability, combined(doubts))


def concerns(kind: TaskType, document: LabelsDocument) -> bool:
    """Whether a document is a pre-label of a task of this type: on a still, text and things are two tasks.

    A document that found nothing concerns every task of its capture.
    """
    if not document.labels or kind not in ("boxes", "text"):
        return True
    return any(isinstance(label, Text) for label in document.labels) == (kind == "text")


def priority(worth: float, created_at: datetime) -> float:
    """The number the queue sorts by, highest first. A day of waiting is worth 1 (see above)."""
    return worth - created_at.timestamp() / 86_400


def random_first(draw: float) -> bool:
    """Whether a request is served from the random share first; `draw` is uniform in [0, 1)."""
    return draw < RANDOM_SHARE


def without_twins(documents: Sequence[LabelsDocument]) -> list[LabelsDocument]:
    """The pre-labels of a task with label ids that are unique per capture.

    Ids are unique in a document only; two models may use the same. The later one gets `-2`, `-3`, …; the page shows
    these ids and the diff is made against them. The same documents always give the same ids.
    """
    taken: dict[str, set[str]] = {}
    result: list[LabelsDocument] = []
    for document in documents:
        used = taken.setdefault(document.capture, set())
        own = {label.id for label in document.labels}
        renamed: dict[str, str] = {}
        for label in document.labels:
            renamed[label.id] = label.id if label.id not in used else _free_id(label.id, used | own)
            used.add(renamed[label.id])
        labels = [_renamed(label, renamed) for label in document.labels]
        result.append(document.model_copy(update={"labels": labels}))
    return result


def _free_id(name: str, used: set[str]) -> str:
    number, free = 1, name
    while free in used:
        number += 1
        tail = f"-{number}"
        free = name[: 64 - len(tail)] + tail
    return free


def _renamed(label: Label, names: dict[str, str]) -> Label:
    parent = names.get(label.parent, label.parent) if label.parent else None
    if names[label.id] == label.id and parent == label.parent:
        return label
    return label.model_copy(update={"id": names[label.id], "parent": parent})


def may_write(fence: int, holder: str | None, person: str, quoted: int) -> bool:
    """A write is accepted if and only if the fence it quotes equals the task's, and it is the holder's.

    Time plays no part: a lease that ran out is good until somebody else takes the task.
    """
    return fence == quoted and holder == person
