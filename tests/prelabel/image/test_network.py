"""What a network is given, and which files are refused with which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from prelabel.image.network import PictureNetwork
from prelabel.media.pictures import PictureTooLarge
from prelabel.models.manifest import manifest_of
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from tests.prelabel import graphs


def opened(folder: Path, model: onnx.ModelProto, settings: dict[str, Any]) -> PictureNetwork:
    """By a manifest as it stands: what a file says of itself is not asked here."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    table = {
        "name": "planted", "version": "1", "family": "classification", "licence": "MIT", "sha256": "0" * 64,
        "names": ["a"], "inputs": {"image": "image"}, "outputs": {"scores": "seen"},
        "input": {"colour": "RGB", "fit": "stretch", "scale": 1.0} | settings,
    }  # fmt: skip
    manifest = manifest_of(table, "here")
    return PictureNetwork(ModelPackage("planted", "1", "0" * 64, "classification", folder / "model.onnx", manifest))


@pytest.mark.parametrize(
    ("kind", "dtype"), [(TensorProto.FLOAT, "float32"), (TensorProto.FLOAT16, "float16"), (TensorProto.UINT8, "uint8")]
)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_the_session_gets_the_picture_in_its_own_type(tmp_path: Path, kind: int, dtype: str, layout: str) -> None:
    shape = (1, 3, 24, 32) if layout == "NCHW" else (1, 24, 32, 3)
    network = opened(tmp_path / "own", graphs.echo(shape, kind), {"dtype": dtype, "layout": layout})
    picture = np.random.default_rng(1).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    outputs, place = network.run(picture)
    seen = outputs["scores"][0].transpose(1, 2, 0) if layout == "NCHW" else outputs["scores"][0]
    assert (seen == picture[:, :, ::-1]).all()
    assert seen.dtype == (np.uint8 if dtype == "uint8" else np.float32)
    assert (place.input_width, place.input_height) == (32, 24)


@pytest.mark.parametrize(
    ("shape", "kind", "settings", "words"),
    [
        (
            (1, 1, 24, 32),
            TensorProto.FLOAT,
            {},
            r"takes \[1, 1, 24, 32\], not a picture of three channels \[N, 3, H, W\]",
        ),
        ((1, 4, 24, 32), TensorProto.FLOAT, {}, "not a picture of three channels"),
        ((1, 24, 32, 3), TensorProto.FLOAT, {}, "not a picture of three channels"),
        ((1, 3, 24, 32), TensorProto.FLOAT, {"layout": "NHWC"}, r"three channels \[N, H, W, 3\]"),
        ((1, 3, 24), TensorProto.FLOAT, {}, "not a picture of three channels"),
        ((8, 3, 24, 32), TensorProto.FLOAT, {}, "takes 8 pictures at a time"),
        ((1, 3, 24, 32), TensorProto.UINT8, {}, r"takes tensor\(uint8\), its model.toml says float32"),
        (
            (1, 3, 24, 32),
            TensorProto.FLOAT,
            {"dtype": "float16"},
            r"takes tensor\(float\), its model.toml says float16",
        ),
        ((1, 3, 24, 32), TensorProto.FLOAT, {"size": [32, 24]}, r"takes pictures of \[24, 32\], its model.toml says"),
        ((1, 3, 24, "w"), TensorProto.FLOAT, {}, r"takes pictures of \[24, 'any'\], fixed in one direction only"),
    ],
)
def test_what_takes_another_kind_of_picture_is_refused(
    tmp_path: Path, shape: tuple[int | str, ...], kind: int, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ModelRefused, match=words):
        opened(tmp_path / "own", graphs.echo(shape, kind), settings)


def test_a_size_the_file_leaves_open_may_be_said(tmp_path: Path) -> None:
    network = opened(tmp_path / "own", graphs.echo((1, 3, 24, "w")), {"size": [24, 48]})
    assert network.size == (24, 48)
    assert network.run(np.zeros((9, 9, 3), np.uint8))[0]["scores"].shape == (1, 3, 24, 48)


@pytest.mark.parametrize(
    "bad",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), "f4"), np.zeros((4, 0, 3), "u1")],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a picture is H x W x 3 of uint8"):
        opened(tmp_path / "own", graphs.echo((1, 3, 24, 32)), {}).run(bad)


def test_a_picture_of_400_megapixels_is_refused(tmp_path: Path) -> None:
    huge = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (20_000, 20_000, 3))
    with pytest.raises(PictureTooLarge, match="20000 x 20000"):
        opened(tmp_path / "own", graphs.echo((1, 3, 24, 32)), {}).run(huge)


def test_values_that_are_not_finite_are_refused_at_the_dry_run(tmp_path: Path) -> None:
    model = graphs.constant({"seen": np.array([[np.inf]], np.float32)}, (1, 3, 24, 32))
    with pytest.raises(ModelRefused, match="not finite in its output 'scores'"):
        opened(tmp_path / "own", model, {}).dry_run()
