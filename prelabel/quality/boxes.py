"""Average precision of boxes, counted by faster-coco-eval: COCO's protocol, as all papers on detectors report it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prelabel.quality.overlap import Size
from prelabel.quality.shapes import AveragePrecision
from wire.labels import Box

Array = NDArray[Any]


class Picture(NamedTuple):
    """The boxes of one still: the model's, the true ones, and (width, height) at whose edge both are cut."""

    made: Sequence[Box]
    truth: Sequence[Box]
    size: Size | None = None


def average_precision(pictures: Sequence[Picture]) -> tuple[AveragePrecision | None, dict[str, AveragePrecision]]:
    """Over all words that have a true box (each word counts the same), and of each of them.

    A box without a score counts as certain; turned boxes count by their unturned box. None without any true box.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    words = sorted({box.label for picture in pictures for box in picture.truth})
    if not words:
        return None, {}
    number = {word: index for index, word in enumerate(words, start=1)}
    images: dict[tuple[int, int], int] = {}

    def image_of(place: int, box: Box) -> int:
        return images.setdefault((place, -1 if box.frame is None else box.frame), len(images) + 1)

    # Numbered as they come: of equal scores those of the first picture count first, whether it has true boxes or not.
    for place, picture in enumerate(pictures):
        for box in (*picture.truth, *picture.made):
            image_of(place, box)
    truth = [(box, image_of(place, box)) for place, picture in enumerate(pictures) for box in picture.truth]
    made = [
        (image_of(place, box), 1.0 if box.score is None else box.score, number[box.label])
        for place, picture in enumerate(pictures)
        for box in picture.made
        if box.label in number
    ]
    counts = Counter(box.label for box, _ in truth)
    if not made:
        return _none_found(counts)
    known = COCO({
        "images": [{"id": image} for image in images.values()],
        "categories": [{"id": index, "name": word} for word, index in number.items()],
        "annotations": [
            {
                "id": index,
                "image_id": image,
                "category_id": number[box.label],
                "bbox": place,
                "area": place[2] * place[3],
                "iscrowd": 0,
            }
            for index, ((box, image), place) in enumerate(
                zip(truth, _cut([(row.truth, row.size) for row in pictures]).tolist(), strict=True), start=1
            )
        ],
    })  # fmt: skip
    rows = np.array(made)
    found = _cut([([box for box in row.made if box.label in number], row.size) for row in pictures])
    table = np.column_stack([rows[:, :1], found, rows[:, 1:]])
    evaluation = COCOeval_faster(known, known.loadRes(table), iouType="bbox", print_function=_quiet)
    # Of the protocol's boxes by size and of its shorter lists nothing is reported.
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
    evaluation.params.maxDets = [100]
    evaluation.evaluate()
    evaluation.accumulate()
    # [overlaps, recalls, words, areas, limits]
    precision: Array = np.asarray(evaluation.eval["precision"])[:, :, :, 0, -1]
    each = {word: _of(precision[:, :, index], counts[word]) for index, word in enumerate(words)}
    return _of(precision, len(truth)), each


def _of(precision: Array, truth: int) -> AveragePrecision:
    return AveragePrecision(
        ap=round(float(precision[precision > -1].mean()), 6),
        ap50=round(float(precision[0][precision[0] > -1].mean()), 6),
        truth=truth,
    )


def _none_found(counts: Mapping[str, int]) -> tuple[AveragePrecision, dict[str, AveragePrecision]]:
    each = {word: AveragePrecision(ap=0.0, ap50=0.0, truth=count) for word, count in counts.items()}
    return AveragePrecision(ap=0.0, ap50=0.0, truth=sum(counts.values())), each


def _cut(groups: Sequence[tuple[Sequence[Box], Size | None]]) -> Array:
    """(x, y, width, height) of all boxes, each cut at the edge of its picture; N x 4."""
    rows = [(box.x, box.y, box.x + box.width, box.y + box.height) for boxes, _ in groups for box in boxes]
    edges = [(math.inf, math.inf) if size is None else size for boxes, size in groups for _ in boxes]
    least = [-math.inf if size is None else 0.0 for boxes, size in groups for _ in boxes]
    corners = np.array(rows, dtype=np.float64).reshape(-1, 4)
    high = np.tile(np.array(edges, dtype=np.float64).reshape(-1, 2), 2)
    cut = np.clip(corners, np.array(least)[:, np.newaxis], high)
    cut[:, 2:] -= cut[:, :2]
    return cut


def _quiet(*_words: object) -> None:
    """The library tells of its progress; nobody asked."""
