"""Log-mel features in numpy, as the front ends of Kaldi, TensorFlow and librosa make them.

Mel scales: htk is 2595 log10(1 + f / 700); slaney is 3 f / 200 below 1000 Hz and 15 + 27 ln(f / 1000) / ln 6.4 above
(Auditory Toolbox). Kaldi: feat/mel-computations.cc, feat/feature-window.cc; librosa: filters.mel, core.stft;
TensorFlow: linear_to_mel_weight_matrix.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prelabel.models.families import LogMel
from prelabel.models.onnx_file import ModelRefused

Samples = NDArray[np.float32]
Features = NDArray[np.float32]

_BLOCK = 1024  # frames worked on at once: an hour of sound at once would fill the memory
_POVEY = 0.85
_SLANEY_BREAK_HZ = 1000.0
_SLANEY_STEP = 27 / np.log(6.4)
_STD_FLOOR = 1e-5  # NeMo's, added to the deviation of a band


class FeatureMaker:
    """Samples -> log-mel features, float32 of shape [frames, bands]; `layout` turns them at the end.

    Without `centre` frame n is made of the samples from n * hop on and of nothing else, so a sound cut at a multiple
    of the hop gives the frames of the whole one.

    Raises:
        ModelRefused: the settings do not fit together at this rate.
    """

    def __init__(self, settings: LogMel, rate: int, name: str = "the model") -> None:
        self.settings = settings
        self.window = round(rate * settings.window_ms / 1000)
        self.hop = max(1, round(rate * settings.hop_ms / 1000))
        if not 2 <= self.window <= settings.fft:
            raise ModelRefused(
                f"{name} wants frames of {settings.window_ms:g} ms, {self.window} samples at {rate}, "
                f"in an FFT of {settings.fft}."
            )
        if not settings.low_hz < settings.high_hz <= rate / 2:
            raise ModelRefused(
                f"{name} wants bands from {settings.low_hz:g} to {settings.high_hz:g} Hz; "
                f"at {rate} samples per second there is nothing above {rate / 2:g} Hz."
            )
        self._shape = _window(settings, self.window)
        self._bank = mel_bank(settings, rate)

    def frames(self, samples: int) -> int:
        """How many frames so many samples make."""
        if samples == 0:
            return 0
        if self.settings.centre:
            return 1 + samples // self.hop
        return max(0, 1 + (samples - self.window) // self.hop)

    def make(self, samples: Samples) -> Features:
        """The features of a mono sound, float32 [frames, bands] or [bands, frames] as `layout` states."""
        settings = self.settings
        count = self.frames(len(samples))
        out = np.zeros((count, settings.bands), dtype=np.float32)
        sound = self._prepared(samples)
        if count:
            frames = np.lib.stride_tricks.sliding_window_view(sound, self.window)[:: self.hop]
            for at in range(0, count, _BLOCK):
                out[at : at + _BLOCK] = self._log(self._energies(frames[at : min(count, at + _BLOCK)]))
        if settings.normalise == "per-band" and count:
            deviation = out.std(axis=0, ddof=1) if count > 1 else np.zeros(settings.bands, dtype=np.float32)
            out -= out.mean(axis=0)
            out /= deviation + np.float32(_STD_FLOOR)
        out -= np.float32(settings.mean)
        out /= np.float32(settings.std)
        return np.ascontiguousarray(out.T if settings.layout == "bands-frames" else out)

    def _prepared(self, samples: Samples) -> Samples:
        """The sound with what is done to the whole of it, so that frame n begins at n * hop."""
        settings, sound = self.settings, samples.astype(np.float32, copy=False)
        if settings.preemphasis and not settings.remove_dc and len(sound):
            sound = np.concatenate([sound[:1], sound[1:] - np.float32(settings.preemphasis) * sound[:-1]])
        if not settings.centre or not len(sound):
            return sound
        # A window shorter than the FFT is centred in it: so the frames begin later than the padding.
        skip = (settings.fft - self.window) // 2
        half = settings.fft // 2
        return np.pad(sound, (half, settings.fft - half), mode="reflect")[skip:]

    def _energies(self, frames: Samples) -> NDArray[np.float32]:
        settings = self.settings
        if settings.remove_dc:
            frames = np.subtract(frames, frames.mean(axis=1, keepdims=True), dtype=np.float32)
            if settings.preemphasis:
                before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
                frames -= np.float32(settings.preemphasis) * before
        spectrum = np.abs(np.fft.rfft(frames * self._shape, n=settings.fft, axis=1))
        power = spectrum if settings.power == 1 else spectrum * spectrum
        return np.asarray(power @ self._bank.T, dtype=np.float32)

    def _log(self, energies: NDArray[np.float32]) -> NDArray[np.float32]:
        settings = self.settings
        raised = np.maximum(energies, np.float32(settings.floor)) + np.float32(settings.offset)
        if settings.log == "natural":
            return np.log(raised)
        decades = np.log10(raised)
        return decades if settings.log == "ten" else decades * np.float32(20 / settings.power)


def mel_bank(settings: LogMel, rate: int) -> NDArray[np.float32]:
    """Triangular filters [bands, fft // 2 + 1], peaks of one (or of area one in hertz with `norm` slaney)."""
    hertz = np.arange(settings.fft // 2 + 1) * rate / settings.fft
    ends = hertz_to_mel(np.array([settings.low_hz, settings.high_hz]), settings.mel)
    edges_mel = np.linspace(ends[0], ends[1], settings.bands + 2)
    edges_hertz = mel_to_hertz(edges_mel, settings.mel)
    over_mel = settings.triangles == "mel" or (settings.triangles is None and settings.mel == "htk")
    points, edges = (hertz_to_mel(hertz, settings.mel), edges_mel) if over_mel else (hertz, edges_hertz)
    left, peak, right = (edges[part, np.newaxis] for part in (slice(0, -2), slice(1, -1), slice(2, None)))
    rising, falling = (points - left) / (peak - left), (right - points) / (right - peak)
    weights = np.clip(np.minimum(rising, falling), 0, None)
    if settings.norm == "slaney":
        weights *= (2 / (edges_hertz[2:] - edges_hertz[:-2]))[:, np.newaxis]
    return weights.astype(np.float32)


def hertz_to_mel(hertz: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    if scale == "htk":
        return np.asarray(2595 * np.log10(1 + hertz / 700))
    above = 15 + np.log(np.maximum(hertz, _SLANEY_BREAK_HZ) / _SLANEY_BREAK_HZ) * _SLANEY_STEP
    return np.where(hertz < _SLANEY_BREAK_HZ, hertz * 3 / 200, above)


def mel_to_hertz(mel: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    if scale == "htk":
        return np.asarray(700 * (10 ** (mel / 2595) - 1))
    return np.where(mel < 15, mel * 200 / 3, _SLANEY_BREAK_HZ * np.exp((np.maximum(mel, 15) - 15) / _SLANEY_STEP))


def _window(settings: LogMel, length: int) -> NDArray[np.float32]:
    """The window's weights. Povey's (Kaldi) is a symmetric hann to the power of 0.85."""
    whole = settings.symmetric or settings.window == "povey"
    turn = np.cos(2 * np.pi * np.arange(length) / (length - 1 if whole else length))
    if settings.window == "hamming":
        return (0.54 - 0.46 * turn).astype(np.float32)
    hann = 0.5 - 0.5 * turn
    return (np.clip(hann, 0, None) ** _POVEY if settings.window == "povey" else hann).astype(np.float32)
