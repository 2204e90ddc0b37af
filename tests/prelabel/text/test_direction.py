"""Which way up: a network that says it by the brightness at the left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from prelabel.models.onnx_file import ModelRefused
from prelabel.text.direction import TextDirection
from tests.prelabel.text import planted

SIZE = "flip = 0.8\n[input]\nsize = [48, 192]"


def line(width: int, level: int, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), level, dtype=np.uint8)


def test_lines_of_every_length_in_one_batch(tmp_path: Path) -> None:
    model = TextDirection(planted.package(tmp_path, planted.direction(), "direction", SIZE))
    lines = [line(48, 255), line(48, 0), line(24, 255), line(400, 51), line(6, 255, 96), line(200, 255, 24), *[
        line(300, 255)] * 9]  # fmt: skip
    # Padding is grey, one half: a line of 24 columns fills half of the 48 that count, one of 3 a sixteenth.
    expected = [1, 0, 0.75, 0.2, (3 + 45 / 2) / 48, 1, *[1] * 9]
    assert model.upside_down(lines) == pytest.approx(expected, abs=1e-3)
    assert model.flip == 0.8
    assert model.upside_down([]).shape == (0,)


def test_a_long_line_is_squeezed_to_the_width(tmp_path: Path) -> None:
    model = TextDirection(planted.package(tmp_path, planted.direction(left=192), "direction", SIZE))
    long = line(1000, 0)
    long[:, 500:] = 255
    assert model.upside_down([long]) == pytest.approx([0.5], abs=0.01)


def test_what_is_no_direction_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="no fixed input size") as caught:
        TextDirection(planted.package(tmp_path / "free", planted.direction(), "direction"))
    assert "size = [height, width]" in caught.value.hint
    with pytest.raises(ModelRefused, match=r"gives map of shape \[1, 5\], the direction needs \[1, 2\]"):
        five = planted.constant(np.full((1, 5), 0.2))
        TextDirection(planted.package(tmp_path / "five", five, "direction", SIZE))
    with pytest.raises(ModelRefused, match="no probabilities of the two directions"):
        logits = planted.constant(np.array([[3.0, -1.0]]))
        TextDirection(planted.package(tmp_path / "logits", logits, "direction", SIZE))


def test_a_network_that_takes_one_line_at_a_time(tmp_path: Path) -> None:
    one = planted.direction()
    one.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    model = TextDirection(planted.package(tmp_path, one, "direction", SIZE))
    assert model.upside_down([line(60, 255), line(60, 0)]) == pytest.approx([1, 0], abs=1e-3)
