"""Files as sensors: played in real time at their own times, from their start when the sensor starts, again at the end.

A file with picture and sound keeps them together, whichever of the two sensors starts first (timeline.py). A file runs
on through pauses of the session, as a room does. Nothing is claimed about what it shows or says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from device_agent.sensors.base import (
    AudioBlock,
    DeliverBlock,
    DeliverFrame,
    Failed,
    Frame,
    Samples,
    SensorFileMissing,
    SensorFileUnusable,
)
from device_agent.sensors.clock import monotonic_us
from device_agent.sensors.pictures import fit_within, planes, shrink
from device_agent.sensors.ring import FramePool, lores_size, sealed
from device_agent.sensors.timeline import Timeline, timeline_of
from device_agent.sensors.worker import SensorThread
from wire.capture import sample_time_us

AUDIO_RATE = 16_000
BLOCK_SAMPLES = 800
# Later than this behind a file's own times and frames are let go, as a camera's driver would (see pacing.py).
MAX_LATE_US = 200_000
DEFAULT_FRAME_RATE = 25.0
MIN_GAP_SAMPLES = AUDIO_RATE // 50  # a shorter hole in a file's times is rounding


@contextmanager
def opened(path: Path, stream: str) -> Iterator[tuple[Any, Any]]:
    """(container, its first video or audio stream), with what is wrong about the file as one sentence."""
    try:
        if path.is_dir():
            raise SensorFileUnusable(f"{path} is a folder, not a file.")
        if path.stat().st_size == 0:
            raise SensorFileUnusable(f"{path} is empty (0 bytes).")
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise SensorFileMissing(f"There is no file {path}.") from error
    except OSError as error:
        raise SensorFileMissing(f"{path} cannot be read: {error.strerror or error}.") from error
    word = "video" if stream == "video" else "sound"
    try:
        container = av.open(str(path))
    except FileNotFoundError as error:  # gone since
        raise SensorFileMissing(f"There is no file {path}.") from error
    except (av.FFmpegError, UnicodeError, ValueError) as error:
        raise SensorFileUnusable(f"{path} is not a {'video' if stream == 'video' else 'sound'} file.") from error
    try:
        streams = _usable(container, stream)
        if not streams:
            raise SensorFileUnusable(f"{path} has no {word} in it.")
        yield container, streams[0]
    finally:
        container.close()


def _usable(container: Any, kind: str) -> list[Any]:
    return [found for found in getattr(container.streams, kind) if not _is_cover(found)]


def _timeline(path: Path, kind: str) -> Timeline | None:
    """Of a file that holds both picture and sound."""
    with opened(path, kind) as (container, _):
        both = [_usable(container, one)[:1] for one in ("video", "audio")]
        return timeline_of(path, container, [stream for found in both for stream in found])


def check_file(path: Path, stream: str) -> None:
    """Read the header of a file that is to stand for a camera (`video`) or a microphone (`audio`).

    Raises:
        SensorFileMissing, SensorFileUnusable.
    """
    with opened(path, stream):
        pass


def _is_cover(stream: Any) -> bool:
    return (
        bool(getattr(stream, "disposition", 0) & av.stream.Disposition.attached_pic)
        if stream.type == "video"
        else False
    )


class VideoFileCamera:
    """A `Camera` that plays a video file; at most 1280x720, its shape kept, its rotation mark ignored.

    Raises (opening):
        SensorFileMissing, SensorFileUnusable.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"file:{path.name}"
        self.dropped = 0
        self._path = path
        self._next_index = 0
        self._from_us = 0  # earlier frames are those that another sensor of the file has played already
        self._last: Any = None
        with opened(path, "video") as (container, stream):
            first = next(_pictures(container, stream, path), None)
            if first is None:
                raise SensorFileUnusable(f"{path} has no picture that can be decoded.")
            rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
            self.frame_rate = float(rate) if 0.1 <= rate <= 240 else DEFAULT_FRAME_RATE
            self.width, self.height = fit_within(first.width, first.height)
        self._timeline = _timeline(path, "video")
        self.lores_width, self.lores_height = lores_size(self.width, self.height)
        self._pool = FramePool((self.width, self.height), (self.lores_width, self.lores_height))
        self._thread = SensorThread(f"camera {self.name}")

    def start(self, deliver: DeliverFrame, failed: Failed) -> None:
        self._thread.start(lambda: self._play(deliver), failed)

    def stop(self) -> None:
        self._thread.stop()

    def _play(self, deliver: DeliverFrame) -> None:
        if self._timeline is not None:
            self._play_along(self._timeline, deliver)
            return
        round_start = monotonic_us()
        while not self._thread.stopping:
            with opened(self._path, "video") as (container, stream):
                round_start = self._play_once(container, stream, round_start, None, deliver)

    def _play_along(self, timeline: Timeline, deliver: DeliverFrame) -> None:
        """Passes of the common length; one that joins late begins where the other sensor is."""
        started = timeline.join(self)
        self._from_us = monotonic_us() - MAX_LATE_US
        passes = max(0, monotonic_us() - started) // timeline.length_us
        try:
            while not self._thread.stopping:
                with opened(self._path, "video") as (container, stream):
                    start = started + passes * timeline.length_us
                    end = self._play_once(container, stream, start, timeline.origin_us, deliver)
                passes += 1
                self._repeat_last(end, started + passes * timeline.length_us, deliver)
        finally:
            timeline.leave(self)

    def _play_once(
        self, container: Any, stream: Any, round_start: int, origin_us: int | None, deliver: DeliverFrame
    ) -> int:
        """One pass over the file from device time `round_start`; returns when the next frame would be.

        `origin_us`: the file time that `round_start` stands for; None: that of the first frame.
        """
        frame_us = round(1_000_000 / self.frame_rate)
        stamp: int = round_start - frame_us
        seen = False
        for picture in _pictures(container, stream, self._path):
            if picture.pts is not None and picture.time_base is not None:
                file_us = round(picture.pts * picture.time_base * 1_000_000)
                origin_us = file_us if origin_us is None else origin_us
                at: int = round_start + file_us - origin_us
            else:
                at = stamp + frame_us
            # Stamps rise strictly whatever a file says of its times.
            stamp = max(at, stamp + 1)
            seen = True
            self._last = picture
            if stamp < self._from_us:
                continue
            if not self._thread.sleep_until(stamp):
                return stamp
            self._deliver_picture(picture, stamp, deliver)
        if not seen:
            raise SensorFileUnusable(f"{self._path} has no more pictures that can be decoded.")
        return stamp + frame_us

    def _repeat_last(self, stamp: int, until: int, deliver: DeliverFrame) -> None:
        """The picture stands still while the sound goes on to its end."""
        frame_us = round(1_000_000 / self.frame_rate)
        while stamp + frame_us // 2 < until and self._thread.sleep_until(stamp):
            if stamp >= self._from_us:
                self._deliver_picture(self._last, stamp, deliver)
            stamp += frame_us

    def _deliver_picture(self, picture: Any, stamp: int, deliver: DeliverFrame) -> None:
        index = self._next_index
        self._next_index += 1
        pair = self._pool.take() if monotonic_us() - stamp <= MAX_LATE_US else None
        if pair is None:
            self.dropped += 1
            return
        _write_i420(picture, pair[0], self.width, self.height)
        shrink(planes(pair[0], self.width, self.height), planes(pair[1], self.lores_width, self.lores_height))
        deliver(Frame(index, stamp, *sealed(pair)))


def _pictures(container: Any, stream: Any, path: Path) -> Iterator[Any]:
    stream.thread_type = "NONE"
    try:
        yield from container.decode(stream)
    except av.error.EOFError:
        return
    except av.FFmpegError as error:
        # A file that is cut off plays up to the cut; one that never decodes is told by its having no picture.
        if not isinstance(error, av.error.InvalidDataError):
            raise SensorFileUnusable(f"{path} cannot be decoded: {error.strerror}.") from error


def _write_i420(picture: Any, target: Any, width: int, height: int) -> None:
    """Scale and convert a decoded frame into an I420 array."""
    ready = picture.reformat(width=width, height=height, format="yuv420p", interpolation="AREA")
    for plane, view in zip(ready.planes, planes(target, width, height), strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        np.copyto(view, rows[: view.shape[0], : view.shape[1]])


class AudioFileMicrophone:
    """A `Microphone` that plays the sound of a file: 16 kHz, one channel, in blocks of 50 ms.

    Raises (opening):
        SensorFileMissing, SensorFileUnusable.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"file:{path.name}"
        self.sample_rate = AUDIO_RATE
        self.channels = 1
        self.overruns = 0
        self._path = path
        self._next_sample = 0
        with opened(path, "audio") as (container, stream):
            if next(_sounds(container, stream, path), None) is None:
                raise SensorFileUnusable(f"{path} has no sound that can be decoded.")
        self._timeline = _timeline(path, "audio")
        self._thread = SensorThread(f"microphone {self.name}")

    def start(self, deliver: DeliverBlock, failed: Failed) -> None:
        self._thread.start(lambda: self._play(deliver), failed)

    def stop(self) -> None:
        self._thread.stop()

    def _play(self, deliver: DeliverBlock) -> None:
        timeline = self._timeline
        if timeline is None:
            self._play_samples(monotonic_us(), 0, self._endless(), deliver)
            return
        started = timeline.join(self)
        try:
            passes = max(0, monotonic_us() - started) // timeline.length_us
            first = _sample_at(passes * timeline.length_us)
            self._play_samples(started, first, self._along(timeline, passes), deliver)
        finally:
            timeline.leave(self)

    def _play_samples(self, started: int, done: int, pieces: Iterator[Samples], deliver: DeliverBlock) -> None:
        """Blocks at their times; `done`: which sample after `started` the first piece begins with."""
        from_us = (
            monotonic_us() - MAX_LATE_US
        )  # earlier blocks are those that another sensor of the file has played already
        waiting = np.zeros(0, np.int16)
        for piece in pieces:
            waiting = np.concatenate([waiting, piece])
            while len(waiting) >= BLOCK_SAMPLES:
                block, waiting = waiting[:BLOCK_SAMPLES], waiting[BLOCK_SAMPLES:]
                stamp = started + sample_time_us(done, self.sample_rate)
                done += BLOCK_SAMPLES
                # A microphone has a block when its last sample is heard.
                ended = started + sample_time_us(done, self.sample_rate)
                if ended < from_us:
                    continue
                if not self._thread.sleep_until(ended):
                    return
                samples = np.ascontiguousarray(block).reshape(-1, 1)
                samples.flags.writeable = False
                deliver(AudioBlock(self._next_sample, stamp, samples, overflow=False))
                self._next_sample += BLOCK_SAMPLES

    def _endless(self) -> Iterator[Samples]:
        """The file's samples over and over, without a gap at the seam."""
        while not self._thread.stopping:
            heard = 0
            with opened(self._path, "audio") as (container, stream):
                for _, piece in _sounds(container, stream, self._path):
                    heard += len(piece)
                    yield piece
            if heard == 0:
                raise SensorFileUnusable(f"{self._path} has no more sound that can be decoded.")

    def _along(self, timeline: Timeline, passes: int) -> Iterator[Samples]:
        """Passes of the common length, each sample where the file has it: silence before, between and after."""
        while not self._thread.stopping:
            count = _sample_at((passes + 1) * timeline.length_us) - _sample_at(passes * timeline.length_us)
            made = 0
            with opened(self._path, "audio") as (container, stream):
                for at_us, piece in _sounds(container, stream, self._path):
                    begins = _sample_at(at_us - timeline.origin_us) if at_us is not None else made
                    if begins - made > MIN_GAP_SAMPLES:
                        silence = np.zeros(min(begins, count) - made, np.int16)
                        made += len(silence)
                        yield silence
                    piece = piece[: count - made]
                    made += len(piece)
                    yield piece
            yield np.zeros(count - made, np.int16)
            passes += 1


def _sample_at(time_us: int) -> int:
    return round(time_us * AUDIO_RATE / 1_000_000)


def _sounds(container: Any, stream: Any, path: Path) -> Iterator[tuple[int | None, Samples]]:
    """(file time or None, samples at 16 kHz in one channel) of a stream.

    The resampler holds a few samples back, so a time is that of the samples to within a millisecond.
    """
    stream.thread_type = "NONE"
    resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE)
    try:
        for frame in container.decode(stream):
            at_us = None if frame.pts is None else round(frame.pts * frame.time_base * 1_000_000)
            frame.pts = None
            for samples in _arrays(resampler.resample(frame)):
                yield at_us, samples
                at_us = None
    except av.error.EOFError:
        pass
    except av.FFmpegError as error:
        if not isinstance(error, av.error.InvalidDataError):
            raise SensorFileUnusable(f"{path} cannot be decoded: {error.strerror}.") from error
    for samples in _arrays(resampler.resample(None)):
        yield None, samples


def _arrays(frames: list[Any]) -> Iterator[Samples]:
    for frame in frames:
        samples = frame.to_ndarray().reshape(-1)
        if len(samples):
            yield samples
