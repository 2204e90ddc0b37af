"""Files of pictures and of sound, encoded as a test wants them."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

MICROSECONDS = Fraction(1, 1_000_000)
# As a device writes Matroska: what is encoded is in the file soon after.
STREAMED = {"flush_packets": "1", "cluster_time_limit": "500"}


class Streamed:
    """A file object that can only be appended to."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


def write_video(
    target: Path | Streamed,
    pictures: Iterable[np.ndarray],
    times: Sequence[int] | None = None,
    *,
    unit: Fraction = MICROSECONDS,
    codec: str = "libx264",
    rate: int = 25,
    pixels: str = "yuv420p",
    container: str | None = None,
    settings: Mapping[str, str] | None = None,
    turn: int | None = None,
    bits_per_second: int | None = None,
    **options: str,
) -> None:
    """Pictures, each BGR [height, width, 3] or I420 [height * 3 / 2, width], at `times` in units of a second; without
    times one after the other at the rate. `settings` are of the container, `options` of the codec; `turn` in degrees.
    """
    file = target if isinstance(target, Streamed) else str(target)
    with av.open(file, "w", format=container, options=dict(settings or {})) as out:  # type: ignore[call-overload]
        stream: Any = out.add_stream(codec, rate=rate, options=options)
        if times is not None:
            stream.time_base = stream.codec_context.time_base = unit
        if bits_per_second is not None:
            stream.bit_rate = bits_per_second
        if turn is not None:
            stream.set_display_rotation(turn)
        for number, picture in enumerate(pictures):
            flat = picture.ndim == 2
            if number == 0:
                stream.height, stream.width = (len(picture) * 2 // 3 if flat else len(picture)), picture.shape[1]
                stream.pix_fmt = pixels
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="yuv420p" if flat else "bgr24")
            frame.pts = number if times is None else times[number]
            frame.time_base = Fraction(1, rate) if times is None else unit
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def write_sound(
    target: Path | Streamed,
    samples: np.ndarray,
    rate: int,
    *,
    codec: str = "flac",
    form: str | None = None,
    block: int = 1600,
    container: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> None:
    """int16 or float32 samples [n] or [n, 2], encoded in blocks; `form` is the codec's own form of a sample."""
    channels = samples.reshape(len(samples), -1)
    layout = {1: "mono", 2: "stereo"}[channels.shape[1]]
    kind = "flt" if samples.dtype == np.float32 else "s16"
    file = target if isinstance(target, Streamed) else str(target)
    with av.open(file, "w", format=container, options=dict(settings or {})) as out:  # type: ignore[call-overload]
        stream: Any = out.add_stream(codec, rate=rate)
        stream.layout = layout
        if form is not None:
            stream.format = form
        for start in range(0, len(channels), block):
            part = np.ascontiguousarray(channels[start : start + block]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format=kind, layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def flac(samples: np.ndarray, rate: int) -> bytes:
    """Streamed FLAC, as a device writes it, of int16 samples [n] or [n, 2]."""
    target = Streamed()
    write_sound(target, samples, rate, form="s16", container="flac")
    return bytes(target.data)


def wav(samples: np.ndarray, rate: int) -> bytes:
    """WAV of 16 bits of int16 samples [n] or [n, channels]."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(samples.reshape(len(samples), -1).shape[1] if len(samples) else 1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()
