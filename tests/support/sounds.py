"""Files of sound of every width, and a video whose sound begins later."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def tone(count: int, rate: int = 16000) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(count) / rate)).astype(np.float32)


def write_wav(path: Path, samples: np.ndarray, rate: int = 16000, width: int = 2) -> Path:
    """Samples [n] or [n, channels] as integers of `width` bytes."""
    scaled = np.round(samples * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        out.setsampwidth(width)
        out.setframerate(rate)
        if width == 1:
            data = (scaled + 128).astype(np.uint8).tobytes()
        else:
            data = scaled.reshape(-1).astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width].tobytes()
        out.writeframes(data)
    return path


def video(path: Path, offset: int = 0, hole: int = 0) -> Path:
    """A second of picture at 10 a second; its sound begins `offset` samples later and skips `hole` in its middle."""
    with av.open(str(path), "w") as container:
        pictures, sound = container.add_stream("mpeg4", rate=10), container.add_stream("pcm_s16le", rate=16000)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sound.layout = "mono"
        for number in range(10):
            picture = av.VideoFrame.from_ndarray(np.zeros((72, 64), np.uint8), "yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, 10)
            container.mux(pictures.encode(picture))
            block = np.full((1, 1600), 8192, np.int16)
            frame = av.AudioFrame.from_ndarray(block, "s16", "mono")
            frame.sample_rate, frame.time_base = 16000, Fraction(1, 16000)
            frame.pts = offset + 1600 * number + (hole if number >= 5 else 0)
            container.mux(sound.encode(frame))
        container.mux(pictures.encode(None))
        container.mux(sound.encode(None))
    return path
