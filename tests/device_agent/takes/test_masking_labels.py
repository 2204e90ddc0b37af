"""Labels beside masks: none that speaks of what is masked stays, held against masks painted pixel by pixel."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_agent.takes.masking import UNDER_MASK, Masking
from tests.device_agent import planted
from wire.labels import Box, Interval, Keyframe, Label, LabelsDocument, Polygon, Source, Track
from wire.redaction import MaskedRegion, MaskModel, MaskRecord
from wire.script import MaskedFaces, Redaction

SIDE = 64
SHA = "ab" * 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="module")
def bystanders(folder: Path) -> Masking:
    return masking(folder, "bystanders")


def masking(folder: Path, faces: MaskedFaces) -> Masking:
    return Masking(Redaction(faces=faces), planted.finder(folder, (SIDE, SIDE), [], []), None)


def kept(masking: Masking, label: Label, regions: list[MaskedRegion]) -> Label | None:
    document = LabelsDocument(
        capture="cap-1", source=Source(kind="model", name="m", version="1", sha256=SHA), labels=[label]
    )
    record = MaskRecord(
        method="solid", sound="zeros", models=[MaskModel(name="m", version="1", sha256=SHA)], margin_us=1,
        regions=regions,
    )  # fmt: skip
    left = masking.without_masked(document, record)
    assert left is not None
    return left.labels[0] if left.labels else None


# ------------------------------------------------------------------ an account of its own: pixels, one at a time
def between(rows: list[tuple[int, ...]], at_us: int) -> tuple[Fraction, ...]:
    """x, y, width and height of rows (us, x, y, width, height) at a moment, exactly."""
    if at_us <= rows[0][0]:
        return tuple(Fraction(value) for value in rows[0][1:])
    for before, after in pairwise(rows):
        if before[0] <= at_us <= after[0]:
            share = Fraction(at_us - before[0], after[0] - before[0])
            return tuple(a + (b - a) * share for a, b in zip(before[1:], after[1:], strict=True))
    return tuple(Fraction(value) for value in rows[-1][1:])


def painted(box: tuple[Fraction, ...], scale: int = 4) -> np.ndarray:
    """A box as pixels of a picture four times as fine; a pixel is in it when its middle is."""
    middles = (np.arange(SIDE * scale * 2) + 0.5) / scale - SIDE / 2
    x, y, width, height = (float(value) for value in box)
    across, down = (middles >= x) & (middles < x + width), (middles >= y) & (middles < y + height)
    return np.outer(down, across)


def share_under(box: tuple[Fraction, ...], region: MaskedRegion, at_us: int) -> float:
    if not region.start_us <= at_us < region.end_us:
        return 0.0
    mine, mask = painted(box), painted(between(list(region.keyframes), at_us))
    return float((mine & mask).sum() / max(1, min(mine.sum(), mask.sum())))


PLACES = st.tuples(*(st.integers(0, SIDE - 1) for _ in range(2)), *(st.integers(8, SIDE // 2) for _ in range(2)))
TIMES = st.lists(st.integers(0, 40), min_size=1, max_size=4, unique=True).map(sorted)


@st.composite
def courses(draw: st.DrawFn) -> list[tuple[int, ...]]:
    return [(at * 50_000, *draw(PLACES)) for at in draw(TIMES)]


@settings(max_examples=200, deadline=None)
@given(courses(), st.lists(courses(), max_size=3))
def test_what_is_left_of_a_track_is_never_under_a_mask(
    bystanders: Masking, track: list[tuple[int, ...]], masks: list[list[tuple[int, ...]]]
) -> None:
    regions = [
        MaskedRegion(start_us=rows[0][0], end_us=rows[-1][0] + 50_000, why="face", keyframes=rows)  # type: ignore[arg-type]
        for rows in masks
    ]
    label = Track(
        id="t1", label="person",
        keyframes=[
            Keyframe(frame=number, start_us=at, x=x, y=y, width=width, height=height)
            for number, (at, x, y, width, height) in enumerate(track)
        ],
    )  # fmt: skip
    left = kept(bystanders, label, regions)
    keyframes = left.keyframes if isinstance(left, Track) else []
    assert keyframes == label.keyframes[: len(keyframes)]
    looks = [key.start_us for key in keyframes]
    looks += list(range(looks[0], looks[-1], 100_000)) if looks else []
    for at in looks:
        for region in regions:
            assert share_under(between(track, at), region, at) < UNDER_MASK + 0.05
    # And nothing is cut without a reason: right where the cut is, or before it, there is a mask.
    if len(keyframes) < len(track):
        start = keyframes[-1].start_us if keyframes else track[0][0]
        times = range(start, track[len(keyframes)][0] + 1, 10_000)
        assert any(
            share_under(between(track, at), region, at) > UNDER_MASK - 0.05 for at in times for region in regions
        )


@settings(max_examples=100, deadline=None)
@given(
    st.tuples(st.integers(0, 50), st.integers(1, 20)),
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=4),
)
def test_speech_that_was_muted_has_no_interval(
    bystanders: Masking, spoken: tuple[int, int], muted: list[tuple[int, int]]
) -> None:
    label = Interval(id="i1", label="speech", start_us=spoken[0], end_us=sum(spoken))
    regions = [MaskedRegion(start_us=start, end_us=start + length, why="speech") for start, length in muted]
    silent = {at for start, length in muted for at in range(start, start + length)}
    heard = not silent & set(range(spoken[0], sum(spoken)))
    assert (kept(bystanders, label, regions) is not None) == heard


# ------------------------------------------------------------------ the rules as a table
FACE = MaskedRegion(start_us=0, end_us=1_000_000, why="face", keyframes=[(0, 10, 10, 10, 10)])
WHOLE = MaskedRegion(start_us=0, end_us=1_000_000, why="undecided", keyframes=[(0, 0, 0, 64, 64)])
UNPLACED = MaskedRegion(start_us=0, end_us=1_000_000, why="undecided")


def box(label: str, x: float, y: float, width: float, height: float, start_us: int | None = 0) -> Box:
    return Box(id="b1", label=label, x=x, y=y, width=width, height=height, start_us=start_us)


@pytest.mark.parametrize(
    ("label", "regions", "everyone", "stays"),
    [
        (box("person", 5, 8, 20, 50), [FACE], False, False),  # whose face is masked
        (box("person", 30, 8, 20, 50), [FACE], False, True),
        (box("person", 19, 8, 20, 50), [FACE], False, True),  # beside it: the mask only touches
        (box("cup", 40, 40, 8, 8), [FACE], False, True),
        (box("cup", 12, 12, 6, 6), [FACE], False, False),  # under the mask: it cannot be seen
        (box("cup", 12, 12, 6, 6), [FACE], True, False),
        (box("person", 5, 8, 20, 50), [FACE], True, True),  # shows no more than the mask does
        (box("face", 10, 10, 10, 10), [FACE], True, True),
        (box("person", 30, 8, 20, 50), [WHOLE], False, False),
        (box("person", 30, 8, 20, 50), [UNPLACED], False, False),
        (box("person", 5, 8, 20, 50, 1_000_000), [FACE], False, True),  # after it
        (box("person", 5, 8, 20, 50, None), [FACE], False, False),  # a still has no time
        (Polygon(id="p1", kind="polygon", label="person", points=[(0, 0), (1, 1)]), [FACE], False, False),
        (Polygon(id="p1", kind="polygon", label="person", points=[(0, 0), (1, 1)]), [], False, True),
    ],
)
def test_the_rules(folder: Path, label: Label, regions: list[MaskedRegion], everyone: bool, stays: bool) -> None:
    assert (kept(masking(folder, "everyone" if everyone else "bystanders"), label, regions) == label) == stays


def test_without_a_record_of_the_masks_no_label_stays(bystanders: Masking) -> None:
    source = Source(kind="model", name="m", version="1", sha256=SHA)
    document = LabelsDocument(capture="cap-1", source=source, labels=[box("cup", 1, 1, 2, 2)])
    assert bystanders.without_masked(document, None) is None
    assert bystanders.without_masked(None, None) is None
