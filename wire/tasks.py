"""Review tasks: their types and what each is about, in one table, and the states a task is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wire.capture import Medium

TaskType = Literal["boxes", "tracks", "speech", "text"]
TaskState = Literal["open", "leased", "done", "skipped", "withheld"]


@dataclass(frozen=True)
class TaskRules:
    """What a task of one type is about.

    labelled  media whose captures are labelled, those that a take has of them
    beside    media whose captures are shown with them, and not labelled
    main      the kind of label that the task is there for, counted even where there is none
    kinds     the kinds of labels that a person may submit
    """

    labelled: tuple[Medium, ...]
    beside: tuple[Medium, ...]
    main: str
    kinds: frozenset[str]


TASK_RULES: dict[str, TaskRules] = {
    "boxes": TaskRules(
        labelled=("image",),
        beside=(),
        main="box",
        kinds=frozenset({"box", "polygon", "polyline", "keypoints", "mask", "choice"}),
    ),
    "tracks": TaskRules(labelled=("video",), beside=("audio",), main="track", kinds=frozenset({"track", "choice"})),
    "speech": TaskRules(
        labelled=("audio",),
        beside=("video",),
        main="interval",
        kinds=frozenset({"interval", "text", "span", "choice"}),
    ),
    "text": TaskRules(
        labelled=("text", "audio", "image"),  # a typed answer; a spoken one; the text in a still
        beside=(),
        main="text",
        kinds=frozenset({"text", "span", "choice", "polygon"}),
    ),
}
