"""A stand-in for the Python bindings of libcamera, so that the real picamera2 code runs where there is no Pi.

The names, and what each does, are those that picamera2 0.3.38 uses of `libcamera`. One camera, two YUV420 streams, in
real time, its picture the simulated room's. What can go wrong with a camera can be made to: `camera().stalled`,
`camera().lose(frames)`. Only the memory of the buffers is not the Pi's: memfd in place of the DMA heap.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import types
from typing import Any, ClassVar

import numpy as np

from device_agent.sensors.pictures import planes, shrink
from device_agent.sensors.simulated.libcamera_values import (
    CameraConfiguration,
    ColorSpace,
    ControlId,
    ControlInfo,
    ControlType,
    FrameBuffer,
    FrameBufferAllocator,
    FrameMetadata,
    Orientation,
    PixelFormat,
    Rectangle,
    Request,
    SensorConfiguration,
    Size,
    Stream,
    StreamConfiguration,
    StreamRole,
    Transform,
    controls,
    properties,
)
from device_agent.sensors.simulated.memfd import MemfdAllocator
from device_agent.sensors.simulated.room import SimulatedRoom

__all__ = [
    "Camera",
    "CameraConfiguration",
    "CameraManager",
    "ColorSpace",
    "ControlId",
    "ControlInfo",
    "ControlType",
    "FrameBuffer",
    "FrameBufferAllocator",
    "FrameMetadata",
    "MemfdAllocator",
    "Orientation",
    "PixelFormat",
    "Rectangle",
    "Request",
    "SensorConfiguration",
    "Size",
    "Stream",
    "StreamConfiguration",
    "StreamRole",
    "Transform",
    "camera",
    "controls",
    "install",
    "properties",
]

DEFAULT_FRAME_US = 33_333


class StandInCamera:
    """The one camera. `stalled`: no request completes; `lose(n)`: the next n frames have nowhere to go."""

    id = "/base/simulated/room@0"

    def __init__(self, manager: CameraManager) -> None:
        self._manager = manager
        self.room: SimulatedRoom | None = None
        self.stalled = False
        self._to_lose = 0
        self._queue: list[Request] = []
        self._changed = threading.Condition()
        self._running = False
        self._thread: threading.Thread | None = None
        self._frame_us = DEFAULT_FRAME_US
        self._sequence = 0
        self._picture = np.zeros(0, np.uint8)
        self.controls = {
            controls.FrameDurationLimits: ControlInfo(DEFAULT_FRAME_US, 1_000_000, DEFAULT_FRAME_US),
            controls.ExposureTime: ControlInfo(0, 66_666, 20_000),
            controls.AnalogueGain: ControlInfo(1.0, 16.0, 1.0),
            controls.draft.NoiseReductionMode: ControlInfo(0, 3, 0),
        }
        self.properties = {properties.Model: "simulated", properties.Location: 2, properties.Rotation: 0}

    def lose(self, frames: int) -> None:
        self._to_lose = frames

    def acquire(self) -> None:
        return

    def release(self) -> None:
        return

    def generate_configuration(self, roles: list[Any]) -> CameraConfiguration:
        return CameraConfiguration(len(roles))

    def configure(self, configuration: CameraConfiguration) -> int:
        return 0

    def create_request(self, cookie: int = 0) -> Request:
        return Request(cookie)

    def start(self, wanted: dict[ControlId, Any] | None = None) -> None:
        self._take_controls(wanted or {})
        self._running = True
        self._thread = threading.Thread(target=self._run, name="libcamera stand-in", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._running = False
        if self._thread is not None:
            self._thread.join()
        with self._changed:
            for request in self._queue:
                request.status = Request.Status["Cancelled"]
            self._queue.clear()

    def queue_request(self, request: Request) -> None:
        with self._changed:
            self._queue.append(request)

    def _take_controls(self, wanted: dict[ControlId, Any]) -> None:
        limits = wanted.get(controls.FrameDurationLimits)
        if limits is not None:
            self._frame_us = int(limits[0])

    def _run(self) -> None:
        due = time.monotonic()
        while self._running:
            due += self._frame_us / 1_000_000
            time.sleep(max(0.0, due - time.monotonic()))
            self._sequence += 1
            if self.stalled:
                continue
            if self._to_lose > 0:
                self._to_lose -= 1
                continue
            with self._changed:
                request = self._queue.pop(0) if self._queue else None
            if request is not None:
                self._take_controls(request.controls)
                self._expose(request)

    def _expose(self, request: Request) -> None:
        stamp = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        for stream, buffer in request.buffers.items():
            self._fill(MemfdAllocator.memory_of(buffer), stream.configuration)
            buffer.metadata.sequence, buffer.metadata.timestamp = self._sequence, stamp
        request.sequence = self._sequence
        request.metadata = {
            controls.SensorTimestamp: stamp,
            controls.FrameDuration: self._frame_us,
            controls.ExposureTime: 20_000,
            controls.AnalogueGain: 2.0,
            controls.ColourGains: (1.5, 2.25),
            controls.LensPosition: 1.0,
            controls.ScalerCrop: Rectangle(0, 0, 4608, 2592),
            controls.Lux: 300.0,
        }
        request.status = Request.Status["Complete"]
        self._manager.complete(request)

    def _fill(self, memory: np.ndarray, stream: StreamConfiguration) -> None:
        """The room at the stream's size, rows padded to its stride as the real camera's are."""
        if self.room is None:
            self.room = SimulatedRoom()
        room, width, height = self.room, stream.size.width, stream.size.height
        if (width, height) == (room.width, room.height):
            self._picture = np.zeros(width * height * 3 // 2, np.uint8)
            room.compose(time.monotonic_ns() // 1000, self._sequence, planes(self._picture, width, height))
            room.note_seen(time.monotonic_ns() // 1000)
        small = np.zeros(width * height * 3 // 2, np.uint8)
        shrink(planes(self._picture, room.width, room.height), planes(small, width, height))
        begin = 0
        for plane, share in zip(planes(small, width, height), (1, 2, 2), strict=True):
            rows, step = plane.shape[0], stream.stride // share
            memory[begin : begin + rows * step].reshape(rows, step)[:, : plane.shape[1]] = plane
            begin += rows * step


Camera = StandInCamera  # the name that libcamera gives it


class CameraManager:
    _single: ClassVar[CameraManager | None] = None

    def __init__(self) -> None:
        self.event_fd = os.eventfd(0, os.EFD_NONBLOCK)
        self._ready: list[Request] = []
        self._lock = threading.Lock()
        self.cameras = [StandInCamera(self)]

    @classmethod
    def singleton(cls) -> CameraManager:
        cls._single = cls._single or cls()
        return cls._single

    def complete(self, request: Request) -> None:
        with self._lock:
            self._ready.append(request)
        os.eventfd_write(self.event_fd, 1)

    def get_ready_requests(self) -> list[Request]:
        try:
            os.eventfd_read(self.event_fd)
        except BlockingIOError:
            return []
        with self._lock:
            ready, self._ready = self._ready, []
        return ready


class _AnyName:
    """The preview on a display asks for pixel formats by name at import, even where there is no display."""

    def __getattr__(self, name: str) -> str:
        return name


def camera() -> StandInCamera:
    return CameraManager.singleton().cameras[0]


def install(room: SimulatedRoom) -> None:
    """Make `import picamera2` of this process find the stand-in, looking into `room`."""
    module = sys.modules[__name__]
    sys.modules["libcamera"] = module
    sys.modules["libcamera._libcamera"] = module
    kms = types.ModuleType("pykms")
    kms.PixelFormat = _AnyName()  # type: ignore[attr-defined]
    sys.modules["pykms"] = kms
    import picamera2.picamera2 as real

    real.DmaAllocator = MemfdAllocator
    _ = room.scene  # painted now, not while the first frames are due
    camera().room = room


_libcamera = sys.modules[__name__]
