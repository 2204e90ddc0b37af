"""One reviewed capture of one model: what the model said, what a person made of it, and under which circumstances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from wire.labels import Label, LabelsDocument, Source
from wire.tasks import TaskType

Sight = Literal["shown", "others", "nothing"]


@dataclass(frozen=True)
class Reviewed:
    """A model's document about one capture beside the reviewed one.

    Two models on the same capture are two of these with the same `after` and the same `revision`.

    `before`     the model's labels under the ids that the person was shown; empty: it looked and found nothing
    `after`      the accepted revision; a label kept from a pre-label keeps its id and its source
    `revision`   which submit it was; active time belongs to it as a whole
    `step`       the script step's id, meant within the script version `script_sha256`
    `times_us`   the frame table of a video; without it tracks are compared at their keyframes only
    `size`       (width, height) of the stored picture; with it boxes are cut at its edge before they are compared
    `active_ms`  active time of the whole revision, None when nobody counted it
    `words`      the words that the model knows (`names` of its package): a face detector misses no cup. None: those
                 it used anywhere in the items of one report
    `drawn_by_chance`  the task was of the queue's random share
    `sight`      what the person had been shown: these pre-labels, those of other models only, or none of any model
    """

    revision: str
    capture: str
    task_type: TaskType
    device: str
    script_sha256: str
    step: str
    before: LabelsDocument
    after: LabelsDocument
    language: str | None = None
    times_us: Sequence[int] | None = None
    size: tuple[int, int] | None = None
    active_ms: int | None = None
    words: frozenset[str] | None = None
    drawn_by_chance: bool = False
    sight: Sight = "shown"

    @property
    def shown(self) -> bool:
        return self.sight == "shown"

    @property
    def blind(self) -> bool:
        """Labelled with nothing to agree with, and chosen by nobody: others are whatever was opened first."""
        return self.sight == "nothing" and self.drawn_by_chance

    @property
    def model(self) -> Source:
        return self.before.source

    def source_of(self, label: Label) -> Source:
        """Who is behind a label of `after`."""
        return label.source or self.after.source

    def of_another_model(self, label: Label) -> bool:
        source = self.source_of(label)
        return source.kind == "model" and not source.ran_as(self.model)
