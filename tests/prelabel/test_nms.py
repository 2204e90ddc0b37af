from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from prelabel.image.nms import iou_matrix, keep_best


def simple_iou(a: np.ndarray, b: np.ndarray) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union if union > 0 else 0.0


@st.composite
def found(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count = draw(st.integers(0, 25))
    corner = draw(arrays.arrays(np.float64, (count, 2), elements=st.integers(0, 60)))
    size = draw(arrays.arrays(np.float64, (count, 2), elements=st.integers(0, 40)))
    scores = draw(arrays.arrays(np.float64, count, elements=st.floats(0, 1)))
    classes = draw(arrays.arrays(np.int64, count, elements=st.integers(0, 2)))
    return np.concatenate([corner, corner + size], axis=1), scores, classes


@given(found(), found())
def test_overlap_of_every_pair(first: tuple, second: tuple) -> None:
    matrix = iou_matrix(first[0], second[0])
    assert matrix.shape == (len(first[0]), len(second[0]))
    for row, a in enumerate(first[0]):
        for column, b in enumerate(second[0]):
            assert abs(matrix[row, column] - simple_iou(a, b)) < 1e-9


@given(found(), st.floats(0.05, 0.95))
def test_what_stays_and_what_goes(rows: tuple, iou: float) -> None:
    boxes, scores, classes = rows
    kept = keep_best(boxes, scores, classes, iou, 100).tolist()
    assert [scores[i] for i in kept] == sorted((scores[i] for i in kept), reverse=True)
    for place, i in enumerate(kept):
        for j in kept[:place]:
            assert classes[i] != classes[j] or simple_iou(boxes[i], boxes[j]) <= iou
    for i in set(range(len(boxes))) - set(kept):
        assert any(
            classes[i] == classes[j] and scores[j] >= scores[i] and simple_iou(boxes[i], boxes[j]) > iou for j in kept
        )


def test_neighbours_without_overlap_both_stay() -> None:
    boxes = np.array([[100, 100, 200, 200], [205, 100, 305, 200]], dtype=np.float64)
    assert len(keep_best(boxes, np.array([0.9, 0.8]), np.zeros(2, dtype=int), 0.45, 10)) == 2


def test_no_more_than_the_maximum() -> None:
    boxes = np.array([[at, 0, at + 5, 5] for at in range(0, 100, 10)], dtype=np.float64)
    scores = np.linspace(0, 1, 10)
    assert keep_best(boxes, scores, np.zeros(10, dtype=int), 0.5, 3).tolist() == [9, 8, 7]
