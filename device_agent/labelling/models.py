"""Which models a device labels with: those that were named, and for the rest the catalogue's choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prelabel.audio.models import SoundModel, open_sound_model
from prelabel.audio.vad import VadModel
from prelabel.image.detector import Detector, open_detector
from prelabel.labelling.picture_models import PictureModel, open_picture_model
from prelabel.models.catalogue import choose, words
from prelabel.models.package import open_model
from prelabel.text.reader import Reader
from wire.errors import GleanerError
from wire.labels import Source


class ModelsAlike(GleanerError):
    """Two models for the same recordings have one name, under which a capture keeps labels, or both say who speaks."""

    code = "models-alike"
    exit_code = 2
    hint = "Give one of them another name in its model.toml."


@dataclass(frozen=True)
class NamedModels:
    """The models to work with instead of the catalogue's choice, each as `open_model` takes it; None, or none: that."""

    video: str | None = None
    stills: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Models:
    """What the device labels with; None, or none, where a model is not wanted.

    `video` is looked through while it records, and what it sees is followed; of `video_words` alone, None: of all.
    `speech` says who speaks, live; `sounds` hear besides, or instead where one of them writes down what is said.
    """

    video: Detector | None = None
    video_words: frozenset[str] | None = None
    stills: tuple[PictureModel, ...] = ()
    speech: VadModel | None = None
    sounds: tuple[SoundModel, ...] = ()
    reading: Reader | None = None

    @classmethod
    def open(
        cls,
        named: NamedModels | None = None,
        *,
        reading: bool = False,
        language: str | None = None,
        followed: Sequence[str] = (),
    ) -> Models:
        """The models that are named, and for the rest those the catalogue chooses among what is near.

        Args:
            reading: also those that read the text on stills: three networks, for scripts that ask for it alone.
            language: of the script (BCP 47): a recogniser of another one writes nothing.
            followed: the words the study wants tracks of; what the catalogue says, or all of a named model, when empty.

        Raises:
            GleanerError: a model cannot be had, is not what its sha256 says, does not load, or cannot do this work.
        """
        named = named or NamedModels()
        video = named.video or choose("people")
        seeing = open_detector(open_model(video))
        stills = [
            seeing if name == video else open_picture_model(open_model(name))
            for name in dict.fromkeys(named.stills or (choose("objects"),))
        ]
        heard = [open_model(name) for name in dict.fromkeys(named.sounds)]
        voices = [package for package in heard if package.family == "vad"]
        if len(voices) > 1:
            names = " and ".join(package.name for package in voices)
            raise ModelsAlike(f"{names} both say who speaks when.", hint="Name one of them.")
        speech = VadModel(voices[-1] if voices else open_model(choose("speech")))
        reader = Reader.from_catalogue() if reading else None
        _check_apart([model.source for model in stills] + ([reader.source] if reader else []))
        _check_apart([speech.source, *(package.source for package in heard if package.family != "vad")])
        return cls(
            video=seeing,
            video_words=frozenset(followed) or (words("people") if named.video is None else None),
            stills=tuple(stills),
            speech=speech,
            sounds=tuple(
                open_sound_model(package, speech=speech, language=language)
                for package in heard
                if package.family != "vad"
            ),
            reading=reader,
        )


def _check_apart(sources: Sequence[Source]) -> None:
    """Raises ModelsAlike."""
    names = [source.name for source in sources]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ModelsAlike(f"Two models for the same recordings are called {twice}.")
