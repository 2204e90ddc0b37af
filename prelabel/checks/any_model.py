"""A loaded model of any family, for golden samples and timing, which treat all families alike."""

from __future__ import annotations

from dataclasses import dataclass

from prelabel.audio.models import SoundModel, open_sound_model
from prelabel.checks.samples import SampleSound
from prelabel.labelling.picture_models import PictureModel, open_picture_model
from prelabel.media.pictures import Image
from prelabel.models.families import OcrDecode
from prelabel.models.package import ModelPackage
from prelabel.text.direction import TextDirection
from wire.labels import Choice, Label

UPRIGHT, UPSIDE_DOWN = "upright", "upside down"


@dataclass(frozen=True)
class AnyModel:
    """One of the three is there."""

    package: ModelPackage
    pictures: PictureModel | None = None
    sounds: SoundModel | None = None
    direction: TextDirection | None = None

    def labels(self, sample: Image | SampleSound) -> list[Label]:
        """What the model finds. Of the direction network, which alone labels nothing, the way up of the picture.

        Raises:
            ValueError: a sound for a model of pictures, or the other way round.
            ModelRefused: the network fails on it.
        """
        if isinstance(sample, SampleSound):
            if self.sounds is None:
                raise ValueError(f"{self.package.name} looks at pictures, and this is a sound")
            return self.sounds.labels(sample.samples, sample.rate)
        if self.pictures is not None:
            return self.pictures.labels(sample)
        if self.direction is not None:
            turned = float(self.direction.upside_down([sample])[0])
            label = UPSIDE_DOWN if turned >= 0.5 else UPRIGHT
            return [Choice(id="c1", label=label, score=round(max(turned, 1 - turned), 4))]
        raise ValueError(f"{self.package.name} listens, and this is a picture")


def open_any_model(package: ModelPackage, threads: int = 1) -> AnyModel:
    """Load a model and try it out, whatever its family. A recogniser writes its text, whatever it is worth.

    Raises:
        ModelRefused: it does not load, or does not do what its manifest states.
    """
    if package.manifest.rules.modality == "audio":
        return AnyModel(package, sounds=open_sound_model(package, threads, measured=0.0))
    decode = package.manifest.decode
    if isinstance(decode, OcrDecode) and decode.part == "direction":
        return AnyModel(package, direction=TextDirection(package, threads))
    return AnyModel(package, pictures=open_picture_model(package, threads))
