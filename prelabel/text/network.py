"""One network of OCR, loaded and ready for batches of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from prelabel.media.pictures import Image
from prelabel.models.families import OcrDecode
from prelabel.models.manifest import ImageInput
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from prelabel.models.runtime import check_finite, load

Array = NDArray[Any]
PartName = Literal["detection", "direction", "recognition"]

_CHANNELS = {"BGR": 3, "RGB": 3, "GRAY": 1}
BATCH = 6


class OcrNetwork:
    """A session of one part; pictures of one height go in, padded on the right to one width.

    Args:
        package: of family `ocr`.
        part: which of the three it has to be.
        threads: threads within the network.

    Raises:
        ModelRefused: another family or part, does not load, or its numbers do not fit its channels.
    """

    def __init__(self, package: ModelPackage, part: PartName, threads: int = 1) -> None:
        decode = package.manifest.decode
        if not isinstance(decode, OcrDecode) or decode.part != part:
            what = f"the {decode.part} of OCR" if isinstance(decode, OcrDecode) else f"of family {package.family}"
            raise ModelRefused(f"{package.name} is {what}, not the {part} of OCR.")
        self.package = package
        self.source = package.source
        self.decode = decode
        self.input: ImageInput = package.manifest.input
        self._check_numbers()
        self._image, self._map = package.manifest.inputs["image"], package.manifest.outputs["map"]
        self._session = load(package.path, package.name, threads)
        self._session.require(package.manifest.inputs, package.manifest.outputs)
        self.height, self.width = self._sides()
        self.batch = self._session.inputs[self._image].shape[0] or BATCH

    def run(self, pictures: Sequence[Image], width: int) -> Array:
        """The network's output for N pictures of one height, each at most `width` wide.

        What is right of a narrower picture is 0 after normalisation, the grey the networks were trained with.

        Raises:
            ModelRefused: the network fails on them.
        """
        batch = np.zeros((len(pictures), _CHANNELS[self.input.colour], pictures[0].shape[0], width), np.float32)
        for row, picture in zip(batch, pictures, strict=True):
            row[:, :, : picture.shape[1]] = _normalised(picture, self.input)
        tensor = batch if self.input.layout == "NCHW" else np.ascontiguousarray(batch.transpose(0, 2, 3, 1))
        output = self._session.run({self._image: tensor.astype(self.input.dtype, copy=False)}, [self._map])[self._map]
        return output.astype(np.float32, copy=False)

    def dry_run(self, height: int, width: int) -> Array:
        """The output for one black picture of that size.

        Raises:
            ModelRefused: values are not finite, or the network fails.
        """
        output = self.run([np.zeros((height, width, 3), dtype=np.uint8)], width)
        check_finite(self.package.name, {self._map: output})
        return output

    def refuse(self, shape: Sequence[int], needed: str) -> ModelRefused:
        """The error for an output of the wrong shape."""
        return ModelRefused(f"{self.package.name} gives map of shape {list(shape)}, the {self.decode.part} {needed}.")

    def _check_numbers(self) -> None:
        name, channels, how = self.package.name, _CHANNELS[self.input.colour], self.input
        for word, values in (("mean", how.mean), ("std", how.std)):
            if len(values) not in (1, channels):
                raise ModelRefused(f"{name} has {len(values)} values of {word} for {channels} channels.")
        if not all(value > 0 for value in how.std):
            raise ModelRefused(f"{name} has a std that is not above 0.")
        if how.dtype == "uint8" and (how.scale != 1 or {*how.mean} != {0} or {*how.std} != {1}):
            raise ModelRefused(
                f"{name} takes bytes, which are never scaled.",
                hint="Set scale = 1.0, mean = [0.0] and std = [1.0] under [input].",
            )

    def _sides(self) -> tuple[int | None, int | None]:
        """(height, width) the file or the manifest fixes, None where neither does."""
        shape = self._session.inputs[self._image].shape
        height, width = shape[2:] if self.input.layout == "NCHW" else shape[1:3]
        given = self.input.size or (None, None)
        return height or given[0], width or given[1]


def resized(picture: Image, height: int, width: int, antialias: bool) -> Image:
    """The picture drawn to height x width: bilinear, or with `antialias` by area averages where it shrinks."""
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = height < picture.shape[0] and width < picture.shape[1]
    method = cv2.INTER_AREA if antialias and shrinks else cv2.INTER_LINEAR
    drawn: Image = cv2.resize(picture, (width, height), interpolation=method)
    return drawn


def _normalised(picture: Image, how: ImageInput) -> Array:
    """H x W x 3 bytes (BGR) as C x H x W: (byte * scale - mean) / std."""
    if how.colour == "GRAY":
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[:, :, np.newaxis]
    elif how.colour == "RGB":
        picture = picture[:, :, ::-1]
    mean, std = (np.asarray(row, dtype=np.float32).reshape(-1, 1, 1) for row in (how.mean, how.std))
    values: Array = (picture.transpose(2, 0, 1) * np.float32(how.scale) - mean) / std
    return values
