"""Which task comes next, and why. Pure rules over plain values; the queue's SQL applies them.

Order. A task's worth is the sum of the doubts about its pre-labels (prelabel/triage/doubts.py: uncertainty after
calibration, flicker of tracks, two models that disagree, conflict with the script, a doubtful transcript), each 0..1
and 2 at most together; a day of waiting is worth 1. Because waiting time grows for all alike, `worth - days since 1970`
never changes with time and is stored as the task's priority.

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

from prelabel.triage.doubts import Calibrations, Vocabularies, combined, reasons
from wire.labels import Choice, Interval, Label, LabelsDocument, Text
from wire.tasks import TaskType

RANDOM_SHARE = 0.1
LEASE_SECONDS = 600
COUNT_LIMIT = 5
MAX_LEASES = 40  # of one person at a time, on all pages together: eight of them, each with five tasks

ReasonKind = Literal["uncertainty", "flicker", "disagreement", "conflict", "transcript", "age", "random"]


@dataclass(frozen=True)
class Reason:
    """Why the queue gives a task, in a word, in a sentence, and with which probability its coin chose the lane."""

    kind: ReasonKind
    text: str
    probability: float
    worth: float


def reason_for(
    kind: TaskType,
    speaks: bool,
    objects: Sequence[str],
    prelabels: Sequence[LabelsDocument],
    draw: float,
    calibrations: Calibrations | None = None,
    vocabularies: Vocabularies | None = None,
    beside: Sequence[LabelsDocument] = (),
) -> Reason:
    """The reason and the worth of a task: its worst doubt in words, all of them in its worth.

    Args:
        kind: the task's type.
        speaks: whether the script asks somebody to say something.
        objects: the things the script expects to be seen.
        prelabels: the documents of the captures the task labels, as people are shown them.
        draw: a random number, uniform in [0, 1): the coin of the random share.
        calibrations: what models' scores are worth, by file and configuration.
        vocabularies: the words models know, by sha256.
        beside: documents that are not shown: another model's answer replaced them, or they came after the first look.
    """
    if draw < RANDOM_SHARE:
        return Reason("random", "Random sample (1 in 10).", RANDOM_SHARE, 0.0)
    probability = 1 - RANDOM_SHARE
    doubts = reasons(kind, speaks, objects, prelabels, calibrations, vocabularies, beside)
    if not doubts:
        return Reason("age", "Oldest first.", probability, 0.0)
    return Reason(doubts[0].kind, doubts[0].text, probability, combined(doubts))


def part_for(kind: TaskType, classes: Sequence[str], document: LabelsDocument) -> LabelsDocument | None:
    """What of a model's or a script's document is a pre-label of a task of this type; None when nothing of it is.

    On a still, text and things are two tasks; of a spoken answer, the regions and the text are. A word the study does
    not know is nobody's work: it is kept with its document, and not shown. A document that found nothing says so to
    every task of its capture.

    Args:
        classes: the words of the study's label schema for this type; empty means any.
    """
    if not document.labels:
        return document
    texts = {label.id: label.parent for label in document.labels if isinstance(label, Text)}
    heard = any(isinstance(label, Interval) for label in document.labels)
    if kind == "text":
        if not texts:
            return None
        about = {*texts, *texts.values()}
        kept = [label for label in document.labels if label.id in about or label.parent in texts]
    elif texts and not heard:
        return None
    else:
        kept = [label for label in document.labels if label.id not in texts and _is_known(label, classes)]
    return document if len(kept) == len(document.labels) else document.model_copy(update={"labels": kept})


def parts_for(kind: TaskType, classes: Sequence[str], documents: Iterable[LabelsDocument]) -> list[LabelsDocument]:
    """`part_for` of several documents, without those that say nothing about the task."""
    parts = (part_for(kind, classes, document) for document in documents)
    return [part for part in parts if part is not None]


def _is_known(label: Label, classes: Sequence[str]) -> bool:
    return not classes or label.label in classes or isinstance(label, Choice)


def priority(worth: float, created_at: datetime) -> float:
    """The number the queue sorts by, highest first. A day of waiting is worth 1 (see above)."""
    return worth - created_at.timestamp() / 86_400


def random_first(draw: float) -> bool:
    """Whether a request is served from the random share first; `draw` is uniform in [0, 1)."""
    return draw < RANDOM_SHARE


def coin_probability(random: bool) -> float:
    """The chance with which `random_first` decides for the random share, or against it."""
    return RANDOM_SHARE if random else 1 - RANDOM_SHARE


def may_write(fence: int, holder: str | None, person: str, quoted: int) -> bool:
    """A write is accepted if and only if the fence it quotes equals the task's, and it is the holder's.

    Time plays no part: a lease that ran out is good until somebody else takes the task.
    """
    return fence == quoted and holder == person
