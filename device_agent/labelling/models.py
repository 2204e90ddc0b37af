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
from wire.script import Plan


class ModelsAlike(GleanerError):
    """Two models for the same recordings have one name, under which their labels are saved, or both detect speech."""

    code = "models-alike"
    exit_code = 2
    hint = "Give one of them another name in its model.toml."


@dataclass(frozen=True)
class NamedModels:
    """Models to label with, each by name, package folder or file. None or empty: the catalogue's choice."""

    video: str | None = None
    stills: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Models:
    """What the device labels with. None or empty: no model for that.

    `video` runs live; only `video_words` are tracked, all when None. `speech` finds live when somebody speaks; `sounds`
    run beside it, and a transcriber among them replaces its intervals by its own.
    """

    video: Detector | None = None
    video_words: frozenset[str] | None = None
    stills: tuple[PictureModel, ...] = ()
    speech: VadModel | None = None
    sounds: tuple[SoundModel, ...] = ()
    reading: Reader | None = None

    @classmethod
    def for_plan(cls, plan: Plan, named: NamedModels) -> Models:
        """The models that a script needs. Raises what `open` raises."""
        reads_text = any("image" in step.record and "text" in step.reviews for step in plan.steps)
        return cls.open(named, reading=reads_text, language=plan.language, followed=plan.labels.tracks)

    @classmethod
    def open(
        cls,
        named: NamedModels | None = None,
        *,
        reading: bool = False,
        language: str | None = None,
        followed: Sequence[str] = (),
    ) -> Models:
        """The models that are named, and otherwise the catalogue's choice among those on this machine.

        Args:
            reading: also the three networks that read the text on stills.
            language: of the script (BCP 47); a recogniser of another language writes nothing.
            followed: the words the study wants tracks of. Empty: the catalogue's, or all words of a named model.

        Raises:
            GleanerError: a model is missing, differs from its sha256, does not load, or is of the wrong kind.
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
            raise ModelsAlike(f"{names} both detect speech.", hint="Name one of them.")
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
        raise ModelsAlike(f"Two models for the same recordings have the name {twice}.")
