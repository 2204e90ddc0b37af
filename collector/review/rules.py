"""Which task comes next, and why. Pure rules over plain values; the queue's SQL applies them.

Order. A task's worth is 1 for a conflict between what the script expects and what the models found, plus the
uncertainty of its least certain pre-label (0..1); a day of waiting is worth 1 as well. Because waiting time grows for
all alike, `worth - days since 1970` never changes and is stored as the task's priority.

Random share. A coin puts every new task with probability 0.1 into the random share, whatever it shows; one request
in ten is served from that share, oldest first, as long as it lasts. The share is therefore a sample of all tasks in
which each has the same chance, and estimates (the models' error rate, say) use it alone. The other tasks are taken by
priority. Reason and probability stay with the task and with every revision of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from wire.labels import Box, Interval, Label, LabelsDocument, TaskType, Track

RANDOM_SHARE = 0.1
LEASE_SECONDS = 600
COUNT_LIMIT = 5

ReasonKind = Literal["uncertainty", "conflict", "age", "random"]
Medium = Literal["video", "audio", "image", "text"]

LABELLED: dict[TaskType, Medium] = {"boxes": "image", "tracks": "video", "speech": "audio", "text": "text"}
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
    prelabels: Iterable[LabelsDocument],
    draw: float,
) -> Reason:
    """The reason and the worth of a new task.

    Args:
        kind: the task's type.
        expected: what the script expects to be said, if anything.
        objects: the things the script expects to be seen.
        prelabels: the documents that came with the captures the task labels.
        draw: a random number, uniform in [0, 1): the coin of the random share.
    """
    labels = [label for document in prelabels for label in document.labels]
    if draw < RANDOM_SHARE:
        return Reason("random", "One of the one in ten that is drawn by chance.", RANDOM_SHARE, 0.0)
    doubt = uncertainty(labels)
    probability = 1 - RANDOM_SHARE
    clash = conflict(kind, expected, objects, labels)
    if clash:
        return Reason("conflict", clash, probability, 1.0 + doubt)
    if doubt > 0:
        return Reason("uncertainty", f"The least certain pre-label is {doubt:.0%} in doubt.", probability, doubt)
    return Reason("age", "The oldest comes first: no pre-label is in doubt.", probability, 0.0)


def uncertainty(labels: Iterable[Label]) -> float:
    """1 - |2p - 1| of the pre-label whose score p is nearest one half; 0 without scores."""
    return max((1 - abs(2 * label.score - 1) for label in labels if label.score is not None), default=0.0)


def conflict(kind: TaskType, expected: str | None, objects: Sequence[str], labels: Sequence[Label]) -> str | None:
    """The sentence that says how script and models disagree, None when they do not."""
    if kind == "speech":
        spoken = any(isinstance(label, Interval) for label in labels)
        if expected and not spoken:
            return "The script expects something to be said; no speech was found."
        if spoken and not expected:
            return "Speech was found where the script expects none."
        return None
    if kind in ("boxes", "tracks"):
        found = {label.label.casefold() for label in labels if isinstance(label, Box | Track)}
        if "face" in found:
            found.add("person")  # a face detector knows no other word for somebody being there
        missing = [name for name in objects if name.casefold() not in found]
        if missing:
            return f"The script expects {', '.join(missing)}; the models found none."
    return None


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
