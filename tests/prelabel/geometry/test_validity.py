"""A box that is not turned is judged as one that is turned by a whole turn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelabel.geometry.validity import geometry_fault
from wire.labels import Box

SIZE = (640, 480)
# Whole numbers of pixels: their halves and sums are exact, so that a box at the very edge is one for both.
PLACE = st.integers(-2000, 2000).map(float)


@given(PLACE, PLACE, st.integers(0, 2000).map(float), st.integers(0, 2000).map(float))
def test_without_a_turn_the_place_is_the_same(x: float, y: float, width: float, height: float) -> None:
    faults = {
        geometry_fault(Box(id="b", label="cup", x=x, y=y, width=width, height=height, rotation=turn), SIZE)
        for turn in (None, 0.0, -0.0)
    }
    assert len(faults) == 1
    has_extent, meets = width > 0 and height > 0, x < 640 and x + width > 0 and y < 480 and y + height > 0
    expected = None if has_extent and meets else "is outside the picture" if has_extent else "has no width or no height"
    assert faults == {expected}


@pytest.mark.parametrize(
    ("turn", "fault"), [(0.0, "is outside the picture"), (45.0, None), (90.0, None), (180.0, "is outside the picture")]
)
def test_a_turn_can_bring_a_box_into_the_picture(turn: float, fault: str | None) -> None:
    box = Box(id="b", label="cup", x=-20, y=100, width=10, height=100, rotation=turn)
    assert geometry_fault(box, SIZE) == fault


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1_000_000.5, -1_000_000.5])
@pytest.mark.parametrize("member", ["x", "y", "width", "height"])
def test_a_number_out_of_bounds_is_found_wherever_it_stands(member: str, bad: float) -> None:
    made = Box.model_construct(id="b", label="cup", **{"x": 1.0, "y": 1.0, "width": 9.0, "height": 9.0, member: bad})
    assert geometry_fault(made, SIZE) == "has a coordinate out of bounds"
