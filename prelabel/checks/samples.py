"""Pictures and sounds whose answer a model package states: drawn or made of formulas, of the catalogue, or in the
manifest itself.
"""

from __future__ import annotations

import base64
import binascii
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from prelabel.checks.synthetic_voice import RATE, vowels
from prelabel.media.pictures import Image
from prelabel.models import catalogue
from prelabel.models.download import Progress
from prelabel.models.manifest import ManifestInvalid

Samples = NDArray[np.float32]

INLINE = "base64:"
MAX_INLINE_BYTES = 256 * 1024
PICTURES = ("card", "line", "grey")
SOUNDS = ("vowels", "silence")


@dataclass(frozen=True)
class SampleSound:
    """Mono samples, float32 -1..1, `rate` a second."""

    samples: Samples
    rate: int


def read_sample(sample: str, place: str, progress: Progress | None = None) -> Image | SampleSound:
    """The picture (H x W x 3, BGR) or sound of a golden sample.

    Args:
        sample: `card`, `line`, `grey`, `vowels`, `silence`, a picture of the catalogue, or `base64:` and a
            small file.
        place: how messages call the manifest that names it.

    Raises:
        ManifestInvalid: there is no such sample, or what the manifest holds is no file of that kind.
        ModelUnavailable and others of the catalogue: a picture of the catalogue that cannot be fetched.
    """
    if sample.startswith(INLINE):
        return _inline(sample.removeprefix(INLINE), place)
    if sample in SOUNDS:
        return SampleSound(vowels() if sample == "vowels" else np.zeros(2 * RATE, dtype=np.float32), RATE)
    if sample in PICTURES:
        return _drawn(sample)
    if any(item.name == sample and item.kind == "photo" for item in catalogue.items()):
        return read_file(catalogue.fetch(sample, progress))
    names = ", ".join((*PICTURES, *SOUNDS, *(item.name for item in catalogue.items() if item.kind == "photo")))
    raise ManifestInvalid(
        f"{place} names the golden sample {sample!r}, which does not exist.",
        hint=f"Name one of {names}, or let `gleaner prelabel check FOLDER --golden FILE` put one in.",
    )


def read_file(path: Path) -> Image | SampleSound:
    """The picture of a still, or the sound of a sound file.

    Raises:
        PictureUnreadable, PictureTooLarge, SoundUnreadable, SoundEmpty, SoundCut, SoundMissing: from the file.
    """
    from prelabel.media.pictures import is_still, read_picture
    from prelabel.media.sound_files import read_sound

    if path.is_file() and is_still(path):
        return read_picture(path)
    return SampleSound(*read_sound(path))


def _inline(text: str, place: str) -> Image | SampleSound:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ManifestInvalid(f"{place} holds a golden sample that is not base64: {error}.") from error
    if len(data) > MAX_INLINE_BYTES:
        raise ManifestInvalid(f"{place} holds a golden sample of {len(data)} bytes; the limit is {MAX_INLINE_BYTES}.")
    with tempfile.TemporaryDirectory(prefix="gleaner-sample-") as folder:
        path = Path(folder) / "sample"
        path.write_bytes(data)
        return read_file(path)


def _drawn(name: str) -> Image:
    if name == "grey":
        return np.full((240, 320, 3), 128, dtype=np.uint8)
    height = 240 if name == "card" else 64
    picture = np.full((height, 480, 3), 255, dtype=np.uint8)
    rows = (("Gleaner 42", 100), ("seven cups", 180)) if name == "card" else (("Gleaner 42", 46),)
    for text, bottom in rows:
        cv2.putText(picture, text, (40, bottom), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (40, 30, 20), 3, cv2.LINE_AA)
    return picture
