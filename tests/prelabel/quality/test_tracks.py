"""HOTA, IDF1 and switches: by hand, against another way to count, and against the reference programs."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.quality.tracks import ALPHAS, TrackSums, sums_of, track_sums
from tests.prelabel.quality.made import FRAME_US, track
from wire.labels import Track

TIMES = [frame * FRAME_US for frame in range(200)]


def whole(overlap: np.ndarray) -> TrackSums:
    """All tracks are seen on all frames."""
    frames, truth, made = overlap.shape
    return sums_of(overlap, np.ones((frames, truth), dtype=bool), np.ones((frames, made), dtype=bool))


def test_the_same_tracks_are_perfect() -> None:
    rows = [track("t1", [(0, 0, 0, 10, 10), (9, 90, 0, 10, 10)]), track("t2", [(3, 50, 50, 10, 10), (7, 9, 9, 10, 10)])]
    sums = track_sums(rows, rows, TIMES)
    assert (sums.hota, sums.idf1, sums.det_a, sums.ass_a, sums.switches) == (1, 1, 1, 1, 0)
    assert sums.truth == sums.made == sums.id_right == 15


def test_nothing_on_one_side() -> None:
    rows = [track("t1", [(0, 0, 0, 10, 10), (9, 0, 0, 10, 10)])]
    for made, truth in ((rows, []), ([], rows)):
        sums = track_sums(made, truth, TIMES)
        assert (sums.hota, sums.idf1, sums.switches) == (0, 0, 0)
        assert (sums.made, sums.truth) == (10 * len(made), 10 * len(truth))
    nothing = track_sums([], [], TIMES)
    assert (nothing.frames, nothing.hota, nothing.idf1) == (0, 0, 0)


def test_a_track_in_two_halves() -> None:
    """IDF1: the better half of ten frames is 6: 2·6 / (10 + 10). HOTA: every frame is found, and the matches of each
    half have 6/10 and 4/10 in common with the true track: 0.6·0.6 + 0.4·0.4 = 0.52."""
    truth = [track("t1", [(0, 0, 0, 10, 10), (9, 0, 0, 10, 10)])]
    made = [track("a", [(0, 0, 0, 10, 10), (5, 0, 0, 10, 10)]), track("b", [(6, 0, 0, 10, 10), (9, 0, 0, 10, 10)])]
    sums = track_sums(made, truth, TIMES)
    assert sums.idf1 == pytest.approx(12 / 20)
    assert (sums.det_a, sums.ass_a) == (pytest.approx(1), pytest.approx(0.52))
    assert sums.hota == pytest.approx(math.sqrt(0.52))
    assert sums.switches == 1


def test_hota_counts_how_well_boxes_fit() -> None:
    """Shifted by a third of their width: IoU exactly 1/2, so the ten overlaps 0.05 … 0.50 count and nine do not."""
    truth = [track("t1", [(0, 0, 0, 30, 10), (9, 0, 0, 30, 10)])]
    made = [track("a", [(0, 10, 0, 30, 10), (9, 10, 0, 30, 10)])]
    sums = track_sums(made, truth, TIMES)
    assert sums.hota_right.tolist() == [10.0] * 10 + [0.0] * 9
    assert sums.hota == pytest.approx(10 / 19)
    assert sums.idf1 == 1


def test_a_match_goes_on_though_another_box_fits_better() -> None:
    overlap = np.array([[[0.9, 0.0]], [[0.6, 0.8]], [[0.0, 0.9]]])
    assert whole(overlap).switches == 1  # to b on the last frame, not on the second and back


def test_frames_without_the_frame_table_are_the_keyframes() -> None:
    truth = [track("t1", [(0, 0, 0, 10, 10), (100, 0, 0, 10, 10)])]
    made = [track("a", [(0, 0, 0, 10, 10), (50, 0, 0, 10, 10)])]
    sums = track_sums(made, truth)
    assert (sums.frames, sums.truth, sums.made, sums.id_right) == (3, 3, 2, 2)


# -- against the reference programs ---------------------------------------------------------------------------------


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four things that cross, made with wobbling boxes, holes, two exchanged ids, a split and a false track."""
    truth: dict[int, dict[int, tuple[float, ...]]] = {}
    made: dict[int, dict[int, tuple[float, ...]]] = {}
    for k in range(4):
        truth[k] = {
            f: (
                100 + 60 * math.sin(0.11 * f + 1.7 * k) + 25 * k,
                80 + 15 * math.cos(0.07 * f * (k + 1)),
                40 + 5 * k,
                60,
            )
            for f in range(60)
            if not (k == 2 and 20 <= f < 30) and not (k == 3 and f < 15)
        }
        made[k] = {
            f: (
                x + 6 * math.sin(1.3 * f + k),
                y + 5 * math.cos(0.9 * f + 2 * k),
                w * (1 + 0.15 * math.sin(0.5 * f)),
                h,
            )
            for f, (x, y, w, h) in truth[k].items()
            if (7 * f + 3 * k) % 11
        }
    a, b = made[0], made[1]
    made[0] = {f: v for f, v in a.items() if f < 33} | {f: v for f, v in b.items() if f >= 33}
    made[1] = {f: v for f, v in b.items() if f < 33} | {f: v for f, v in a.items() if f >= 33}
    made[4] = {f: v for f, v in made[2].items() if f >= 30}
    made[2] = {f: v for f, v in made[2].items() if f < 30}
    made[5] = {f: (300.0 + f, 20, 30, 30) for f in range(10, 25)}
    overlap = np.array([[[iou(truth[t].get(f), made[m].get(f)) for m in made] for t in truth] for f in range(60)])
    truth_seen = np.array([[f in truth[t] for t in truth] for f in range(60)])
    made_seen = np.array([[f in made[m] for m in made] for f in range(60)])
    return overlap, truth_seen, made_seen


def iou(a: tuple[float, ...] | None, b: tuple[float, ...] | None) -> float:
    if a is None or b is None:
        return 0.0
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return w * h / (a[2] * a[3] + b[2] * b[3] - w * h) if w > 0 and h > 0 else 0.0


def test_the_numbers_of_trackeval_and_motmetrics() -> None:
    """Computed once from the same scene with TrackEval 1.3.0 and py-motmetrics 1.4.0 (IDF1 and switches alike)."""
    sums = sums_of(*scene())
    assert sums.hota == pytest.approx(HOTA, abs=1e-12)
    assert sums.det_a == pytest.approx(DET_A, abs=1e-12)
    assert sums.ass_a == pytest.approx(ASS_A, abs=1e-12)
    assert sums.hota_right.tolist() == HOTA_RIGHT
    assert (sums.id_right, sums.truth, sums.made) == (130, 215, 211)
    assert sums.idf1 == pytest.approx(0.6103286384976526, abs=1e-12)
    assert sums.switches == 3


HOTA, DET_A, ASS_A = 0.4757614650857166, 0.6256147784358566, 0.3624640429046428
HOTA_RIGHT = [
    196.0,
    196.0,
    196.0,
    196.0,
    196.0,
    196.0,
    196.0,
    196.0,
    196.0,
    196.0,
    196.0,
    191.0,
    173.0,
    145.0,
    99.0,
    52.0,
    18.0,
    6.0,
    0.0,
]


# -- against another way to count -----------------------------------------------------------------------------------


@st.composite
def overlaps(draw: st.DrawFn) -> np.ndarray:
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    levels = st.sampled_from([0.0, 0.0, 0.11, 0.32, 0.47, 0.53, 0.66, 0.78, 0.91])
    values = draw(st.lists(levels, min_size=math.prod(shape), max_size=math.prod(shape)))
    # No two alike and no two sums alike, so that the best assignment is one.
    return np.array(values).reshape(shape) * (1 + 1e-3 * np.random.default_rng(0).random(shape))


@settings(max_examples=200, deadline=None)
@given(overlaps())
def test_idf1_is_the_best_of_all_pairings(overlap: np.ndarray) -> None:
    frames, truth, made = overlap.shape
    together = (overlap >= 0.5).sum(axis=0)
    wide = np.zeros((truth, made + truth))
    wide[:, :made] = together
    best = max(sum(wide[row, column] for row, column in enumerate(p)) for p in permutations(range(made + truth), truth))
    sums = whole(overlap)
    assert sums.id_right == best
    assert sums.idf1 == pytest.approx(2 * best / (frames * (truth + made)))


@settings(max_examples=150, deadline=None)
@given(overlaps())
def test_hota_as_the_paper_says_it(overlap: np.ndarray) -> None:
    """Loops over frames, pairings and matches, word for word."""
    frames, truth, made = overlap.shape
    soft = np.zeros((truth, made))
    for table in overlap:
        for r in range(truth):
            for c in range(made):
                rest = table[r].sum() + table[:, c].sum() - table[r, c]
                soft[r, c] += table[r, c] / rest if rest > 0 else 0
    score = soft / (2 * frames - soft)
    pairs = []
    for f, table in enumerate(overlap):
        worth = np.zeros((truth, made + truth))
        worth[:, :made] = score * table
        best = max(permutations(range(made + truth), truth), key=lambda p: sum(worth[r, c] for r, c in enumerate(p)))
        pairs += [(f, r, c) for r, c in enumerate(best) if c < made and worth[r, c] > 0]
    sums = whole(overlap)
    for number, alpha in enumerate(ALPHAS):
        matches = [(f, r, c) for f, r, c in pairs if overlap[f, r, c] >= alpha]
        assert sums.hota_right[number] == len(matches)
        common = 0.0
        for _, r, c in matches:
            right = sum((x, y) == (r, c) for _, x, y in matches)
            common += right / (frames + frames - right)
        assert sums.association[number] == pytest.approx(common)
        assert sums.hota_missed[number] == frames * truth - len(matches)
        assert sums.hota_wrong[number] == frames * made - len(matches)


@settings(max_examples=200, deadline=None)
@given(overlaps())
def test_switches_as_clear_mot_says_it(overlap: np.ndarray) -> None:
    """Frame by frame: the most matches that go on, of those the best overlaps; then who has another id than before."""
    _, truth, made = overlap.shape
    on, last, count = [-1] * truth, [-1] * truth, 0
    for table in overlap:
        score = np.zeros((truth, made + truth))
        score[:, :made] = np.where(table >= 0.5, table, 0.0)
        for row, column in enumerate(on):
            if column >= 0 and score[row, column] > 0:
                score[row, column] += 1000
        best = max(permutations(range(made + truth), truth), key=lambda p: sum(score[r, c] for r, c in enumerate(p)))
        on = [column if column < made and score[row, column] > 0 else -1 for row, column in enumerate(best)]
        for row, column in enumerate(on):
            if column >= 0:
                count += last[row] not in (-1, column)
                last[row] = column
    assert whole(overlap).switches == count


def test_sums_of_captures_add_up() -> None:
    first = [track("t1", [(0, 0, 0, 10, 10), (9, 0, 0, 10, 10)])]
    half = [track("a", [(0, 0, 0, 10, 10), (4, 0, 0, 10, 10)])]
    both = track_sums(first, first, TIMES)
    both.add(track_sums(half, first, TIMES))
    assert (both.truth, both.made, both.id_right, both.frames) == (20, 15, 15, 20)
    # One video with both, far apart, gives the same counts.
    apart = [*shifted(first, "x"), *first]
    sums = track_sums([*shifted(first, "x"), *half], apart, TIMES)
    assert (sums.idf1, sums.hota) == (pytest.approx(both.idf1), pytest.approx(both.hota))


def shifted(rows: list[Track], mark: str) -> list[Track]:
    return [
        row.model_copy(
            update={"id": row.id + mark, "keyframes": [k.model_copy(update={"x": k.x + 500}) for k in row.keyframes]}
        )
        for row in rows
    ]
