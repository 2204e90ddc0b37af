"""Video files redacted: every frame at its own time, encoded anew as H.264; nothing else of the file comes along."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from prelabel.audio.vad import VadModel
from prelabel.redaction.people_finder import PeopleFinder
from prelabel.redaction.record import joined
from prelabel.redaction.soundfile import SoundTrack, Stretches, layout_name, sample_format
from prelabel.redaction.source_file import NotRedactable, decoded, opened, upright_i420
from prelabel.redaction.video import Frames, VideoRedactor
from wire.redaction import MaskRecord
from wire.script import Redaction

Progress = Callable[[int, int], None]

# Small faces count in files, and nobody waits for the next frame.
MAX_SIDE = 1280
_QUALITY = "20"
_MIN_SIDE = 2  # I420 has a chroma sample for two by two pixels
_FULL_RANGE = 2
_LIMITED = 1


def video_suffix(path: Path) -> str:
    """Matroska stays Matroska, all else becomes MP4."""
    return ".mkv" if path.suffix.lower() in (".mkv", ".webm") else ".mp4"


def video_stream(container: Any) -> Any | None:
    """The first stream of moving pictures; a cover picture does not count."""
    cover = av.stream.Disposition.attached_pic
    return next((row for row in container.streams.video if not row.disposition & cover), None)


def redact_video(
    path: Path,
    out: Path,
    policy: Redaction,
    finder: PeopleFinder | None,
    voice: VadModel | None,
    progress: Progress,
    prompted: Stretches = (),
) -> MaskRecord:
    """Write a video with its faces masked and its speech muted, as the policy asks.

    Frames keep their times; the picture is turned upright, tags, covers, subtitles and other tracks stay behind.

    Raises:
        NotRedactable: the file cannot be read to its end.
        RedactionFailed: a model failed.
        FFmpegError, OSError: it cannot be written.
    """
    first = _first_frame(path)
    if first.width < _MIN_SIDE or first.height < _MIN_SIDE:
        raise NotRedactable(f"{path} has pictures of {first.width} x {first.height}, too small to be a video.")
    with opened(path) as source:
        stream: Any = video_stream(source)
        stream.thread_type = "AUTO"
        sounds = list(source.streams.audio)
        origin_us = min(_first_us(row) for row in [stream, *sounds])
        total_us = int(source.duration or 0)
        # A timescale of the file's own: MP4 would round times to its default one.
        scale = stream.time_base.denominator if out.suffix == ".mp4" else None
        options = {} if scale is None else {"video_track_timescale": str(scale)}
        with av.open(str(out), "w", container_options=options) as container:
            film = _Film(path, stream, first, container, policy, finder, origin_us)
            tracks = {row.index: _sound(row, container, out, policy, voice, origin_us, prompted) for row in sounds}
            for row, frame in decoded(path, source, [stream, *sounds]):
                if row.index == stream.index:
                    film.push(frame)
                    progress(film.pushed_us, total_us)
                else:
                    tracks[row.index].push(frame)
            records = [film.finish(), *(track.finish() for track in tracks.values())]
    return joined(*(record for record in records if record is not None))


class _Film:
    """The pictures of one file, from decoded frames to packets of the new one.

    Args:
        first: the first frame: an encoder has to know its pictures before anything is written, sound included.
    """

    def __init__(
        self,
        path: Path,
        stream: Any,
        first: Any,
        container: Any,
        policy: Redaction,
        finder: PeopleFinder | None,
        origin_us: int,
    ) -> None:
        self._path, self._container = path, container
        self._base: Fraction = stream.time_base
        self._origin = round(Fraction(origin_us, 1_000_000) / self._base)
        self._shape = upright_i420(first).shape
        height, width = self._shape[0] * 2 // 3, self._shape[1]
        self._target = _encoder(container, stream, first, width, height)
        # Without a finder faces stay: the policy asks for it, or redact_file had refused.
        seer: Any = finder
        self._redactor = VideoRedactor(policy, seer, width, height, allowed=False, live=False, longest=MAX_SIDE)
        self._waiting: deque[tuple[int, int]] = deque()  # time and length of the frames in the redactor, in ticks
        self._last: int | None = None
        self.pushed_us = 0

    def push(self, frame: Any) -> None:
        if frame.pts is None:
            raise NotRedactable(f"{self._path} has frames without times.", hint="Put it into an MP4 or Matroska file.")
        image = upright_i420(frame)
        if image.shape != self._shape:
            raise NotRedactable(f"{self._path} changes its picture size at {self.pushed_us / 1e6:.1f} s.")
        ticks = frame.pts - self._origin
        if self._last is not None and ticks <= self._last:
            ticks = self._last + 1  # two frames of the same time cannot be distinguished otherwise
        self._last = ticks
        self._waiting.append((ticks, frame.duration or 0))
        self.pushed_us = round(ticks * self._base * 1_000_000)
        self._write(self._redactor.push(image, self.pushed_us))

    def finish(self) -> MaskRecord:
        self._write(self._redactor.finish())
        self._container.mux(self._target.encode(None))
        return self._redactor.masked()

    def _write(self, frames: Frames) -> None:
        for image, _ in frames:
            frame = av.VideoFrame.from_ndarray(image, format="yuv420p")
            frame.pts, frame.duration = self._waiting.popleft()
            frame.time_base = self._base
            self._container.mux(self._target.encode(frame))


def _first_frame(path: Path) -> Any:
    """The first frame of a video. Raises NotRedactable: there is none."""
    with opened(path) as source:
        stream = video_stream(source)
        if stream is None:
            raise NotRedactable(f"{path} holds no moving pictures.")
        return next(decoded(path, source, [stream]))[1]


def _encoder(container: Any, source: Any, first: Any, width: int, height: int) -> Any:
    """A stream of H.264 in the file's own clock, colours and pixel shape."""
    target = container.add_stream(
        "libx264", rate=source.average_rate or 25, options={"crf": _QUALITY, "preset": "veryfast", "bf": "0"}
    )
    context, given = target.codec_context, source.codec_context
    target.width, target.height, target.pix_fmt = width, height, "yuv420p"
    target.time_base = context.time_base = source.time_base
    context.color_primaries, context.color_trc = given.color_primaries, given.color_trc
    context.colorspace = given.colorspace
    full = given.color_range == _FULL_RANGE and not first.format.name.startswith("yuvj")
    context.color_range = _FULL_RANGE if full else _LIMITED
    shape = source.sample_aspect_ratio
    if shape and shape != 1:
        context.sample_aspect_ratio = 1 / shape if round(first.rotation / 90) % 2 else shape
    return target


def _sound(
    source: Any,
    container: Any,
    out: Path,
    policy: Redaction,
    voice: VadModel | None,
    origin_us: int,
    prompted: Stretches,
) -> SoundTrack:
    rate = source.codec_context.sample_rate
    lossy = out.suffix == ".mp4" and rate in (av.Codec("aac", "w").audio_rates or ())
    target: Any = container.add_stream("aac" if lossy else "flac", rate=rate)
    target.layout = layout_name(source)
    if not lossy:
        target.format = sample_format(source)
    return SoundTrack(source, target, container, policy, voice, origin_us, prompted)


def _first_us(stream: Any) -> int:
    first_us: int = round((stream.start_time or 0) * stream.time_base * 1_000_000)
    return first_us
