"""Any audio model behind one interface: samples in, labels out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from prelabel.audio.keyword import KeywordSpotter, KeywordStream
from prelabel.audio.labels import event_labels, speech_labels, spoken_labels
from prelabel.audio.prefill import Prefill, prefill_allowed
from prelabel.audio.recogniser import Recogniser, RecogniserStream
from prelabel.audio.tagging import Tagger, TagStream
from prelabel.audio.vad import VadModel, VadStream
from prelabel.media.sound_files import mixed, open_sound
from prelabel.models.effective_settings import Settings, package_settings
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from wire.capture import sample_time_us
from wire.labels import Label, Source

Samples = NDArray[np.float32]
# Microseconds of sound done, and in all if the file says so.
Progress = Callable[[int, int | None], None]


class SoundStream(Protocol):
    """One recording, block by block, for one thread. Times are media time: the first sample pushed is at 0."""

    def push_channels(self, rows: Samples) -> None:
        """The next samples of every channel, (channels, n): instead of `push`, for all of a recording."""

    def push(self, samples: Samples) -> None:
        """The next mono samples, float32 -1..1, of the rate given to `listen`."""

    def finish(self) -> list[Label]:
        """The labels, by time. Called once, after the last sample."""


class SoundModel(Protocol):
    """A loaded model of any audio family. Several streams may share it."""

    @property
    def package(self) -> ModelPackage: ...

    @property
    def source(self) -> Source: ...

    def settings_by_source(self) -> dict[Source, Settings]:
        """The settings of every model that its labels name, by source."""

    def listen(self, rate: int, expected: str | None = None) -> SoundStream:
        """A stream for one recording.

        Args:
            rate: samples per second.
            expected: the words the script asks for; only models of speech use it, and never as `text`.

        Raises:
            RateUnsupported: the rate cannot be resampled to the model's.
        """

    def labels(self, samples: Samples, rate: int, expected: str | None = None) -> list[Label]:
        """The labels of a whole sound (mono float32, -1..1), as `listen` gives them."""


def open_sound_model(
    package: ModelPackage,
    threads: int = 1,
    *,
    speech: VadModel | None = None,
    language: str | None = None,
    measured: float | None = None,
) -> SoundModel:
    """Load a model of an audio family.

    Args:
        speech: whose regions a recogniser writes into; without it words that are far apart are two regions.
        language: of the script (BCP 47), None without one.
        measured: a recogniser's word error rate against people's corrections, None before there are any.

    Raises:
        ModelRefused: no audio model, does not load, or does not answer as its manifest states.
    """
    if package.family == "vad":
        return SpeechFinder(VadModel(package, threads))
    if package.family == "tagging":
        return SoundTagger(Tagger(package, threads))
    if package.family == "keyword":
        return WordSpotter(KeywordSpotter(package, threads))
    if package.family == "ctc":
        model = Recogniser(package, threads)
        return Transcriber(model, speech, prefill_allowed(package, language, measured))
    raise ModelRefused(f"{package.name} is a model of family {package.family}, which does not listen.")


def label_sound(
    path: Path,
    model: SoundModel,
    expected: str | None = None,
    progress: Progress | None = None,
) -> list[Label]:
    """The labels of a sound file, or of the sound of a video, read in blocks: hours of it take no more memory.

    Speech is searched in each channel, everything else in their mean.

    Args:
        progress: called after every block.

    Raises:
        SoundMissing, SoundUnreadable, SoundEmpty, SoundCut: from the file.
        RateUnsupported: its rate cannot be resampled to the model's.
        ModelRefused: the model fails on it.
    """
    with open_sound(path) as sound:
        stream = model.listen(sound.rate, expected)
        for rows in sound.channel_blocks():
            stream.push_channels(rows)
            if progress is not None:
                progress(sample_time_us(sound.samples, sound.rate), sound.duration_us)
        return stream.finish()


class _Model(ABC):
    """What all of them do alike."""

    def __init__(self, package: ModelPackage) -> None:
        self.package = package
        self.source: Source = package.source

    def settings_by_source(self) -> dict[Source, Settings]:
        return {self.source: package_settings(self.package)}

    @abstractmethod
    def listen(self, rate: int, expected: str | None = None) -> SoundStream:
        """As `SoundModel.listen`."""

    def labels(self, samples: Samples, rate: int, expected: str | None = None) -> list[Label]:
        stream = self.listen(rate, expected)
        stream.push(samples)
        return stream.finish()


class SpeechFinder(_Model):
    """Voice activity: an interval `speech` for each stretch, with its part of the prompt as `expected`."""

    def __init__(self, model: VadModel) -> None:
        super().__init__(model.package)
        self._model = model

    def listen(self, rate: int, expected: str | None = None) -> SoundStream:
        return _Speech(VadStream(self._model, rate), expected, self.package.manifest.names[0])


class SoundTagger(_Model):
    """Tagging: an interval for each stretch of each class."""

    def __init__(self, model: Tagger) -> None:
        super().__init__(model.package)
        self._model = model

    def listen(self, rate: int, expected: str | None = None) -> SoundStream:
        return _EventStream(TagStream(self._model, rate))


class WordSpotter(_Model):
    """Keywords: an interval for each."""

    def __init__(self, model: KeywordSpotter) -> None:
        super().__init__(model.package)
        self._model = model

    def listen(self, rate: int, expected: str | None = None) -> SoundStream:
        return _EventStream(KeywordStream(self._model, rate))


class Transcriber(_Model):
    """Speech to text: an interval `speech` for each utterance, with text and words only where `prefill` allows it.

    Regions that a voice activity model found and in which no word was read name that model as their source.
    """

    def __init__(self, model: Recogniser, speech: VadModel | None, prefill: Prefill) -> None:
        super().__init__(model.package)
        self._model = model
        self._speech = speech
        self.prefill = prefill

    def settings_by_source(self) -> dict[Source, Settings]:
        regions, finder = None, {}
        if self._speech is not None:
            found = package_settings(self._speech.package)
            finder = {self._speech.source: found}
            regions = {**found, "sha256": self._speech.package.sha256}
        own = package_settings(self.package, writes_text=self.prefill.allowed, regions=regions)
        return {**finder, self.source: own}

    def listen(self, rate: int, expected: str | None = None) -> SoundStream:
        stream = RecogniserStream(self._model, rate, self._speech, write=self.prefill.allowed)
        return _Spoken(stream, self._model, self._speech, expected, self.prefill.allowed)


class _Speech:
    """Somebody who speaks is often in one channel only, or in two as opposites: each channel is processed.

    Channels that are the same so far share a stream.
    """

    def __init__(self, stream: VadStream, expected: str | None, word: str) -> None:
        self._streams, self._expected, self._word = [stream], expected, word

    def push(self, samples: Samples) -> None:
        self._streams[0].push(samples)

    def push_channels(self, rows: Samples) -> None:
        if len(self._streams) == 1 and (rows[1:] != rows[0]).any():
            self._streams += [self._streams[0].copy() for _ in rows[1:]]
        for stream, row in zip(self._streams, rows, strict=False):
            stream.push(row)

    def finish(self) -> list[Label]:
        return [*speech_labels(self._streams[0].finish(self._streams[1:]), self._expected, self._word)]


class _Mixed:
    """Streams that take the mean of the channels."""

    def __init__(self, stream: TagStream | KeywordStream | RecogniserStream) -> None:
        self._stream = stream

    def push(self, samples: Samples) -> None:
        self._stream.push(samples)

    def push_channels(self, rows: Samples) -> None:
        self._stream.push(mixed(rows))


class _EventStream(_Mixed):
    def __init__(self, stream: TagStream | KeywordStream) -> None:
        super().__init__(stream)
        self._stream: TagStream | KeywordStream = stream

    def finish(self) -> list[Label]:
        return [*event_labels(self._stream.finish())]


class _Spoken(_Mixed):
    def __init__(
        self, stream: RecogniserStream, model: Recogniser, speech: VadModel | None, expected: str | None, write: bool
    ) -> None:
        super().__init__(stream)
        self._stream: RecogniserStream = stream
        self._model, self._speech = model, speech
        self._expected, self._write = expected, write

    def finish(self) -> list[Label]:
        rows = self._stream.finish()
        finder = None if self._speech is None else self._speech.source
        joiner = self._model.alphabet.joiner
        return [*spoken_labels(rows, self._expected, joiner, finder, write=self._write)]
