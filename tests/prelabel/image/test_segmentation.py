"""Pixels by class, against the planted functions evaluated at every pixel."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.geometry import rle
from prelabel.image.segmentation import Segmenter, open_segmenter
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import open_model
from tests.prelabel import graphs
from tests.prelabel.image import plants

NAMES = ["floor", "wall", "table"]
FITS = ("stretch", "letterbox-centre", "letterbox-top-left", "crop-centre")
SIDE = 128  # of the input; the map has a quarter of it


def toml(decode: str, fit: str = "stretch", names: list[str] | None = None, side: int = SIDE) -> str:
    extra = f'[input]\nsize = [{side}, {side}]\ncolour = "RGB"\nfit = "{fit}"\nscale = 1.0\n[decode]\n{decode}\n'
    return graphs.manifest("segmentation", {"image": "image"}, {"map": "map"}, names or NAMES, extra)


def opened(model: object, text: str) -> Segmenter:
    with tempfile.TemporaryDirectory() as folder:
        return open_segmenter(open_model(graphs.save_package(Path(folder) / "own", model, text)))  # type: ignore[arg-type]


def planes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Three functions of the place in the picture (0..1), straight ones, so that nothing is lost between cells."""
    x, y = np.broadcast_arrays(x, y)
    return np.stack([6 * (y - 0.48713), 0 * x, 5 * (x - 0.60177) - 2 * y])


def centres(count: int, step: float, scale: float, begin: float, side: int) -> np.ndarray:
    """Where the centres of cells `step` wide lie in a picture, in shares of its side."""
    return (((np.arange(count) + 0.5) * step - begin) / scale) / side


@pytest.mark.parametrize("fit", FITS)
@settings(max_examples=15, deadline=None)
@given(st.tuples(st.integers(60, 900), st.integers(60, 900)) | st.sampled_from([(4000, 3000), (1279, 719)]))
def test_every_pixel_gets_the_class_whose_function_is_highest_there(fit: str, frame: tuple[int, int]) -> None:
    width, height = frame
    there = plants.way(fit, width, height, SIDE, SIDE)
    count, step = SIDE // 4, 4.0
    x = centres(count, step, there.sx, there.left, width)[np.newaxis]
    y = centres(count, step, there.sy, there.top, height)[:, np.newaxis]
    logits = planes(x, y).astype(np.float32)[np.newaxis]
    found = opened(graphs.constant({"map": logits}, (1, 3, SIDE, SIDE)), toml('form = "logits"', fit)).regions(
        plants.picture(width, height)
    )
    pixel_x, pixel_y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    truth = planes(pixel_x[np.newaxis], pixel_y[:, np.newaxis]).argmax(axis=0)
    left, right = -there.left / there.sx, (SIDE - there.left) / there.sx
    top, bottom = -there.top / there.sy, (SIDE - there.top) / there.sy
    beside = np.abs(pixel_x * width - (left + right) / 2) - (right - left) / 2
    above = np.abs(pixel_y * height - (top + bottom) / 2) - (bottom - top) / 2
    past = np.maximum(beside[np.newaxis], above[:, np.newaxis])
    shown, hidden = past < -1e-6, past > 1e-6  # a pixel whose centre lies on the input's very edge is either
    seen = np.full((height, width), -1)
    for region in found:
        seen[rle.decode(region.mask)] = NAMES.index(region.label)
    assert (seen[hidden] == -1).all()
    # Half a cell at the map's edge has no neighbour to go on to; small pieces are left out.
    assert (seen == truth)[shown].mean() > 0.97
    inner = shown & (np.abs(pixel_x - 0.5) < 0.4)[np.newaxis] & (np.abs(pixel_y - 0.5) < 0.4)[:, np.newaxis]
    # A border between two classes may lie half a pixel off, which is more of a small picture.
    assert (seen == truth)[inner].mean() > 1 - max(0.005, 1 / min(width, height))


@settings(max_examples=20, deadline=None)
@given(st.tuples(st.integers(40, 500), st.integers(40, 500)), st.sampled_from(FITS[:3]), st.booleans())
def test_class_numbers_go_to_the_cell_a_pixel_lies_in(frame: tuple[int, int], fit: str, deep: bool) -> None:
    width, height = frame
    numbers = np.random.default_rng(7).choice([0, 1, 2, 255], (1, 8, 8)).astype(np.int64)
    model = graphs.constant({"map": numbers[np.newaxis] if deep else numbers}, (1, 3, SIDE, SIDE))
    text = toml('form = "classes"\nbackground = 1\nmin_area = 1', fit)
    found = opened(model, text).regions(plants.picture(width, height))
    there = plants.way(fit, width, height, SIDE, SIDE)
    wrong = 0
    masks = {region.label: rle.decode(region.mask) for region in found}
    assert set(masks) <= {"floor", "table"} and all(region.score is None for region in found)
    for row in range(height):
        for column in range(0, width, 7):
            u, v = there.point(column + 0.5, row + 0.5)
            cell = numbers[0, min(int(v / 16), 7), min(int(u / 16), 7)]
            for number, name in ((0, "floor"), (2, "table")):
                wrong += (cell == number) != (name in masks and bool(masks[name][row, column]))
    assert wrong == 0


def test_scores_are_mean_probabilities_and_labels_are_masks() -> None:
    logits = np.zeros((1, 3, 32, 32), np.float32)
    logits[0, 0, :16], logits[0, 2, 16:] = 2, 1
    found = opened(graphs.constant({"map": logits}, (1, 3, SIDE, SIDE)), toml('form = "logits"')).labels(
        plants.picture(64, 64)
    )
    (floor, table) = [label.to_json() for label in found]
    assert (floor["id"], floor["kind"], floor["label"]) == ("m1", "mask", "floor")
    assert floor["score"] == pytest.approx(math.exp(2) / (math.exp(2) + 2), abs=1e-4)
    assert (table["label"], table["score"]) == ("table", pytest.approx(math.e / (math.e + 2), abs=1e-4))
    assert floor["rle"]["size"] == [64, 64]


def test_probabilities_are_told_by_their_sum() -> None:
    chances = np.full((1, 3, 32, 32), 0.1, np.float32)
    chances[0, 1] = 0.8
    found = opened(graphs.constant({"map": chances}, (1, 3, SIDE, SIDE)), toml('form = "logits"')).regions(
        plants.picture(64, 64)
    )
    assert [(one.label, round(one.score or 0, 4)) for one in found] == [("wall", 0.8)]


def test_small_pieces_are_left_out() -> None:
    numbers = np.zeros((1, 64, 64), np.int64)
    numbers[0, 10:14, 10:14], numbers[0, 30:50, 30:50], numbers[0, 60, 60] = 1, 1, 2
    text = toml('form = "classes"\nbackground = 0\nmin_area = 17', side=64)
    (one,) = opened(graphs.constant({"map": numbers}, (1, 3, 64, 64)), text).regions(plants.picture(64, 64))
    assert one.label == "wall" and rle.decode(one.mask).sum() == 400


@pytest.mark.parametrize(
    ("activation", "inside", "outside", "score"), [("sigmoid", 2, -3, 0.8808), ("none", 0.9, 0.2, 0.9)]
)
def test_a_map_of_one_channel_is_one_class(activation: str, inside: float, outside: float, score: float) -> None:
    values = np.full((1, 1, 32, 32), outside, np.float32)
    values[0, 0, 8:24, 8:24] = inside
    text = toml(f'form = "logits"\nactivation = "{activation}"', names=["person"])
    (one,) = opened(graphs.constant({"map": values}, (1, 3, SIDE, SIDE)), text).regions(plants.picture(SIDE, SIDE))
    assert one.label == "person" and one.score == pytest.approx(score, abs=1e-4)
    mask = rle.decode(one.mask)
    assert mask[40:88, 40:88].all() and not mask[:28].any() and not mask[100:].any()


def test_cells_that_are_no_numbers_belong_to_nobody() -> None:
    clean = np.zeros((1, 3, 32, 32), np.float32)
    lit = clean.copy()
    lit[0, 1], lit[0, 2, 8:16, 8:16] = 3, np.nan
    model = opened(
        graphs.constant({"map": clean}, (1, 3, SIDE, SIDE), lit={"map": lit}, lit_above=150), toml('form = "logits"')
    )
    (one,) = model.regions(np.full((SIDE, SIDE, 3), 200, np.uint8))
    mask = rle.decode(one.mask)
    assert one.label == "wall" and not mask[32:64, 32:64].any() and mask[:28].all()
    assert one.score == pytest.approx(math.exp(3) / (math.exp(3) + 2), abs=1e-4)


@pytest.mark.parametrize(
    ("decode", "values", "words"),
    [
        ('form = "logits"', np.zeros((1, 5, 8, 8)), "5 class channels and 3 names"),
        ('form = "logits"', np.zeros((5, 8, 8)), r"map of shape \[5, 8, 8\]"),
        ('form = "logits"', np.zeros((1, 1, 8, 8)), "a map of one channel: it needs one name"),
        ('form = "classes"', np.zeros((1, 3, 8, 8)), r"not \[1, h, w\] of class numbers"),
        ('form = "logits"', np.full((1, 3, 8, 8), np.inf), "not finite"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, decode: str, values: np.ndarray, words: str) -> None:
    model = graphs.constant({"map": values.astype(np.float32)}, (1, 3, SIDE, SIDE), declared=False)
    with pytest.raises(ModelRefused, match=words):
        open_segmenter(open_model(graphs.save_package(tmp_path / "own", model, toml(decode))))
