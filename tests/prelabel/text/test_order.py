"""Reading order: tables of layouts, and what must hold for every page."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelabel.text.order import reading_order


def piece(x: float, y: float, width: float, height: float = 20) -> np.ndarray:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], dtype=float)


TITLE = [piece(150, 0, 500)]
COLUMNS = [piece(x, y, 340) for x in (0, 400) for y in range(40, 340, 30)]
FORM = [one for y in range(0, 200, 40) for one in (piece(0, y, 70), piece(300, y + 3, 150))]
RECEIPT = [one for y in range(0, 200, 30) for one in (piece(0, y, 300), piece(400, y, 60))]
THREE = [piece(x, y, 240) for x in (0, 300, 600) for y in range(0, 150, 30)]
LOWER = [one + np.array([0, 300]) for one in COLUMNS]
FOOT = [piece(0, 500, 700)]


@pytest.mark.parametrize(
    "layout",
    [[], TITLE, COLUMNS, TITLE + COLUMNS + FOOT, FORM, RECEIPT, THREE, FORM + LOWER],
    ids=["nothing", "one line", "columns", "title, columns, foot", "form", "receipt", "three", "form over columns"],
)
@pytest.mark.parametrize("turn", [0, 5, -8, 90, 180, 270, 183])
def test_layouts(layout: list[np.ndarray], turn: float) -> None:
    """Every layout is listed as it is read; shuffled and turned it must come back in that order."""
    mix = np.random.default_rng(5).permutation(len(layout))
    angle = np.deg2rad(turn)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = np.array([layout[number] for number in mix]).reshape(-1, 4, 2) @ matrix
    assert [int(mix[number]) for number in reading_order(corners)] == list(range(len(layout)))


def test_a_caption_beside_short_lines_is_read_by_rows() -> None:
    rows = [piece(0, 0, 300), piece(350, 4, 100), piece(0, 30, 300), piece(0, 60, 200)]
    assert reading_order(np.array(rows)) == [0, 1, 2, 3]


def test_a_few_words_the_other_way_do_not_turn_the_page() -> None:
    upright = [piece(0, y, 400) for y in (0, 40, 80)]
    side = np.roll(piece(500, 0, 20, 100), -1, axis=0)
    order = reading_order(np.array([*upright, side]))
    assert [number for number in order if number < 3] == [0, 1, 2]


@given(
    st.lists(
        st.tuples(st.floats(0, 1000), st.floats(0, 1000), st.floats(5, 500), st.floats(5, 60)), min_size=0, max_size=30
    ),
    st.floats(0.1, 10),
)
def test_every_piece_comes_once_and_size_does_not_matter(
    rows: list[tuple[float, float, float, float]], scale: float
) -> None:
    corners = np.array([piece(*row) for row in rows]).reshape(-1, 4, 2)
    order = reading_order(corners)
    assert sorted(order) == list(range(len(rows)))


@given(st.lists(st.integers(0, 60), min_size=1, max_size=20, unique=True), st.integers(0, 10**6))
def test_one_column_is_read_downward(places: list[int], seed: int) -> None:
    indents = np.random.default_rng(seed).uniform(0, 100, len(places))
    corners = np.array([piece(x, 30 * y, 300) for x, y in zip(indents, places, strict=True)])
    assert reading_order(corners) == sorted(range(len(places)), key=lambda number: places[number])


def test_pieces_without_size_have_an_order() -> None:
    assert sorted(reading_order(np.zeros((3, 4, 2)))) == [0, 1, 2]
