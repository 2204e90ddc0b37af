"""What the report on pre-labels consists of: plain values for a page, a table or a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from prelabel.quality.estimates import RateInterval, Ratio, rates
from wire.base import Count, Document, Sha256, Utc, WireModel
from wire.labels import Source

Cut = Literal["model", "class", "device", "step", "each"]
_DECIMALS = 6


class Estimate(WireModel):
    """A share of labels with its 95 % interval, clustered by capture: labels of one capture are right together.

    `of` is the number of labels, `captures` that of the captures they are from (quality/estimates.py).
    """

    share: float
    low: float
    high: float
    of: Count
    captures: Count


class Quartiles(WireModel):
    low: float
    median: float
    high: float
    of: Count


class Edits(WireModel):
    """What became of the pre-labels that people saw; quality/matching.py has the words.

    accepted + moved + edited + relabelled + deleted + doubled = prelabels.
    """

    prelabels: Count = 0
    accepted: Count = 0
    moved: Count = 0
    edited: Count = 0
    relabelled: Count = 0
    deleted: Count = 0
    doubled: Count = 0
    added: Count = 0


class Found(WireModel):
    """Pre-labels with a reviewed label of the same word at overlap 0.5 or more, those without, labels not found.

    Reviewed labels with a word that the model does not know are not missed by it.
    """

    right: Count = 0
    wrong: Count = 0
    missed: Count = 0
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None


class AveragePrecision(WireModel):
    """COCO's: mean over overlaps 0.50 … 0.95, and at 0.50; `truth` is how many reviewed labels it rests on.

    Without a true label there is no recall and so none of it, however many false alarms: `precision` has those. Overlap
    is by area, of turned boxes and polygons by their outlines; of poses it is object keypoint similarity.
    """

    ap: float
    ap50: float
    truth: Count


class TrackScores(WireModel):
    """0..1 each; `switches` counts, over `frames` frames. Summed within each word, then over words."""

    hota: float
    det_a: float
    ass_a: float
    idf1: float
    switches: Count
    frames: Count


class Boundary(WireModel):
    """How far an end is off, milliseconds: median and 90th percentile of the distance; `bias` > 0: it comes late."""

    median_ms: float
    p90_ms: float
    bias_ms: float
    of: Count


class IntervalScores(WireModel):
    """Boundaries of the intervals that were found; error rates (0 is perfect) without and with a collar of 0.25 s on
    each side of a true boundary; seconds behind the rate without."""

    start: Boundary | None
    end: Boundary | None
    error_rate: float | None
    error_rate_collar: float | None
    missed_seconds: float
    false_seconds: float
    confused_seconds: float
    truth_seconds: float


class TextScores(WireModel):
    """Error rates over normalised texts (quality/texts.py); `unchanged` are texts taken to the letter."""

    word_error_rate: float | None
    character_error_rate: float | None
    words: Count
    characters: Count
    unchanged: Estimate | None


class Share(WireModel):
    """A part of the items on its own: the random share of the queue, or those where the pre-labels were not shown."""

    items: Count
    acceptance: Estimate | None
    found: Found
    average_precision: AveragePrecision | None = None


class QualityRow(WireModel):
    """One model and kind of label, cut by `cut`; members that the cut does not use are None.

    Everything but `random` and `unseen` is over all items where people saw the pre-labels: doubtful items are more
    frequent there than in life. `random` are those of them that were drawn by chance. `unseen` is over reviewed items
    where the pre-labels were not shown: another model's may have been. Where nobody was shown any (`shown` is false),
    as when a new model runs over what is reviewed already, the row is over the unseen items and has no edits. `step` is
    meant within the script `script_sha256`. `configuration` says in which settings the model differs from others of the
    same file in the report (`score 0.4`); None where there are no others.
    """

    cut: Cut
    model: Source
    configuration: str | None = None
    kind: str
    label: str | None = None
    device: str | None = None
    script_sha256: Sha256 | None = None
    step: str | None = None
    shown: bool = True
    items: Count
    edits: Edits
    acceptance: Estimate | None
    moved_iou: Quartiles | None
    found: Found
    average_precision: AveragePrecision | None = None
    tracks: TrackScores | None = None
    intervals: IntervalScores | None = None
    texts: TextScores | None = None
    random: Share | None = None
    unseen: Share | None = None


class UnitCosts(WireModel):
    """Seconds of a person for one label of a kind. `draw` is a label from nothing.

    `fitted` names the members that come from `revisions` revisions with active time; the others are defaults.
    """

    kind: str
    accept: float = Field(ge=0)
    move: float = Field(ge=0)
    edit: float = Field(ge=0)
    relabel: float = Field(ge=0)
    delete: float = Field(ge=0)
    draw: float = Field(ge=0)
    fitted: list[str] = []
    revisions: Count = 0


class ClassWorth(WireModel):
    """What the pre-labels of one class are worth to people: seconds saved per 100 items, below 0 they cost time.

    `basis`: over the random share where it has pre-labels enough, else over all items people saw them on.
    """

    model: Source
    kind: str
    label: str
    prelabels: Count
    items: Count
    saved_seconds_per_100: float
    basis: Literal["random", "all"]
    text: str


class Anchoring(WireModel):
    """How much more people agree with a model when they see its pre-labels (F1) than when they label blind.

    Both over items drawn by chance; blind: no pre-label of any model was shown.
    """

    model: Source
    kind: str
    shown_f1: float
    shown_items: Count
    blind_f1: float
    blind_items: Count
    text: str


class PrelabelReport(Document):
    """How good pre-labels are. `costs_time` are the classes people would be faster without, worst first.

    `unseen_items` are those where the model's pre-labels were not shown, `blind_items` those of them drawn by chance
    where no model's were.
    """

    made_at: Utc
    items: Count
    random_items: Count
    blind_items: Count
    unseen_items: Count
    rows: list[QualityRow]
    unit_costs: list[UnitCosts]
    classes: list[ClassWorth]
    costs_time: list[ClassWorth]
    anchoring: list[Anchoring]


def estimates(ratios: Sequence[Ratio | None]) -> list[Estimate | None]:
    """One for each ratio of (good, of) over captures (`estimates.ratio`); None of nothing."""
    return [None if found is None else _estimate(found) for found in rates(ratios)]


def _estimate(found: RateInterval) -> Estimate:
    share, low, high = (round(value, _DECIMALS) for value in (found.rate, found.low, found.high))
    return Estimate(share=share, low=low, high=high, of=found.of, captures=found.clusters)


def quartiles(values: Sequence[float]) -> Quartiles | None:
    if not values:
        return None
    low, median, high = (round(float(value), _DECIMALS) for value in np.percentile(values, [25, 50, 75]))
    return Quartiles(low=low, median=median, high=high, of=len(values))


def boundary(off_us: Sequence[int]) -> Boundary | None:
    """From signed distances in microseconds, made minus true."""
    if not off_us:
        return None
    off = np.array(off_us, dtype=np.float64) / 1000
    median, p90 = np.percentile(np.abs(off), [50, 90]).tolist()
    return Boundary(
        median_ms=round(median, 3), p90_ms=round(p90, 3), bias_ms=round(float(np.median(off)), 3), of=len(off_us)
    )


def found_shares(right: int, wrong: int, missed: int) -> Found:
    return Found(
        right=right,
        wrong=wrong,
        missed=missed,
        precision=_share(right, right + wrong),
        recall=_share(right, right + missed),
        f1=_share(2 * right, 2 * right + wrong + missed),
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, _DECIMALS) if whole else None
