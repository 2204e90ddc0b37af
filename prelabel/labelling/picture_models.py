"""Any model for pictures, behind one interface: a picture in, labels out."""

from __future__ import annotations

from typing import Protocol

from prelabel.image.classification import open_classifier
from prelabel.image.detector import DECODERS, open_detector
from prelabel.image.segmentation import open_segmenter
from prelabel.media.pictures import Image
from prelabel.models.effective_settings import Settings
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from wire.labels import Label, Source


class PictureModel(Protocol):
    """A loaded model of pictures. `source`: what every label of it carries."""

    source: Source
    package: ModelPackage

    def settings_by_source(self) -> dict[Source, Settings]:
        """The settings of every model that its labels name, by source."""

    def labels(self, image: Image) -> list[Label]:
        """What it finds in a picture H x W x 3 (uint8, BGR), in pixels of that picture; one thread at a time.

        Raises:
            ModelRefused: the network fails on it.
        """


def open_picture_model(package: ModelPackage, threads: int = 1) -> PictureModel:
    """Load a model of pictures, of whatever family, and try it out.

    Args:
        threads: threads within the network; one leaves the other cores to the recorder.

    Raises:
        ModelRefused: it is for sound, does not load, or does not do what its manifest states.
    """
    if package.family in DECODERS:
        return open_detector(package, threads)
    if package.family == "classification":
        return open_classifier(package, threads)
    if package.family == "segmentation":
        return open_segmenter(package, threads)
    if package.family == "ocr":
        # Reading loads up to three networks and their alphabet; only those who read pay for it.
        from prelabel.text.reader import Reader

        return Reader.open(package, threads=threads)
    raise ModelRefused(f"{package.name} is a model of family {package.family}, which does not look at pictures.")
