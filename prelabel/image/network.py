"""A loaded network that takes pictures: the picture goes in, tensors come out under their roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.image.letterbox import Placement, Preparer
from prelabel.media.pictures import Image
from prelabel.models.manifest import Manifest
from prelabel.models.onnx_file import Dims, ModelRefused
from prelabel.models.package import ModelPackage
from prelabel.models.runtime import Session, check_finite, load

Array = NDArray[Any]
_PICTURE_AXES = 3
_TRIAL_HEIGHT, _TRIAL_WIDTH = 360, 640
_DECLARED = {"float32": "tensor(float)", "float16": "tensor(float16)", "uint8": "tensor(uint8)"}
_NUMBERS = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32}


class PictureNetwork:
    """A session with the preparation of its input. `run` is for one thread at a time.

    Args:
        threads: threads within the network; one leaves the other cores to the recorder.
        free: tensors whose declared sizes are replaced before loading, as in `onnx_file.free_sizes`.

    Raises:
        ModelRefused: the file does not load, lacks a tensor its manifest names, or takes another kind of picture.
    """

    def __init__(self, package: ModelPackage, threads: int = 1, free: Mapping[str, Dims] | None = None) -> None:
        self.package = package
        self._strict = False
        self._manifest = package.manifest
        self._session = load(package.path, package.name, threads, free)
        self._session.require(self._manifest.inputs, self._manifest.outputs)
        self._bare = _is_bare(self._session, self._manifest)
        self.size = _fixed_size(self._session, self._manifest)
        self._preparer = Preparer(self._manifest, self.size)
        self._wanted = sorted(set(self._manifest.outputs.values()))

    def strict(self) -> PictureNetwork:
        """The same network, not loaded twice, that refuses every answer with a value that is not finite.

        A NaN is below every threshold, so it passes as nobody there: who masks people must not take it for that.
        """
        other = copy(self)
        other._strict = True
        return other

    def run(
        self, image: Image, more: Callable[[Placement], Mapping[str, Array]] | None = None
    ) -> tuple[dict[str, Array], Placement]:
        """The outputs by role for a picture H x W x 3 (uint8, BGR), and where it lay in the input.

        Args:
            more: inputs besides the picture, by role.

        Raises:
            ValueError: not a picture of that shape and type.
            PictureTooLarge: more than `pictures.MAX_PIXELS`.
            ModelRefused: the network fails on it; when strict, it gives values that are not finite.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"a picture is H x W x 3 of uint8, not {image.shape} of {image.dtype}")
        tensor, place = self._preparer.prepare(image)
        inputs = self._manifest.inputs
        feeds = {inputs["image"]: tensor[0] if self._bare else tensor}
        for role, value in (more(place) if more else {}).items():
            feeds[inputs[role]] = value.astype(_NUMBERS.get(self._session.inputs[inputs[role]].dtype, value.dtype))
        values = self._session.run(feeds, self._wanted)
        outputs = {role: _whole(values[name]) for role, name in self._manifest.outputs.items()}
        if self._strict:
            check_finite(self.package.name, outputs)
        return outputs, place

    def dry_run(
        self, more: Callable[[Placement], Mapping[str, Array]] | None = None
    ) -> tuple[dict[str, Array], Placement]:
        """The outputs for a black picture.

        Raises:
            ModelRefused: it does not run, or gives values that are not finite.
        """
        outputs, place = self.run(np.zeros((_TRIAL_HEIGHT, _TRIAL_WIDTH, 3), dtype=np.uint8), more)
        check_finite(self.package.name, outputs)
        return outputs, place


def _whole(value: Array) -> Array:
    """Half floats overflow at 65504 and are slow: their sums and products are made of whole ones."""
    return value.astype(np.float32) if value.dtype == np.float16 else value


def _is_bare(session: Session, manifest: Manifest) -> bool:
    """Whether a picture goes in without the axis of pictures, as into torchvision's detectors."""
    return manifest.family == "ssd" and len(session.inputs[manifest.inputs["image"]].shape) == _PICTURE_AXES


def _fixed_size(session: Session, manifest: Manifest) -> tuple[int, int] | None:
    """(height, width) that the file or the manifest fixes.

    Raises:
        ModelRefused: the file takes another type, rank or number of channels than the manifest says, more than one
            picture at a time, or another size.
    """
    tensor = session.inputs[manifest.inputs["image"]]
    settings = manifest.input
    if tensor.dtype != _DECLARED[settings.dtype]:
        raise ModelRefused(
            f"{manifest.name} takes {tensor.dtype}, its model.toml says {settings.dtype}.",
            hint="Set dtype under [input].",
        )
    channels, word = (1, "one channel") if settings.colour == "GRAY" else (3, "three channels")
    shape = (1, *tensor.shape) if _is_bare(session, manifest) else tensor.shape
    first = settings.layout == "NCHW"
    if len(shape) != 4 or shape[1 if first else 3] not in (channels, None):
        form = f"[N, {channels}, H, W]" if first else f"[N, H, W, {channels}]"
        raise ModelRefused(f"{manifest.name} takes {_shown(shape)}, not a picture of {word} {form}.")
    if shape[0] not in (1, None):
        raise ModelRefused(f"{manifest.name} takes {shape[0]} pictures at a time; export it for one.")
    height, width = shape[2:] if first else shape[1:3]
    wanted = settings.size or (None, None)
    if any(there and said and there != said for there, said in zip((height, width), wanted, strict=True)):
        raise ModelRefused(f"{manifest.name} takes pictures of {_shown((height, width))}, its model.toml says "
                           f"{_shown(wanted)}.")  # fmt: skip
    height, width = height or wanted[0], width or wanted[1]
    if (height is None) != (width is None):
        raise ModelRefused(
            f"{manifest.name} takes pictures of {_shown((height, width))}, fixed in one direction only.",
            hint="Add size = [height, width] under [input].",
        )
    return (height, width) if height is not None and width is not None else None


def _shown(sizes: tuple[int | None, ...]) -> list[int | str]:
    return ["any" if size is None else size for size in sizes]
