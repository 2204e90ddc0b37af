"""One file through one model: the worker function of `gleaner prelabel run` and of the collector's runs.

Inputs and outputs are JSON types, so that any kind of worker can carry them: a process here, a machine elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prelabel.models.catalogue import ModelCorrupt, choose, locate
from prelabel.models.package import open_model
from wire.capture import FrameTable, Medium
from wire.errors import GleanerError
from wire.files import file_sha256
from wire.labels import Inference, LabelsDocument, Source

if TYPE_CHECKING:
    from prelabel.audio.vad import VadModel

# Families whose boxes can be followed from frame to frame.
FOLLOWED = frozenset({"yolo", "yolox", "ssd", "detr", "yunet", "centerface"})
READING = "ocr"  # three models of the catalogue that read together
_OWN_WORDS = {"ctc": ("speech", "answer"), "ocr": ("text",)}  # of families whose manifests have no names
# Microseconds of media done, and in all if the file says so.
Progress = Callable[[int, int | None], None]


class FileMissing(GleanerError):
    """A file that was to be labelled is not there or cannot be opened."""

    code = "file-missing"
    status = 404
    exit_code = 3
    hint = "Check the path and the right to read it."


class ModelUnsuited(GleanerError):
    """A model of another medium than the file."""

    code = "model-unsuited"
    status = 422
    exit_code = 2
    hint = "`gleaner prelabel models` says what each model takes."


@dataclass(frozen=True)
class ModelDescription:
    """What is known of a model without loading it: how labels name it, the media it labels, the words of its labels."""

    source: Source
    media: tuple[Medium, ...]
    words: tuple[str, ...]


def describe(name: str) -> ModelDescription:
    """The model behind a name, a package folder or a file. Raises what `open_model` raises."""
    if name == READING:
        from prelabel.text.reader import reading_source

        return ModelDescription(reading_source(), ("image",), ("text",))
    package = open_model(name)
    words = tuple(package.manifest.names) or _OWN_WORDS[package.family]
    if package.manifest.rules.modality == "audio":
        return ModelDescription(package.source, ("audio",), words)
    return ModelDescription(package.source, ("video", "image") if package.family in FOLLOWED else ("image",), words)


def check_model(inputs: dict[str, Any]) -> dict[str, Any]:
    """Load the model of a run before its first file. Inputs and errors as `label_file`, without those of a file."""
    _model_of(inputs)
    return {}


def label_file(inputs: dict[str, Any], progress: Progress | None = None) -> dict[str, Any]:
    """Label one file.

    Args:
        inputs: `path` and `model` (as `open_model` takes it); and, each may be left out: `sha256` the model must have,
            `capture` (its id; else the sha256 of the file), `medium`, `frames` (path of the capture's frame table),
            `expected` (the words the script asks for), `language`, `answer` (the sound is one: a recogniser that may
            write also gives it as one text), `looks_per_second` (None: every frame),
            `max_looks` (where that rate follows from a number of looks per video: recorded instead of it),
            `package` (the sha256 its manifest must have),
            `measured` (a recogniser's word error rate in that language, which overrides its manifest's), `threads`.
        progress: called during a video or sound; only for a caller in this process.

    Returns:
        `{"document": labels document, "media": {"sha256", "bytes", "medium"}, "words": the words of its labels,
        "inference": when and how long, as `wire.labels.Inference`}`; the sha256 is None for a capture. The document is
        the same each time, so it does not have the inference itself.

    Raises:
        FileMissing, ModelUnsuited, ModelCorrupt, and what reading the file and running the model raise.
    """
    path = Path(inputs["path"])
    if not path.is_file():
        raise FileMissing(f"{path} is no file." if path.exists() else f"There is no file {path}.")
    facts, model = _model_of(inputs)
    try:
        medium: Medium = inputs.get("medium") or _medium_for(path, facts)
        sha256 = None
        capture = inputs.get("capture")
        if capture is None:
            capture = sha256 = file_sha256(path)
        if medium not in facts.media:
            takes = " and ".join(_PLURAL[one] for one in facts.media)
            silent = " without sound" if medium == "video" and facts.media == ("audio",) else ""
            raise ModelUnsuited(f"{facts.source.name} labels {takes}; {path} is {_ARTICLED[medium]}{silent}.")
        began_at, began = datetime.now(UTC), time.perf_counter()
        document = _LABELLERS[medium](path, capture, model, inputs, progress)
        inference = Inference(began_at=began_at, computed_ms=round(1000 * (time.perf_counter() - began)))
        media = {"sha256": sha256, "bytes": path.stat().st_size, "medium": medium}
    except OSError as error:  # no right to it, a failing disk
        raise FileMissing(f"{path} cannot be read: {error.strerror or error}.") from error
    words = list(facts.words)
    return {"document": document.to_json(), "media": media, "words": words, "inference": inference.to_json()}


def with_media(document: dict[str, Any], media: dict[str, Any] | None, path: str) -> dict[str, Any]:
    """A labels document as it is written: with the file that it is about."""
    return {**document, "media": {**(media or {}), "path": path}}


def _model_of(inputs: dict[str, Any]) -> tuple[ModelDescription, Any]:
    facts, model = _loaded(inputs["model"], inputs.get("threads", 1), inputs.get("language"), inputs.get("measured"))
    if inputs.get("sha256") not in (None, facts.source.sha256):
        raise ModelCorrupt(f"{inputs['model']} has changed since this work was requested.")
    if inputs.get("package") not in (None, facts.source.package):
        raise ModelCorrupt(f"{inputs['model']} has had its manifest changed since this work was requested.")
    return facts, model


def medium_of(path: Path) -> Medium:
    """What a file holds, by its content and never by its name.

    Raises:
        NotMedia: neither a picture nor a video nor sound.
    """
    from prelabel.media.pictures import is_still

    with path.open("rb") as file:
        if not file.read(1):
            raise NotMedia(f"{path} is empty.", hint="Copy it again from where it came from.")
    return "image" if is_still(path) else _video_or_sound(path)


def _medium_for(path: Path, facts: ModelDescription) -> Medium:
    """What a file is to a model: the sound of a video, to one that only listens."""
    medium = medium_of(path)
    return "audio" if medium == "video" and facts.media == ("audio",) and _has_sound(path) else medium


def _has_sound(path: Path) -> bool:
    import av

    with av.open(str(path), metadata_errors="ignore") as container:
        return bool(container.streams.audio)


_PLURAL: dict[Medium, str] = {"video": "videos", "audio": "sound", "image": "stills", "text": "text"}
_ARTICLED: dict[Medium, str] = {"video": "a video", "audio": "sound", "image": "a still", "text": "text"}


class NotMedia(GleanerError):
    """A file that is neither a picture nor a video nor sound."""

    code = "not-media"
    status = 422
    hint = "Give pictures (JPEG, PNG, BMP, TIFF, WebP, HEIC, AVIF, GIF), videos or sound files."


def _video_or_sound(path: Path) -> Medium:
    import av

    from prelabel.media.video_files import NO_VIDEO

    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            name = str(container.format.name)
            if name.startswith(NO_VIDEO) or name.endswith("_pipe"):
                raise NotMedia(f"{path} is not a picture, a video or sound.")
            # A cover picture of a song is a stream of video too.
            video = [
                stream
                for stream in container.streams.video
                if not stream.disposition & av.stream.Disposition.attached_pic
            ]
            if video:
                return "video"
            if container.streams.audio:
                return "audio"
    except (av.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NotMedia(f"{path} is not a picture, a video or sound: {reason}.") from error
    raise NotMedia(f"{path} holds neither pictures nor sound.")


@lru_cache(maxsize=2)
def _loaded(name: str, threads: int, language: str | None, measured: float | None) -> tuple[ModelDescription, Any]:
    """A model stays loaded from file to file; two, so that a worker may serve two runs at once."""
    facts = describe(name)
    if facts.media == ("audio",):
        from prelabel.audio.models import open_sound_model

        package = open_model(name)
        speech = _regions(package.family)
        return facts, open_sound_model(package, threads, language=language, measured=measured, speech=speech)
    if name == READING:
        from prelabel.text.reader import Reader

        return facts, Reader.from_catalogue(threads)
    from prelabel.labelling.picture_models import open_picture_model

    return facts, open_picture_model(open_model(name), threads)


def _regions(family: str) -> VadModel | None:
    """Whose regions a recogniser writes into, if that model is on this machine."""
    if family != "ctc":
        return None
    from prelabel.audio.vad import VadModel

    name = choose("speech")
    return VadModel(open_model(name)) if locate(name) is not None else None


def _label_still(
    path: Path, capture: str, model: Any, _inputs: dict[str, Any], _progress: Progress | None
) -> LabelsDocument:
    from prelabel.media.pictures import read_picture
    from prelabel.models.effective_settings import with_settings

    document = LabelsDocument(capture=capture, source=model.source, labels=model.labels(read_picture(path)))
    return with_settings(document, model.settings_by_source())


def _label_sound(
    path: Path, capture: str, model: Any, inputs: dict[str, Any], progress: Progress | None
) -> LabelsDocument:
    from prelabel.audio.labels import spoken_answer
    from prelabel.audio.models import label_sound
    from prelabel.models.effective_settings import with_settings

    labels = label_sound(path, model, inputs.get("expected"), progress)
    if inputs.get("answer"):
        labels += spoken_answer(capture, model.source, labels, inputs.get("language")).labels
    document = LabelsDocument(capture=capture, source=model.source, labels=labels)
    return with_settings(document, model.settings_by_source())


def _label_video(
    path: Path, capture: str, model: Any, inputs: dict[str, Any], progress: Progress | None
) -> LabelsDocument:
    from prelabel.labelling.video import label_video
    from prelabel.models.effective_settings import with_settings

    times_us = None
    if inputs.get("frames") is not None:
        times_us = FrameTable.read(Path(inputs["frames"]).read_bytes()).times_us
    looks = inputs.get("looks_per_second")
    document = label_video(path, model, capture, looks_per_second=looks, times_us=times_us, progress=progress)
    rule = {"looks_per_second": looks} if (most := inputs.get("max_looks")) is None else {"max_looks": most}
    return with_settings(document, model.settings_by_source(), **rule)


_LABELLERS = {"image": _label_still, "audio": _label_sound, "video": _label_video}
