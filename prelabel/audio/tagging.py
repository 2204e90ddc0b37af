"""Audio tagging: which sounds occur when, several at once. Windows with the same result become one interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prelabel.audio.scoring import Samples, Scores, WindowScorer
from prelabel.audio.segments import SoundEvent
from prelabel.models.families import TaggingDecode
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from wire.labels import Source


class Merging:
    """Windows in, stretches out, in memory that does not grow with the sound: one row of numbers a class.

    Windows of a class at or above its threshold belong together while no more than `gap` windows' starts lie between
    them. The score of a stretch is the mean over all its windows, from the first at the threshold to the last.

    Args:
        thresholds: [classes].
        reach: how many windows later the next one at the threshold may be to belong to the same stretch.
    """

    def __init__(self, thresholds: Scores, reach: int) -> None:
        classes = len(thresholds)
        self._thresholds, self._reach = thresholds, reach
        self._number = 0
        self._first = np.full(classes, -1, dtype=np.int64)
        self._last = np.zeros(classes, dtype=np.int64)
        self._sum = np.zeros(classes)
        self._since = np.zeros(classes)
        self.found: list[tuple[int, int, int, float]] = []

    def push(self, scores: Scores) -> None:
        """The scores [classes] of the next window."""
        hits = scores >= self._thresholds
        self._close((self._first >= 0) & (self._number - self._last > self._reach))
        starting = hits & (self._first < 0)
        going_on = hits & ~starting
        self._first[starting] = self._number
        self._sum[starting] = scores[starting]
        self._sum[going_on] += self._since[going_on] + scores[going_on]
        self._last[hits] = self._number
        self._since = np.where(hits, 0.0, self._since + scores)
        self._number += 1

    def finish(self) -> list[tuple[int, int, int, float]]:
        """(class, first window, last window, score) of every stretch, by time."""
        self._close(self._first >= 0)
        return sorted(self.found, key=lambda row: (row[1], row[2], row[0]))

    def _close(self, which: NDArray[np.bool_]) -> None:
        for index in np.flatnonzero(which):
            first, last = int(self._first[index]), int(self._last[index])
            self.found.append((int(index), first, last, float(self._sum[index]) / (last - first + 1)))
        self._first[which] = -1


class Tagger:
    """A loaded network of family `tagging`; any number of streams may share it.

    Raises:
        ModelRefused: another family, does not load, or does not answer as its manifest states.
    """

    def __init__(self, package: ModelPackage, threads: int = 1) -> None:
        if package.family != "tagging":
            raise ModelRefused(f"{package.name} is a model of family {package.family}, not one that tags sound.")
        assert isinstance(package.manifest.decode, TaggingDecode)
        self.package = package
        self.source: Source = package.source
        self.scorer = WindowScorer(package, threads)
        self.decode = package.manifest.decode


class TagStream:
    """One recording, block by block. For one thread.

    Raises:
        RateUnsupported: the rate cannot be resampled to the model's.
        ModelRefused: while it listens: the model's answer is not finite or no probability.
    """

    def __init__(self, model: Tagger, rate: int) -> None:
        self._model = model
        scorer, decode = model.scorer, model.decode
        self._windows = scorer.listen(rate)
        # Window i covers [i * hop, i * hop + window): the gap before window j is (j - i) * hop - window.
        gap = scorer.rate * decode.gap_ms // 1000
        self._merging = Merging(scorer.thresholds, max(1, (gap + scorer.window) // scorer.hop))

    def push(self, samples: Samples) -> None:
        """The next mono samples, float32 -1..1."""
        for window in self._windows.push(samples):
            self._merging.push(self._model.scorer.scores(window))

    def finish(self) -> list[SoundEvent]:
        """Every stretch, by time. Two of one class never overlap; those of several classes may."""
        for window in self._windows.finish():
            self._merging.push(self._model.scorer.scores(window))
        heard = []
        for index, first, last, score in self._merging.finish():
            start_us, end_us = self._windows.span_us(first, last)
            if end_us > start_us and end_us - start_us >= self._model.decode.min_ms * 1000:
                heard.append(SoundEvent(self._model.scorer.names[index], start_us, end_us, score))
        return heard
