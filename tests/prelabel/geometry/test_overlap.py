"""What labels share, against counting pixels, and tracks against the conformance corpus."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.geometry.overlap import overlap_table, track_similarity
from tests.prelabel.quality.made import box, interval, text, track
from wire.labels import Choice, Keypoints, Mask, Polygon, Rle, Span

whole = st.integers(0, 30)


@settings(max_examples=100, deadline=None)
@given(st.tuples(whole, whole, whole, whole), st.tuples(whole, whole, whole, whole))
def test_boxes_share_the_pixels_they_share(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    pixels = [np.zeros((70, 70), dtype=bool) for _ in range(2)]
    for picture, (x, y, w, h) in zip(pixels, (a, b), strict=True):
        picture[y : y + h, x : x + w] = True
    union = (pixels[0] | pixels[1]).sum()
    share = (pixels[0] & pixels[1]).sum() / union if union else 0
    table = overlap_table([box("a", *a)], [box("b", *b)])
    assert table[0, 0] == pytest.approx(share)
    cut = [picture[:20, :25] for picture in pixels]
    united = (cut[0] | cut[1]).sum()
    assert overlap_table([box("a", *a)], [box("b", *b)], size=(25, 20))[0, 0] == pytest.approx(
        (cut[0] & cut[1]).sum() / united if united else 0
    )


def inside_turned(x: float, y: float, w: float, h: float, degrees: float) -> np.ndarray:
    """Sub-pixels of a 100 x 100 picture inside a box turned clockwise about its centre."""
    ys, xs = np.mgrid[0:100:0.25, 0:100:0.25] + 0.125
    angle = math.radians(degrees)
    dx, dy = xs - (x + w / 2), ys - (y + h / 2)
    along, across = dx * math.cos(angle) + dy * math.sin(angle), -dx * math.sin(angle) + dy * math.cos(angle)
    return (np.abs(along) <= w / 2) & (np.abs(across) <= h / 2)


@pytest.mark.parametrize(("first", "second"), [(0, 30), (30, 45), (90, 0), (-20, 160), (10, 10)])
def test_turned_boxes(first: float, second: float) -> None:
    a, b = (20, 30, 50, 20), (28, 26, 44, 24)
    ours, theirs = inside_turned(*a, first), inside_turned(*b, second)
    share = (ours & theirs).sum() / (ours | theirs).sum()
    table = overlap_table([box("a", *a, rotation=first)], [box("b", *b, rotation=second)])
    assert table[0, 0] == pytest.approx(share, abs=0.01)


def test_polygons_and_masks_by_area() -> None:
    square = Polygon(id="a", kind="polygon", label="x", points=[(0, 0), (40, 0), (40, 40), (0, 40)])
    triangle = Polygon(id="b", kind="polygon", label="x", points=[(0, 0), (40, 0), (0, 40)])
    assert overlap_table([square], [triangle])[0, 0] == pytest.approx(0.5)
    # Cut at the edge of the picture: 20 x 30 of both, less the corner of 10 x 10 that the triangle lacks.
    assert overlap_table([square], [triangle], size=(20, 30))[0, 0] == pytest.approx(550 / 600)
    assert overlap_table([square], [square])[0, 0] == 1
    # COCO's counts of a 4 x 4 picture by columns: the left half, and the first three columns.
    left = Mask(id="a", label="x", rle=Rle(size=(4, 4), counts="088"))
    three = Mask(id="b", label="x", rle=Rle(size=(4, 4), counts="0<4"))
    assert overlap_table([left], [three])[0, 0] == pytest.approx(8 / 12)
    other = Mask(id="c", label="x", rle=Rle(size=(2, 8), counts="088"))
    assert overlap_table([left], [other])[0, 0] == 0


@pytest.mark.parametrize("degrees", [0.0, 1e-4, 90.0, 180.0, 30.0])
def test_turned_boxes_are_cut_at_the_edge(degrees: float) -> None:
    """Turned or not, only what lies in the picture counts."""
    over, true = box("a", -30, 20, 80, 40, rotation=degrees), box("b", 0, 20, 50, 40)
    ours, theirs = inside_turned(-30, 20, 80, 40, degrees), inside_turned(0, 20, 50, 40, 0)
    share = (ours & theirs).sum() / (ours | theirs).sum()
    assert overlap_table([over], [true], size=(100, 100))[0, 0] == pytest.approx(share, abs=0.01)


def test_keypoint_similarity_is_cocos() -> None:
    """17 points of a person of 200 x 400 pixels, each off by another distance, by the formula of the challenge."""
    sigmas = [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]
    true = [(float(200 * (n % 2)), 25.0 * n, 2) for n in range(16)] + [(100.0, 400.0, 0)]
    made = [(x + 2.0 * n, y, v) for n, (x, y, v) in enumerate(true)]
    area = 200 * 375
    shares = [math.exp(-((2 * n) ** 2) / (2 * area * (2 * sigma / 1000) ** 2)) for n, sigma in enumerate(sigmas[:16])]
    pose, other = (Keypoints(id=name, label="p", points=points) for name, points in (("a", made), ("b", true)))
    assert overlap_table([pose], [other])[0, 0] == pytest.approx(sum(shares) / 16)
    # Points left out are wrong, another skeleton is another thing.
    half = Keypoints(id="h", label="p", points=[(x, y, v if n < 8 else 0) for n, (x, y, v) in enumerate(true)])
    assert overlap_table([half], [other])[0, 0] == pytest.approx(0.5)
    assert overlap_table([Keypoints(id="s", label="p", points=true[:5])], [other])[0, 0] == 0


def test_other_kinds() -> None:
    line = Polygon(id="a", kind="polyline", label="x", points=[(0, 0), (9, 0)])
    assert overlap_table([line], [line])[0, 0] == 1
    pose = Keypoints(id="k", label="x", points=[(0, 0, 2), (9, 9, 1), (500, 500, 0)])
    near = Keypoints(id="n", label="x", points=[(0, 0, 2), (9, 9, 2), (0, 900, 0)])
    assert overlap_table([pose], [near])[0, 0] == 1
    a, b = interval("a", 0, 2), interval("b", 1, 3)
    assert overlap_table([a], [b])[0, 0] == pytest.approx(1 / 3)
    assert overlap_table([interval("a", 0, 2, channel=0)], [interval("b", 0, 2, channel=1)])[0, 0] == 0
    assert overlap_table([text("a", "a  cup")], [text("b", "a cup"), text("c", "cups")]).tolist() == [[1, 0]]
    spans = [Span(id="p", label="x", parent="t", start=0, end=4), Span(id="q", label="x", parent="u", start=0, end=4)]
    assert overlap_table(spans[:1], spans).tolist() == [[1, 0]]
    assert overlap_table([Choice(id="c", label="yes")], [Choice(id="d", label="no")])[0, 0] == 0
    # Different kinds and different frames are different things; empty lists are empty tables.
    assert overlap_table([box("a")], [pose])[0, 0] == 0
    assert overlap_table([box("a", frame=1, start_us=9)], [box("b", frame=2, start_us=19), box("c")]).tolist() == [
        [0, 0]
    ]
    assert overlap_table([], [a]).shape == (0, 1)


def test_tracks_share_their_time_too() -> None:
    """Ten frames against the last four of them, and two frames beside it: 4 shared of 10 + 2."""
    long = track("a", [(0, 0, 0, 10, 10), (9, 0, 0, 10, 10)])
    late = track("b", [(6, 0, 0, 10, 10), (11, 0, 0, 10, 10)])
    times = [frame * 40_000 for frame in range(12)]
    assert overlap_table([long], [late], times)[0, 0] == pytest.approx(4 / 12)
    assert overlap_table([long], [late])[0, 0] == pytest.approx(2 / 4)  # at frames 0, 6, 9, 11


def test_long_videos_are_compared_in_blocks() -> None:
    times = [frame * 40_000 for frame in range(10_001)]
    first = track("a", [(0, 0, 0, 10, 10), (10_000, 1000, 0, 10, 10)])
    second = track("b", [(0, 0, 0, 10, 10), (10_000, 1000, 5, 10, 10)])
    overlap, ours, theirs = track_similarity([first], [second], times, None)
    assert ours.all() and theirs.all() and overlap.shape == (10_001, 1, 1)
    down = np.linspace(0, 5, 10_001)
    expected = (10 - down) / (10 + down)
    assert overlap[:, 0, 0] == pytest.approx(expected)
    shared, union = (10 * (10 - down)).sum(), (10 * (10 + down)).sum()
    assert overlap_table([first], [second], times)[0, 0] == pytest.approx(shared / union)
