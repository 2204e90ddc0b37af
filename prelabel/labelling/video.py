"""Tracks of what a model sees in a video."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from prelabel.geometry.detection import Detection
from prelabel.media.pictures import Image
from prelabel.media.video_files import VideoFile, VideoFrame
from prelabel.tracking.labels import track_document
from prelabel.tracking.tracker import Tracker, TrackPath
from wire.labels import LabelsDocument, Source

Progress = Callable[[int, int | None], None]
_US = 1_000_000


class VideoDetector(Protocol):
    """What a video is labelled with: prelabel.image.detector.Detector."""

    floor: float
    source: Source

    def threshold(self, name: str) -> float:
        """The score from which something of this name counts."""
        ...

    def detect(self, image: Image, least: float | None = None, only: Collection[str] | None = None) -> list[Detection]:
        """Boxes in a picture H x W x 3 (uint8, BGR)."""
        ...


@dataclass(frozen=True)
class VideoTracks:
    """The tracks of a video, its frame table, and how many of its frames the detector was given."""

    paths: list[TrackPath]
    times_us: list[int]
    looks: int


def track_video(
    video: Path | VideoFile | Iterable[VideoFrame],
    detector: VideoDetector,
    looks_per_second: float | None = None,
    *,
    only: Collection[str] | None = None,
    times_us: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> VideoTracks:
    """Run a detector on a video and track what it finds. One frame is in memory at a time.

    Args:
        video: a file, or frames that rise from 0.
        looks_per_second: frames per second that the detector gets, all when None; always the first and the last.
        only: the words that count; all when None.
        times_us: the capture's frame table, which rules over the times in the file; frames past it are left out.
        progress: called with the media time done and the whole, in microseconds; None where the file does not state it.

    Raises:
        VideoMissing, VideoUnreadable, VideoEmpty, VideoBroken: the file. Nothing is returned.
        ModelRefused: the network fails on a picture.
        ValueError: `looks_per_second` is not above 0.
    """
    if looks_per_second is not None and not looks_per_second > 0:
        raise ValueError("looks_per_second must be above 0")
    opened = VideoFile(video) if isinstance(video, Path) else video
    whole_us = opened.duration_us if isinstance(opened, VideoFile) else None
    if times_us:
        whole_us = times_us[-1]
    tracker = Tracker(detector.threshold)
    watch = _SampledFrames(
        tracker, detector, looks_per_second, only, lambda done: progress and progress(done, whole_us)
    )
    with opened if isinstance(video, Path) and isinstance(opened, VideoFile) else nullcontext():
        frames = opened.frames() if isinstance(opened, VideoFile) else iter(opened)
        for frame in frames:
            if times_us is not None and frame.index >= len(times_us):
                break
            watch.pass_by(frame, frame.time_us if times_us is None else times_us[frame.index])
        watch.end()
    table = list(times_us) if times_us is not None else watch.times_us
    return VideoTracks(tracker.finish(), table, watch.looks)


def label_video(
    video: Path | VideoFile | Iterable[VideoFrame],
    detector: VideoDetector,
    capture: str,
    looks_per_second: float | None = None,
    *,
    times_us: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> LabelsDocument:
    """`track_video` as a labels document of a capture, in pixels of its pictures; raises as that does."""
    found = track_video(video, detector, looks_per_second, times_us=times_us, progress=progress)
    return track_document(capture, detector.source, found.paths, found.times_us)


class _SampledFrames:
    """Which of the frames the detector gets: the first one of each turn, and the last of all."""

    def __init__(
        self,
        tracker: Tracker,
        detector: VideoDetector,
        looks_per_second: float | None,
        only: Collection[str] | None,
        done: Callable[[int], object],
    ) -> None:
        self.times_us: list[int] = []
        self.looks = 0
        self._tracker = tracker
        self._detector = detector
        self._rate = looks_per_second
        self._only = only
        self._done = done
        self._turn = -1
        self._waiting: VideoFrame | None = None

    def pass_by(self, frame: VideoFrame, time_us: int) -> None:
        self.times_us.append(time_us)
        turn = frame.index if self._rate is None else int(time_us * self._rate / _US)
        if turn == self._turn:
            self._waiting = frame
            return
        self._turn = turn
        self._detect(frame)

    def end(self) -> None:
        if self._waiting is not None:
            self._detect(self._waiting)

    def _detect(self, frame: VideoFrame) -> None:
        self._waiting = None
        time_us = self.times_us[-1]
        # The tracker wants weak boxes too: they carry a track on where the thing is half hidden.
        self._tracker.push(frame.index, time_us, self._detector.detect(frame.picture, self._detector.floor, self._only))
        self.looks += 1
        self._done(time_us)
