"""What a network really gets of a picture, against the definitions of each fit."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from prelabel.image.letterbox import Placement, Preparer, input_size
from prelabel.media.pictures import PictureTooLarge
from prelabel.models.manifest import ImageInput, Manifest, manifest_of
from prelabel.models.onnx_file import ModelRefused
from tests.prelabel.image import plants

FITS = ["letterbox-centre", "letterbox-top-left", "stretch", "crop-centre"]


def manifest(**settings: Any) -> Manifest:
    table = {
        "name": "m", "version": "1", "family": "classification", "licence": "MIT", "sha256": "0" * 64, "names": ["a"],
        "inputs": {"image": "i"}, "outputs": {"scores": "s"},
        "input": {"colour": "BGR", "fit": "stretch", "scale": 1.0} | settings,
    }  # fmt: skip
    return manifest_of(table, "here")


def prepared(image: np.ndarray, size: tuple[int, int] | None, **settings: Any) -> tuple[np.ndarray, Placement]:
    return Preparer(manifest(**settings), size).prepare(image)


@pytest.mark.parametrize("fit", FITS)
@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(2, 20), st.integers(2, 20))
def test_the_picture_lies_where_the_placement_says(fit: str, data: st.DataObject, rows: int, columns: int) -> None:
    """A picture whose brightness tells its column (then its row): the input's cells show where they came from."""
    width, height = data.draw(st.tuples(st.integers(40, 700), st.integers(40, 700)))
    assume(max(width, height) <= 16 * min(width, height))  # a longer strip is cut before it is scaled
    net_height, net_width = rows * 32, columns * 32
    true = plants.way(fit, width, height, net_width, net_height)
    for axis, side, scale, begin, room in (
        (1, width, true.sx, true.left, net_width), (0, height, true.sy, true.top, net_height),
    ):  # fmt: skip
        ramp = (np.arange(side) + 0.5) / side * 255
        image = np.zeros((height, width, 3))
        image += ramp[np.newaxis, :, np.newaxis] if axis == 1 else ramp[:, np.newaxis, np.newaxis]
        tensor, place = prepared(np.rint(image).astype(np.uint8), (net_height, net_width), fit=fit)
        assert (place.scale_x, place.scale_y) == pytest.approx((true.sx, true.sy))
        assert (place.left, place.top) == pytest.approx((true.left, true.top), abs=1e-6)
        cells = np.arange(room)
        from_ = (cells + 0.5 - begin) / scale
        cells, from_ = cells[(from_ > 1) & (from_ < side - 1)], from_[(from_ > 1) & (from_ < side - 1)]
        middle = int(true.top + true.sy * height / 2), int(true.left + true.sx * width / 2)
        line = tensor[0, 0, middle[0], cells] if axis == 1 else tensor[0, 0, cells, middle[1]]
        assert np.abs(line - from_ / side * 255).max(initial=0) <= 1.5


@pytest.mark.parametrize("fit", FITS)
@settings(max_examples=25, deadline=None)
@given(plants.frames(8, 300), st.integers(1, 8), st.integers(1, 8))
def test_every_cell_is_picture_or_padding(fit: str, frame: tuple[int, int], rows: int, columns: int) -> None:
    width, height = frame
    assume(max(width, height) <= 16 * min(width, height))
    size = rows * 32, columns * 32
    true = plants.way(fit, width, height, size[1], size[0])
    tensor, _ = prepared(np.full((height, width, 3), 200, np.uint8), size, fit=fit, pad=17)
    expected = np.full(size, 17)
    top, left = max(0, round(true.top)), max(0, round(true.left))
    bottom, right = round(true.top + true.sy * height), round(true.left + true.sx * width)
    expected[top:bottom, left:right] = 200
    assert (tensor[0, 0] == expected).all()


def test_one_preparer_takes_pictures_of_changing_sizes() -> None:
    preparer = Preparer(manifest(fit="letterbox-centre", pad=17), (96, 64))
    rng = np.random.default_rng(1)
    for width, height in ((64, 96), (200, 100), (64, 96), (10, 300), (200, 100)):
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        tensor, place = preparer.prepare(image)
        alone, other = prepared(image, (96, 64), fit="letterbox-centre", pad=17)
        assert (tensor == alone).all() and place == other


def test_buffers_are_used_again_for_the_next_picture_of_that_size() -> None:
    preparer = Preparer(manifest(), (96, 64))
    first, _ = preparer.prepare(plants.picture(50, 40))
    second, _ = preparer.prepare(np.zeros((40, 50, 3), np.uint8))
    assert np.shares_memory(first, second) and not second.any()


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("dtype", "slack"), [("float32", 1e-6), ("float16", 2e-3)])
@pytest.mark.parametrize("colour", ["RGB", "BGR"])
def test_bytes_become_scaled_values_in_the_order_asked_for(layout: str, dtype: str, slack: float, colour: str) -> None:
    image = np.random.default_rng(2).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    tensor, _ = prepared(
        image, (64, 64), fit="letterbox-top-left", pad=114, layout=layout, dtype=dtype, colour=colour, scale=1 / 255,
        mean=mean, std=std,
    )  # fmt: skip
    expected = np.full((64, 64, 3), 114.0)
    expected[:32] = image[:, :, ::-1] if colour == "RGB" else image
    expected = (expected / 255 - mean) / std
    assert tensor.dtype == dtype
    seen = tensor[0].transpose(1, 2, 0) if layout == "NCHW" else tensor[0]
    assert seen == pytest.approx(expected, rel=slack, abs=slack)


def test_bytes_stay_bytes() -> None:
    image = np.random.default_rng(2).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    tensor, _ = prepared(image, (32, 64), layout="NHWC", dtype="uint8", colour="RGB")
    assert tensor.dtype == np.uint8 and (tensor[0] == image[:, :, ::-1]).all()
    with pytest.raises(ModelRefused, match="takes bytes, which are never scaled"):
        Preparer(manifest(dtype="uint8", scale=0.5), (32, 64))


def test_grey_is_the_luma_of_the_colours() -> None:
    image = np.random.default_rng(2).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    tensor, _ = prepared(image, (32, 64), colour="GRAY")
    blue, green, red = image.transpose(2, 0, 1).astype(float)
    assert tensor.shape == (1, 1, 32, 64)
    assert np.abs(tensor[0, 0] - (0.299 * red + 0.587 * green + 0.114 * blue)).max() <= 1


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 8), st.integers(2, 8))
def test_shrinking_with_antialias_is_the_mean_of_areas(across: int, down: int) -> None:
    image = np.random.default_rng(3).integers(0, 256, (32 * down, 32 * across, 3), dtype=np.uint8)
    tensor, _ = prepared(image, (32, 32), antialias=True)
    means = image.reshape(32, down, 32, across, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    assert np.abs(tensor[0] - means).max() <= 0.51
    plain, _ = prepared(image, (32, 32))
    assert across * down <= 4 or np.abs(plain[0] - means).max() > 10


def test_antialias_where_one_side_shrinks_and_the_other_grows() -> None:
    image = np.zeros((16, 320, 3), np.uint8)
    image[:, 1::2] = 200  # stripes that plain bilinear sampling would make a pattern of
    tensor, _ = prepared(image, (64, 32), antialias=True)
    assert np.abs(tensor - 100).max() <= 1


def test_bilinear_without_antialias_is_opencvs_at_half_pixels() -> None:
    image = np.random.default_rng(4).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    tensor, _ = prepared(image, (64, 96))
    rows, columns = (
        ((np.arange(64) + 0.5) * 37 / 64 - 0.5).clip(0, 36),
        ((np.arange(96) + 0.5) * 53 / 96 - 0.5).clip(0, 52),
    )
    r, c = np.minimum(rows.astype(int), 35), np.minimum(columns.astype(int), 51)
    fr, fc = (rows - r)[:, None, None], (columns - c)[None, :, None]
    values = image.astype(float)
    upper = values[r][:, c] * (1 - fc) + values[r][:, c + 1] * fc
    lower = values[r + 1][:, c] * (1 - fc) + values[r + 1][:, c + 1] * fc
    assert np.abs(tensor[0].transpose(1, 2, 0) - (upper * (1 - fr) + lower * fr)).max() <= 1.01


@pytest.mark.parametrize(("width", "height"), [(200_000, 3), (3, 200_000)])
def test_a_strip_is_cut_before_it_is_scaled(width: int, height: int) -> None:
    """Scaled to cover the square it would be 15 million pixels long."""
    image = np.zeros((height, width, 3), np.uint8)
    across, along = (image, width) if width > height else (image.transpose(1, 0, 2), height)
    across[:, along // 2 - 1 : along // 2 + 1] = 255
    tensor, place = prepared(image, (224, 224), fit="crop-centre")
    middle = place.points_to_picture(np.array([112.0, 112.0]))
    assert middle == pytest.approx((width / 2, height / 2), abs=0.01)
    assert tensor[0, 0, 112, 112] == 255 and tensor[0, 0, 0, 0] < 10


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(640, 360, (384, 640)), (1280, 720, (384, 640)), (33, 31, (32, 64)), (1, 1, (32, 32)), (4000, 10, (32, 640))],
)
def test_input_size(width: int, height: int, expected: tuple[int, int]) -> None:
    assert input_size(height, width, ImageInput(multiple=32, max_side=640)) == expected


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (97, 203, (640, 320)),
        (160, 120, (480, 640)),
        (640, 360, (384, 640)),
        (1280, 720, (384, 640)),
        (1, 1, (640, 640)),
    ],
)
def test_small_pictures_are_brought_up_where_the_model_wants_it(
    width: int, height: int, expected: tuple[int, int]
) -> None:
    """LetterBox of ultralytics with auto: the longer side is imgsz, each side padded to the stride."""
    assert input_size(height, width, ImageInput(multiple=32, max_side=640, upscale=True)) == expected


def test_a_picture_of_400_megapixels_is_refused_before_anything_is_made_of_it() -> None:
    huge = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (20_000, 20_000, 3))
    with pytest.raises(PictureTooLarge, match="20000 x 20000, 400 megapixels") as refused:
        prepared(huge, (64, 64))
    assert (refused.value.code, refused.value.exit_code) == ("picture-too-large", 1)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mean": [0.5, 0.5]}, "2 values of mean for 3 channels"),
        ({"std": [1.0, 1.0, 1.0], "colour": "GRAY"}, "3 values of std for 1 channels"),
        ({"std": [1.0, 0.0, 1.0]}, "a std that is not above 0"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelRefused, match=words):
        Preparer(manifest(**settings), (32, 32))


def test_opencv_and_the_preparer_agree_on_a_photo_sized_picture() -> None:
    image = np.random.default_rng(5).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    tensor, _ = prepared(image, (640, 640), fit="letterbox-centre", pad=114, colour="RGB", scale=1 / 255)
    canvas = cv2.copyMakeBorder(cv2.resize(image, (640, 360)), 140, 140, 0, 0, cv2.BORDER_CONSTANT, value=(114,) * 3)
    assert tensor == pytest.approx(cv2.dnn.blobFromImage(canvas, 1 / 255, swapRB=True), abs=1e-6)
