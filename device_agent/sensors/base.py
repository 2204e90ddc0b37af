"""What a camera and a microphone are to the rest of the agent: two small interfaces and the values they deliver.

Every sensor has a thread of its own (or PortAudio's) that stamps, copies and hands on. `deliver` runs on that thread:
it puts a reference on a bounded queue and returns, it never waits and never raises. `failed` is called at most once a
start, from the same thread, when the sensor has given up; the sensor then delivers nothing more, and `stop`
is still to be called. `stop` returns after the last `deliver`; calling it again does nothing. A stopped sensor may be
started again; its counters go on.

Frames and blocks may be kept for as long as they are wanted. A camera writes into a pool of buffers and takes a
buffer back when the last array on it, views included, is gone; while `MAX_FRAMES_IN_USE` frames are held by consumers,
the next one has no buffer and is dropped and counted. The arrays are shared by all consumers and read-only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from wire.errors import GleanerError

Picture = npt.NDArray[np.uint8]
Samples = npt.NDArray[np.int16]

# Bounds what a stuck consumer can hold: 28 x (1280x720 + 640x360 in I420) = 48 MB, a second of video; a healthy agent
# uses three or four.
MAX_FRAMES_IN_USE = 28


@dataclass(frozen=True, slots=True)
class Frame:
    """One exposure of a camera.

    `index` counts exposures since the camera was opened, so a gap in it is a dropped frame; `stamp_us` is the device's
    monotonic microsecond of the exposure and rises strictly. Pictures are I420: `main` uint8 of shape
    (height * 3 // 2, width), `lores` the same scene at the camera's `lores_width` x `lores_height`.
    """

    index: int
    stamp_us: int
    main: Picture
    lores: Picture


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """Samples of a microphone in the order of recording.

    `first_sample` counts samples since the microphone was opened, `stamp_us` is the device's monotonic microsecond of
    that sample, `samples` is int16 of shape (n, channels). `overflow`: samples were lost before this block.
    """

    first_sample: int
    stamp_us: int
    samples: Samples
    overflow: bool


DeliverFrame = Callable[[Frame], None]
DeliverBlock = Callable[[AudioBlock], None]
Failed = Callable[[GleanerError], None]


class Camera(Protocol):
    """Sizes in pixels and even; `frame_rate` is nominal, the stamps are the truth; `dropped` counts since opening."""

    name: str
    width: int
    height: int
    lores_width: int
    lores_height: int
    frame_rate: float
    dropped: int

    def start(self, deliver: DeliverFrame, failed: Failed) -> None: ...

    def stop(self) -> None: ...


class Microphone(Protocol):
    """`sample_rate` in samples per second; `overruns` counts the stretches of lost samples since opening."""

    name: str
    sample_rate: int
    channels: int
    overruns: int

    def start(self, deliver: DeliverBlock, failed: Failed) -> None: ...

    def stop(self) -> None: ...


class SensorSpecUnknown(GleanerError):
    """The text after --camera or --microphone names no kind of sensor."""

    code = "sensor-unknown"
    status = 422
    exit_code = 2
    hint = "Use simulated, none, a file, opencv:0 or picamera2:0 for a camera, sounddevice:default for a microphone."


class SensorMissing(GleanerError):
    """There is no such camera or microphone on this machine."""

    code = "sensor-missing"
    status = 503
    exit_code = 3
    retryable = True
    hint = "Plug it in, or use another one."


class SensorLibraryMissing(GleanerError):
    """What the sensor needs is not installed; the hint says what to install."""

    code = "sensor-library-missing"
    status = 503
    exit_code = 3


class SensorFileMissing(GleanerError):
    """A file was named as a sensor and is not there or may not be read."""

    code = "sensor-file-missing"
    status = 404
    exit_code = 3
    hint = "Check the path."


class SensorFileUnusable(GleanerError):
    """A file was named as a sensor and holds no picture or no sound that can be decoded."""

    code = "sensor-file-unusable"
    status = 422
    exit_code = 1
    hint = "Use a file that a media player can play."


class SensorLost(GleanerError):
    """A sensor that was running has stopped giving frames or samples."""

    code = "sensor-lost"
    status = 503
    retryable = True
    hint = "Check its cable; the step can be run again."
