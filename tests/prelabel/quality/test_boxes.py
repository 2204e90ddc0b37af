"""Average precision against a plain computation from COCO's definition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from faster_coco_eval import COCO, COCOeval_faster
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.geometry.overlap import overlap_table
from prelabel.quality.boxes import Detections, Thing, picture_hits
from prelabel.quality.shapes import AveragePrecision
from tests.prelabel.quality.made import box
from wire.labels import Keypoints, Polygon


class Picture(NamedTuple):
    made: Sequence[Thing]
    truth: Sequence[Thing]
    size: tuple[int, int] | None = None


def average_precision(pictures: Sequence[Picture]) -> tuple[AveragePrecision | None, dict[str, AveragePrecision]]:
    """Of all pictures, each in a group of its own."""
    detections = Detections()
    for group, (made, truth, size) in enumerate(pictures):
        for words in picture_hits(made, truth, overlap_table(made, truth, None, size)):
            detections.add(words, {row.label for row in truth}, group)
    return detections.average_precision(range(len(pictures)))


def share(a: Any, b: Any) -> float:
    w = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    h = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    return w * h / (a.width * a.height + b.width * b.height - w * h) if w > 0 and h > 0 else 0.0


def precision_of(pictures: list[Picture], word: str, least: float) -> float:
    """Detections by falling score, each takes the best true box left; 101 points of the precision envelope."""
    truth = {number: [row for row in p.truth if row.label == word] for number, p in enumerate(pictures)}
    made = [(row.score or 0.0, number, row) for number, p in enumerate(pictures) for row in p.made if row.label == word]
    made.sort(key=lambda row: -row[0])
    taken: set[tuple[int, int]] = set()
    right = []
    for _, number, row in made:
        shares = [(share(row, true), i) for i, true in enumerate(truth[number]) if (number, i) not in taken]
        top = max(shares, default=(0.0, -1))
        right.append(top[0] >= least)
        if top[0] >= least:
            taken.add((number, top[1]))
    count = sum(map(len, truth.values()))
    hits = np.cumsum(right) if right else np.zeros(0)
    precision = hits / (np.arange(len(right)) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1] if right else precision
    points = [envelope[hits / count >= level - 1e-9] for level in np.linspace(0, 1, 101)]
    return float(np.mean([row[0] if row.size else 0.0 for row in points]))


@st.composite
def scenes(draw: st.DrawFn) -> list[Picture]:
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    pictures = []
    for _ in range(draw(st.integers(1, 4))):
        truth = [
            box(f"t{n}", *rng.uniform(0, 60, 2), *rng.uniform(10, 30, 2), label=str(rng.choice(["cup", "mug"])))
            for n in range(int(rng.integers(0, 4)))
        ]
        near = [
            box(
                f"n{n}", row.x + rng.normal(0, 2), row.y, row.width, row.height + rng.uniform(0, 5), label=row.label,
                score=float(rng.uniform(0.05, 1)),
            )
            for n, row in enumerate(truth)
            if rng.random() < 0.8
        ]  # fmt: skip
        false = [
            box(f"f{n}", *rng.uniform(0, 60, 2), 12, 12, label="cup", score=float(rng.uniform(0.05, 1)))
            for n in range(int(rng.integers(0, 3)))
        ]
        pictures.append(Picture(near + false, truth))
    return pictures


@settings(max_examples=60, deadline=None)
@given(scenes())
def test_cocos_definition(pictures: list[Picture]) -> None:
    whole, each = average_precision(pictures)
    words = sorted({row.label for p in pictures for row in p.truth})
    assert sorted(each) == words
    if not words:
        assert whole is None
        return
    levels = np.linspace(0.5, 0.95, 10)
    expected = {word: [precision_of(pictures, word, level) for level in levels] for word in words}
    for word in words:
        assert each[word].ap == pytest.approx(np.mean(expected[word]), abs=2e-6)
        assert each[word].ap50 == pytest.approx(expected[word][0], abs=2e-6)
    assert whole is not None
    assert whole.ap == pytest.approx(np.mean(list(expected.values())), abs=2e-6)
    assert whole.truth == sum(len(p.truth) for p in pictures)


def of_the_library(pictures: list[Picture]) -> tuple[float, float]:
    """AP and AP50 as faster-coco-eval counts them, which takes upright boxes."""
    words = sorted({row.label for picture in pictures for row in picture.truth})
    truth = [(place, row) for place, picture in enumerate(pictures) for row in picture.truth]
    made = [(place, row) for place, picture in enumerate(pictures) for row in picture.made if row.label in words]

    def row_of(place: int, row: Any, number: int) -> dict[str, Any]:
        where = {"image_id": place + 1, "category_id": words.index(row.label) + 1, "id": number}
        return {**where, "bbox": [row.x, row.y, row.width, row.height], "area": row.width * row.height, "iscrowd": 0}

    known = COCO({
        "images": [{"id": place + 1} for place in range(len(pictures))],
        "categories": [{"id": number, "name": word} for number, word in enumerate(words, start=1)],
        "annotations": [row_of(place, row, number) for number, (place, row) in enumerate(truth, start=1)],
    })  # fmt: skip
    found = [{**row_of(place, row, number), "score": row.score} for number, (place, row) in enumerate(made, start=1)]
    evaluation = COCOeval_faster(known, known.loadRes(found), iouType="bbox", print_function=lambda *_: None)
    evaluation.evaluate()
    evaluation.accumulate()
    precision = np.asarray(evaluation.eval["precision"])[:, :, :, 0, -1]
    return precision[precision > -1].mean(), precision[0][precision[0] > -1].mean()


@st.composite
def crowds(draw: st.DrawFn) -> list[Picture]:
    """Boxes that compete for one another, many of them with the same score."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    pictures = []
    for _ in range(draw(st.integers(1, 5))):
        rows = [
            box(f"b{n}", *rng.integers(0, 8, 2), *rng.integers(10, 16, 2), label=str(rng.choice(["cup", "mug"])),
                score=int(rng.integers(1, 4)) / 4)
            for n in range(int(rng.integers(1, 14)))
        ]  # fmt: skip
        part = int(rng.integers(0, len(rows) + 1))
        pictures.append(Picture(rows[:part], rows[part:]))
    return pictures


@settings(max_examples=100, deadline=None)
@given(crowds())
def test_faster_coco_eval_counts_the_same(pictures: list[Picture]) -> None:
    whole, _ = average_precision(pictures)
    if whole is None or not any(picture.made for picture in pictures):
        return
    assert (whole.ap, whole.ap50) == pytest.approx(of_the_library(pictures), abs=1e-6)


def test_equal_scores_count_in_the_order_of_the_pictures() -> None:
    """A picture with nothing in it stands where it stands, not behind those with true boxes."""
    right, empty = Picture([box("m", 0, score=0.8)], [box("t", 0)]), Picture([box("m", 0, score=0.8)], [])
    for pictures in ([right, empty, right], [empty, right, right], [right, right, empty]):
        found, _ = average_precision(pictures)
        assert found is not None and found.ap50 == pytest.approx(precision_of(pictures, "cup", 0.5), abs=1e-6)


def test_nothing_found_and_nothing_there() -> None:
    whole, each = average_precision([Picture([], [box("a")])])
    assert whole is not None and (whole.ap, whole.ap50, whole.truth) == (0, 0, 1)
    assert each["cup"].truth == 1
    assert average_precision([Picture([box("a")], [])]) == (None, {})


def test_boxes_are_cut_at_the_edge_and_frames_are_pictures() -> None:
    over = Picture([box("a", 0, 0, 10, 10, score=0.9)], [box("b", -10, 0, 20, 10)], (100, 100))
    whole, _ = average_precision([over])
    assert whole is not None and whole.ap == 1
    whole, _ = average_precision([over._replace(size=None)])
    assert whole is not None and whole.ap == pytest.approx(0.1)  # IoU 0.5: the first of ten levels
    apart = Picture([box("a", frame=1, start_us=0)], [box("b", frame=2, start_us=9)])
    whole, _ = average_precision([apart])
    assert whole is not None and whole.ap == 0


def test_turned_boxes_count_by_their_outlines() -> None:
    bench = box("t", 60, 50, 90, 12, rotation=25)
    # The same rectangle with its sides swapped and a quarter turn more.
    same = box("m", 99, 11, 12, 90, rotation=115, score=0.7)
    whole, _ = average_precision([Picture([same], [bench], (200, 160))])
    assert whole is not None and whole.ap == 1
    across = box("m", 60, 50, 90, 12, rotation=115, score=0.7)
    whole, _ = average_precision([Picture([across], [bench], (200, 160))])
    assert whole is not None and whole.ap50 == 0


def test_poses_count_by_keypoint_similarity() -> None:
    true = Keypoints(id="t", label="hand", points=[(10, 10, 2), (110, 10, 2), (60, 90, 1)])
    near = Keypoints(id="n", label="hand", points=[(11, 10, 2), (110, 11, 2), (60, 90, 2)], score=0.9)
    # The box around it is the true one; each point is 40 pixels off or more.
    far = Keypoints(id="f", label="hand", points=[(110, 90, 2), (10, 50, 2), (60, 10, 2)], score=0.9)
    for made, expected in ((near, 1.0), (far, 0.0)):
        whole, each = average_precision([Picture([made], [true])])
        assert whole is not None and (whole.ap50, each["hand"].truth) == (expected, 1)


def test_polygons_count_by_area() -> None:
    def square(name: str, side: float, **more: Any) -> Polygon:
        points = [(5.0, 5.0), (5 + side, 5.0), (5 + side, 5 + side), (5.0, 5 + side)]
        return Polygon(id=name, kind="polygon", label="plate", points=points, **more)

    # 0.81 of the area: right at 0.50 … 0.80, that is at seven of the ten levels.
    whole, _ = average_precision([Picture([square("m", 9, score=0.5)], [square("t", 10)])])
    assert whole is not None and whole.ap == pytest.approx(0.7)
