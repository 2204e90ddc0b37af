"""Speech to text with a CTC network: any length of sound, cut where nobody speaks, words back on the media clock."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.audio.ctc import Alphabet, SpokenWord, collapse, probabilities
from prelabel.audio.network import AudioNetwork
from prelabel.audio.utterances import Utterance, utterances, within
from prelabel.audio.vad import RATE as VAD_RATE
from prelabel.audio.vad import WINDOW as VAD_WINDOW
from prelabel.audio.vad import VadModel, VadStream
from prelabel.media.resample import Resampler
from prelabel.models.families import CtcDecode
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from wire.capture import sample_time_us
from wire.labels import Source

Samples = NDArray[np.float32]

PIECE_SECONDS = 20.0  # one run at most, where the file takes any length: attention grows with the square of it
_QUIET_SECONDS = 0.3
_LEVEL_SECONDS = 0.02
_TRY_SECONDS = 2.0
_ROWS_OFF = 4


class Recogniser:
    """A loaded network of family `ctc`; any number of streams may share it.

    Raises:
        ModelRefused: another family, does not load, or does not answer as its manifest states.
    """

    def __init__(self, package: ModelPackage, threads: int = 1) -> None:
        if package.family != "ctc":
            raise ModelRefused(f"{package.name} is a model of family {package.family}, not a speech recogniser.")
        decode = package.manifest.decode
        assert isinstance(decode, CtcDecode)
        self.package = package
        self.source: Source = package.source
        self.decode = decode
        self.alphabet = Alphabet(decode.alphabet, decode.word_separator)
        self._network = AudioNetwork(package, threads)
        self.rate = self._network.rate
        self.piece = self._network.window or round(PIECE_SECONDS * self.rate)
        if decode.blank >= len(decode.alphabet):
            raise ModelRefused(f"{package.name} has {len(decode.alphabet)} tokens, its blank is number {decode.blank}.")
        self._dry_run()

    def words(self, samples: Samples, start_us: int = 0) -> list[SpokenWord]:
        """The words in mono samples at the model's rate, `piece` of them at most.

        Args:
            start_us: media time of the first sample.

        Raises:
            ModelRefused: the network does not run on them, or its answer is not finite.
        """
        if not len(samples):
            return []
        rows = probabilities(self._rows(samples))
        found = self.alphabet.words(collapse(rows, self.decode.blank), self.decode.frame_ms * 1000, start_us)
        end_us = start_us + max(1, sample_time_us(len(samples), self.rate))
        return [within(word, start_us, end_us) for word in found]

    def _rows(self, samples: Samples) -> NDArray[Any]:
        """Rows [T, V] of the samples' tokens, none of the silence that fills a fixed window."""
        fixed = self._network.window
        short = 0 if fixed is None else fixed - len(samples)
        fed = np.concatenate([samples, np.zeros(short, dtype=np.float32)]) if short > 0 else samples
        values = self._network.run(fed)
        rows = values["tokens"]
        if rows.ndim == 3 and rows.shape[0] == 1:
            rows = rows[0]
        if rows.ndim != 2 or rows.shape[1] != len(self.alphabet):
            raise ModelRefused(
                f"{self.package.name} gives tokens of shape {list(values['tokens'].shape)}; "
                f"its alphabet has {len(self.alphabet)}, so [1, time, {len(self.alphabet)}] is needed."
            )
        count = len(rows)
        if "length" in values:
            count = min(count, max(0, int(np.ravel(values["length"])[0])))
        if short > 0:
            count = min(count, math.ceil(len(samples) * 1000 / (self.rate * self.decode.frame_ms)))
        return rows[:count]

    def _dry_run(self) -> None:
        length = self._network.window or round(_TRY_SECONDS * self.rate)
        told = len(self._rows(np.zeros(length, dtype=np.float32))) * self.decode.frame_ms
        truth = 1000 * length / self.rate
        # Edges cost a few rows; a wrong frame_ms puts every word at a wrong time.
        if abs(told - truth) > max(truth / 5, _ROWS_OFF * self.decode.frame_ms):
            raise ModelRefused(
                f"{self.package.name} gives rows of {self.decode.frame_ms:g} ms for {told / 1000:.2f} s "
                f"where it was given {truth / 1000:.2f} s.",
                hint="Correct frame_ms under [decode] in its model.toml.",
            )


class RecogniserStream:
    """One recording, block by block, in bounded memory. For one thread.

    Pieces end where it is quietest in the second half of what one run takes: by the voice activity model's word if
    there is one, else by the sound's energy. A piece in which that model finds no speech is not run at all.

    Args:
        rate: of the samples that will be pushed.
        speech: whose regions become the utterances; without it words that are far apart make two.
        write: False leaves out the recogniser where a voice activity model gives the regions.

    Raises:
        RateUnsupported: the rate cannot be resampled to the models'.
        ModelRefused: while it listens: the model's answer is not finite.
    """

    def __init__(self, model: Recogniser, rate: int, speech: VadModel | None = None, *, write: bool = True) -> None:
        self._model = model
        self._voice = None if speech is None else VadStream(speech, rate)
        self._writing = write or speech is None
        self._resampler = Resampler(rate, model.rate)
        self._held = np.zeros(0, dtype=np.float32)
        self._start = 0  # of `_held`, in samples of the model
        self._rate, self._pushed = rate, 0
        self._words: list[SpokenWord] = []

    def push(self, samples: Samples) -> None:
        """The next mono samples, float32 -1..1."""
        self._pushed += len(samples)
        if self._voice is not None:
            self._voice.push(samples)
        if self._writing:
            self._held = np.concatenate([self._held, self._resampler.push(samples)])
            while len(self._held) > self._model.piece:
                self._write(self._quietest())

    def finish(self) -> list[Utterance]:
        """Every utterance, by time, without overlap."""
        regions = None if self._voice is None else self._voice.finish()
        if self._writing:
            self._held = np.concatenate([self._held, self._resampler.finish()])
            while len(self._held) > self._model.piece:
                self._write(self._quietest())
            self._write(len(self._held))
        end_us = max(1, sample_time_us(self._pushed, self._rate))
        return utterances([within(word, 0, end_us) for word in self._words], regions)

    def _write(self, count: int) -> None:
        """Recognise the next `count` samples and let them go."""
        piece, self._held = self._held[:count], self._held[count:]
        if self._somebody(self._start, self._start + count):
            self._words += self._model.words(piece, sample_time_us(self._start, self._model.rate))
        self._start += count

    def _somebody(self, start: int, end: int) -> bool:
        if self._voice is None:
            return True
        step = VAD_WINDOW * self._model.rate / VAD_RATE
        levels = self._voice.probabilities[int(start / step) : int(end / step) + 1]
        off = self._voice.model.package.manifest.speech.off
        return not levels or max(levels) >= off

    def _quietest(self) -> int:
        """How many of the held samples to take: up to the middle of the quietest moment in the second half."""
        most = self._model.piece
        least = most // 2
        if self._voice is not None:
            step = VAD_WINDOW * self._model.rate / VAD_RATE
            first = int((self._start + least) / step) + 1
            levels = np.array(self._voice.probabilities[first : int((self._start + most) / step)])
            origin = first * step - self._start
        else:
            step = _LEVEL_SECONDS * self._model.rate
            rows = int((most - least) / step)
            cut = self._held[least : least + int(rows * step)].astype(np.float64)
            levels = np.add.reduceat(cut * cut, (np.arange(rows) * step).astype(np.int64)) if rows else np.zeros(0)
            origin = float(least)
        width = max(1, round(_QUIET_SECONDS * self._model.rate / step))
        if len(levels) < width:
            return most
        means = np.convolve(levels, np.ones(width) / width, mode="valid")
        # On the grid of rows, so that a cut moves no word.
        row = max(1, round(self._model.rate * self._model.decode.frame_ms / 1000))
        middle = int(origin + (float(means.argmin()) + width / 2) * step)
        return min(most, max(row, middle - middle % row))
