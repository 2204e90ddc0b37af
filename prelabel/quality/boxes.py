"""Average precision, counted by faster-coco-eval: COCO's protocol, as all papers on detectors and poses report it.

What two labels share is `overlap_table`, as everywhere in the report: turned boxes by their corners, polygons and masks
by area, poses by object keypoint similarity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.geometry.areas import Size
from prelabel.geometry.overlap import overlap_table
from prelabel.quality.shapes import AveragePrecision
from wire.labels import Box, Keypoints, Mask, Polygon

Array = NDArray[Any]
Thing = Box | Polygon | Mask | Keypoints
_Places = Sequence[tuple[int, int]]  # (index of the picture, index of its label)
MAX_LABELS, MAX_POSES = 100, 20  # labels of one word and picture that count, the surest ones


@dataclass(frozen=True)
class Picture:
    """The labels of one kind of one still: the model's, the true ones; all are cut at the edge of `size`."""

    made: Sequence[Thing]
    truth: Sequence[Thing]
    size: Size | None = None

    @cached_property
    def shares(self) -> Array:
        """What each made label shares with each true one. One picture counts in several rows of a report."""
        return overlap_table(self.made, self.truth, None, self.size)


def average_precision(pictures: Sequence[Picture]) -> tuple[AveragePrecision | None, dict[str, AveragePrecision]]:
    """Over all words that have a true label (each word counts the same), and of each of them.

    A label without a score counts as certain. None without any true label.
    """
    words = sorted({label.label for picture in pictures for label in picture.truth})
    if not words:
        return None, {}
    number = {word: index for index, word in enumerate(words, start=1)}
    truth = [(place, row) for place, picture in enumerate(pictures) for row in range(len(picture.truth))]
    made = [
        (place, row)
        for place, picture in enumerate(pictures)
        for row, label in enumerate(picture.made)
        if label.label in number
    ]
    counts = Counter(pictures[place].truth[row].label for place, row in truth)
    if not made:
        return _none_found(counts)
    precision = _precision(pictures, truth, made, number)
    each = {word: _of(precision[:, :, index], counts[word]) for index, word in enumerate(words)}
    return _of(precision, len(truth)), each


def _precision(pictures: Sequence[Picture], truth: _Places, made: _Places, number: Mapping[str, int]) -> Array:
    """Precision [overlaps, recalls, words] of COCO's protocol; -1 where a word has no true label."""
    from faster_coco_eval import COCO, COCOeval_faster

    images = _images(pictures)

    def row_of(label: Thing, place: int, index: int) -> dict[str, Any]:
        # The library wants a box and an area; neither is looked at.
        where = {"image_id": images[place, label.frame], "category_id": number[label.label]}
        return {**where, "id": index, "bbox": [0, 0, 1, 1], "area": 1, "iscrowd": 0}

    known = COCO({
        "images": [{"id": image} for image in images.values()],
        "categories": [{"id": index, "name": word} for word, index in number.items()],
        "annotations": [
            row_of(pictures[place].truth[row], place, index) for index, (place, row) in enumerate(truth, start=1)
        ],
    })  # fmt: skip
    labels = [(pictures[place].made[row], place) for place, row in made]
    table = [
        [images[place, label.frame], 0, 0, 1, 1, 1.0 if label.score is None else label.score, number[label.label]]
        for label, place in labels
    ]
    evaluation = COCOeval_faster(known, known.loadRes(np.array(table)), iouType="bbox", print_function=_quiet)

    def shares(image: int, word: int) -> Any:
        """Of one picture and word, the surest first. Both lists are numbered in the order they were given in."""
        found, true = (
            data.get_instances([image], [word], True)[0][0] for data in (evaluation.dt_dataset, evaluation.gt_dataset)
        )
        if not found or not true:
            return []
        surest = sorted(found, key=lambda row: -row["score"])[: evaluation.params.maxDets[-1]]
        rows = [made[row["id"] - 1] for row in surest]
        return pictures[rows[0][0]].shares[np.ix_([row for _, row in rows], [truth[row["id"] - 1][1] for row in true])]

    evaluation.computeIoU = shares
    # Of the protocol's boxes by size and of its shorter lists nothing is reported.
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
    evaluation.params.maxDets = [MAX_POSES if isinstance(labels[0][0], Keypoints) else MAX_LABELS]
    evaluation.evaluate()
    evaluation.accumulate()
    # [overlaps, recalls, words, areas, limits]
    precision: Array = np.asarray(evaluation.eval["precision"])[:, :, :, 0, -1]
    return precision


def _images(pictures: Sequence[Picture]) -> dict[tuple[int, int | None], int]:
    """A number for every frame of every picture that has a label.

    As they come: of equal scores those of the first picture count first, whether it has true labels or not.
    """
    places = [(place, row.frame) for place, one in enumerate(pictures) for row in (*one.truth, *one.made)]
    return {key: number for number, key in enumerate(dict.fromkeys(places), start=1)}


def _of(precision: Array, truth: int) -> AveragePrecision:
    return AveragePrecision(
        ap=round(float(precision[precision > -1].mean()), 6),
        ap50=round(float(precision[0][precision[0] > -1].mean()), 6),
        truth=truth,
    )


def _none_found(counts: Mapping[str, int]) -> tuple[AveragePrecision, dict[str, AveragePrecision]]:
    each = {word: AveragePrecision(ap=0.0, ap50=0.0, truth=count) for word, count in counts.items()}
    return AveragePrecision(ap=0.0, ap50=0.0, truth=sum(counts.values())), each


def _quiet(*_words: object) -> None:
    """The library tells of its progress; nobody asked."""
