from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from prelabel.geometry.iou import iou_matrix, probable_iou_matrix, suppress_overlaps


def simple_iou(a: np.ndarray, b: np.ndarray) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union if union > 0 else 0.0


def slow_greedy(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, iou: float) -> list[int]:
    """The best first; each stays unless one that stayed is of its class and overlaps it by more."""
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda place: -scores[place]):
        if all(classes[i] != classes[j] or simple_iou(boxes[i], boxes[j]) <= iou for j in kept):
            kept.append(i)
    return kept


@st.composite
def found(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count = draw(st.integers(0, 25) | st.integers(60, 150))
    corner = draw(arrays.arrays(np.float64, (count, 2), elements=st.integers(0, 60)))
    size = draw(arrays.arrays(np.float64, (count, 2), elements=st.integers(0, 40)))
    scores = draw(arrays.arrays(np.float64, count, elements=st.floats(0, 1)))
    classes = draw(arrays.arrays(np.int64, count, elements=st.integers(0, 2)))
    return np.concatenate([corner, corner + size], axis=1), scores, classes


@settings(max_examples=30, deadline=None)
@given(found(), found())
def test_overlap_of_every_pair(first: tuple, second: tuple) -> None:
    matrix = iou_matrix(first[0], second[0])
    assert matrix.shape == (len(first[0]), len(second[0]))
    for row, a in enumerate(first[0]):
        for column, b in enumerate(second[0]):
            assert abs(matrix[row, column] - simple_iou(a, b)) < 1e-9


@settings(max_examples=60, deadline=None)
@given(found(), st.floats(0.05, 0.95))
def test_what_stays_and_what_goes(rows: tuple, iou: float) -> None:
    boxes, scores, classes = rows
    kept = suppress_overlaps(boxes, scores, classes, iou, 1000).tolist()
    assert [scores[i] for i in kept] == sorted((scores[i] for i in kept), reverse=True)
    assert kept == slow_greedy(boxes, scores, classes, iou)


def test_neighbours_without_overlap_both_stay() -> None:
    boxes = np.array([[100, 100, 200, 200], [205, 100, 305, 200]], dtype=np.float64)
    assert len(suppress_overlaps(boxes, np.array([0.9, 0.8]), np.zeros(2, dtype=int), 0.45, 10)) == 2


def test_no_more_than_the_maximum() -> None:
    boxes = np.array([[at, 0, at + 5, 5] for at in range(0, 100, 10)], dtype=np.float64)
    scores = np.linspace(0, 1, 10)
    assert suppress_overlaps(boxes, scores, np.zeros(10, dtype=int), 0.5, 3).tolist() == [9, 8, 7]


def slow_probable_iou(a: np.ndarray, b: np.ndarray) -> float:
    """One minus the Hellinger distance of two normal distributions, from its textbook form with matrices."""

    def covariance(box: np.ndarray) -> np.ndarray:
        turn = np.array([[np.cos(box[4]), -np.sin(box[4])], [np.sin(box[4]), np.cos(box[4])]])
        return turn @ np.diag([box[2] ** 2 / 12, box[3] ** 2 / 12]) @ turn.T

    first, second = covariance(a), covariance(b)
    mean = (first + second) / 2
    apart = a[:2] - b[:2]
    distance = apart @ np.linalg.inv(mean) @ apart / 8
    distance += 0.5 * np.log(np.linalg.det(mean) / np.sqrt(np.linalg.det(first) * np.linalg.det(second)))
    return float(1 - np.sqrt(1 - np.exp(-max(distance, 0))))


turned = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 8), st.just(5)), elements=st.floats(1, 50, allow_subnormal=False)
)


@settings(max_examples=60, deadline=None)
@given(turned, turned)
def test_overlap_of_turned_boxes(first: np.ndarray, second: np.ndarray) -> None:
    matrix = probable_iou_matrix(first, second)
    assert matrix.shape == (len(first), len(second))
    for row, a in enumerate(first):
        for column, b in enumerate(second):
            # Boxes that coincide are at a root's steepest place: a rounding of 1e-13 becomes 1e-6.
            assert abs(matrix[row, column] - slow_probable_iou(a, b)) < 1e-5


def test_a_turned_box_overlaps_itself_wholly_and_its_half_turn() -> None:
    box = np.array([[10.0, 20.0, 30.0, 5.0, 0.4]])
    assert probable_iou_matrix(box, box)[0, 0] > 1 - 1e-6
    assert probable_iou_matrix(box, box + np.array([0, 0, 0, 0, np.pi]))[0, 0] > 1 - 1e-6
    assert probable_iou_matrix(box, box + np.array([500, 0, 0, 0, 0]))[0, 0] < 1e-6
