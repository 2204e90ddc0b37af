"""Keywords: a word counts after `patience` windows in a row and again only after a while.

Patience and debounce as openWakeWord has them (openwakeword/model.py, `predict`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prelabel.audio.scoring import Samples, Scores, WindowScorer
from prelabel.audio.segments import SoundEvent
from prelabel.models.families import KeywordDecode
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from wire.labels import Source


@dataclass(frozen=True)
class Spotted:
    """A run of windows at the threshold; `best` is the window with the highest score, the first of equals."""

    index: int
    best: int
    score: float


class Spotting:
    """Windows in, keywords out.

    A run of `patience` windows or more at the threshold is one keyword. A run that begins less than `debounce` windows
    after the end of the last one that counted is an echo of it and does not count.

    Args:
        thresholds: [classes].
        debounce: in windows.
    """

    def __init__(self, thresholds: Scores, patience: int, debounce: float) -> None:
        classes = len(thresholds)
        self._thresholds, self._patience, self._debounce = thresholds, patience, debounce
        self._number = 0
        self._length = np.zeros(classes, dtype=np.int64)
        self._best = np.zeros(classes, dtype=np.int64)
        self._score = np.full(classes, -1.0)
        self._counted_until = np.full(classes, -np.inf)
        self._found: list[Spotted] = []

    def push(self, scores: Scores) -> None:
        """The scores [classes] of the next window."""
        hits = scores >= self._thresholds
        self._end(~hits)
        better = hits & (scores > self._score)
        self._best[better] = self._number
        self._score[better] = scores[better]
        self._length[hits] += 1
        self._number += 1

    def finish(self) -> list[Spotted]:
        """Every keyword, by time."""
        self._end(np.ones(len(self._length), dtype=np.bool_))
        return sorted(self._found, key=lambda row: (row.best, row.index))

    def _end(self, which: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        for index in np.flatnonzero(which & (self._length > 0)):
            length = int(self._length[index])
            first, last = self._number - length, self._number - 1
            if length >= self._patience and first - self._counted_until[index] >= self._debounce:
                self._found.append(Spotted(int(index), int(self._best[index]), float(self._score[index])))
                self._counted_until[index] = last
        self._length[which] = 0
        self._score[which] = -1.0


class KeywordSpotter:
    """A loaded network of family `keyword`; any number of streams may share it.

    Raises:
        ModelRefused: another family, does not load, or does not answer as its manifest states.
    """

    def __init__(self, package: ModelPackage, threads: int = 1) -> None:
        if package.family != "keyword":
            raise ModelRefused(f"{package.name} is a model of family {package.family}, not one that spots keywords.")
        assert isinstance(package.manifest.decode, KeywordDecode)
        self.package = package
        self.source: Source = package.source
        self.scorer = WindowScorer(package, threads)
        self.decode = package.manifest.decode


class KeywordStream:
    """One recording, block by block. For one thread.

    Raises:
        RateUnsupported: the rate cannot be resampled to the model's.
        ModelRefused: while it listens: the model's answer is not finite or no probability.
    """

    def __init__(self, model: KeywordSpotter, rate: int) -> None:
        self._model = model
        scorer, decode = model.scorer, model.decode
        self._windows = scorer.listen(rate)
        debounce = decode.debounce_ms * scorer.rate / 1000 / scorer.hop
        self._spotting = Spotting(scorer.thresholds, decode.patience, debounce)

    def push(self, samples: Samples) -> None:
        """The next mono samples, float32 -1..1."""
        for window in self._windows.push(samples):
            self._spotting.push(self._model.scorer.scores(window))

    def finish(self) -> list[SoundEvent]:
        """Every keyword, by time, as the window that was surest of it: the word lies inside."""
        for window in self._windows.finish():
            self._spotting.push(self._model.scorer.scores(window))
        rows = ((row, self._windows.span_us(row.best, row.best)) for row in self._spotting.finish())
        names = self._model.scorer.names
        return [SoundEvent(names[row.index], start, end, row.score) for row, (start, end) in rows if end > start]
