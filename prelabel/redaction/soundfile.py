"""Sound files redacted: decoded, muted, encoded without loss, every sample in its place."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np

from prelabel.audio.vad import VadModel
from prelabel.redaction.audio import AudioRedactor, Blocks
from prelabel.redaction.source_file import NotRedactable, check_whole_wav, decoded, opened
from wire.capture import sample_time_us
from wire.redaction import MaskRecord
from wire.script import Redaction

Stretches = Sequence[tuple[int, int]]  # [from, to) in microseconds

_WIDE = frozenset({"s32", "s32p", "flt", "fltp", "dbl", "dblp"})
_LOSSLESS = ("flac", "alac", "pcm_", "wavpack")
_GAP_US = 50_000
# Where so many channels usually are (FFmpeg's own choice), for the files that do not state it.
_USUAL = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


class SoundTrack:
    """One sound stream through the redactor into an encoder of another container.

    Args:
        source: the stream that is read.
        target: the stream that is written, its codec made for `sample_format(source)`.
        origin_us: the time of the file that becomes time 0.
        prompted: stretches [from, to) of media time whose speech was asked for.
    """

    def __init__(
        self,
        source: Any,
        target: Any,
        container: Any,
        policy: Redaction,
        voice: VadModel | None,
        origin_us: int,
        prompted: Stretches = (),
    ) -> None:
        self._rate = source.codec_context.sample_rate
        self._layout = layout_name(source)
        self._channels = source.codec_context.layout.nb_channels
        self._format = sample_format(source)
        self._target, self._container, self._origin_us = target, container, origin_us
        self._resampler = av.AudioResampler(format=self._format, layout=self._layout, rate=self._rate)
        muted = policy if policy.speech is not None else None
        self._redactor = (
            AudioRedactor(muted, voice, self._rate, self._channels, prompted=prompted, live=False)
            if muted is not None and voice is not None
            else None
        )
        self._expected_us: int | None = None
        self._starts: deque[int] = deque()  # where the blocks that wait in the redactor begin, in samples of the target
        self._next = 0

    def push(self, frame: Any) -> None:
        """Take a decoded frame."""
        for part in self._resampler.resample(frame):
            samples = part.to_ndarray().reshape(-1, self._channels)
            start_us = round(part.pts * part.time_base * 1_000_000) if part.pts is not None else self._expected_us
            self._place(start_us if start_us is not None else self._origin_us, len(samples))
            stamp_us = sample_time_us(self._starts[-1], self._rate)
            if self._redactor is None:
                self._write([(samples, stamp_us)])
            else:
                self._write(self._redactor.push(samples, stamp_us))

    def finish(self) -> MaskRecord | None:
        """The rest, and what was muted; None when speech stays."""
        if self._redactor is not None:
            self._write(self._redactor.finish())
        self._container.mux(self._target.encode(None))
        return self._redactor.masked() if self._redactor is not None else None

    def _place(self, start_us: int, count: int) -> None:
        """Samples follow each other; only a real gap in the file's times moves them."""
        if self._expected_us is None or abs(start_us - self._expected_us) > _GAP_US:
            self._next = max(self._next, round((start_us - self._origin_us) * self._rate / 1_000_000))
        self._starts.append(self._next)
        self._next += count
        self._expected_us = start_us + sample_time_us(count, self._rate)

    def _write(self, blocks: Blocks) -> None:
        for samples, _ in blocks:
            packed = np.ascontiguousarray(samples).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format=self._format, layout=self._layout)
            frame.sample_rate, frame.pts = self._rate, self._starts.popleft()
            self._container.mux(self._target.encode(frame))


def sample_format(source: Any) -> str:
    """`s32` where the file has more than 16 bits a sample to lose, else `s16`."""
    context = source.codec_context
    lossless = context.name.startswith(_LOSSLESS)
    return "s32" if lossless and context.format.name in _WIDE else "s16"


def layout_name(source: Any) -> str:
    """Where a stream's channels are, by FFmpeg's name; AVI and plain WAV only state how many there are."""
    layout = source.codec_context.layout
    said: str = layout.name
    return _USUAL.get(layout.nb_channels, said) if said == f"{layout.nb_channels} channels" else said


def sound_suffix(path: Path) -> str:
    """WAV stays WAV; everything else becomes FLAC, so that nothing is lost a second time."""
    return ".wav" if path.suffix.lower() in (".wav", ".wave") else ".flac"


def redact_sound(
    path: Path, out: Path, policy: Redaction, voice: VadModel, progress: Any, prompted: Stretches = ()
) -> MaskRecord:
    """Write a sound file without its speech; WAV or FLAC as `out` ends.

    Raises:
        NotRedactable: the file cannot be read to its end.
        RedactionFailed: the model failed.
        FFmpegError, OSError: it cannot be written.
    """
    check_whole_wav(path)
    with opened(path) as source:
        stream = next((row for row in source.streams if row.type == "audio"), None)
        if stream is None:
            raise NotRedactable(f"{path} holds no sound.")
        wide = sample_format(stream) == "s32"
        codec = "flac" if out.suffix == ".flac" else "pcm_s24le" if wide else "pcm_s16le"
        total_us = int(source.duration or 0)
        with av.open(str(out), "w", format=out.suffix[1:]) as container:
            target: Any = container.add_stream(codec, rate=stream.codec_context.sample_rate)
            target.layout, target.format = layout_name(stream), sample_format(stream)
            track = SoundTrack(stream, target, container, policy, voice, _first_us(stream), prompted)
            for _, frame in decoded(path, source, [stream]):
                track.push(frame)
                progress(round((frame.time or 0.0) * 1_000_000), total_us)
            record = track.finish()
    assert record is not None  # called only where speech is muted
    return record


def _first_us(stream: Any) -> int:
    first_us: int = round((stream.start_time or 0) * stream.time_base * 1_000_000)
    return first_us
