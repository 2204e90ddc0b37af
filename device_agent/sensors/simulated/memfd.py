"""Frame buffers in anonymous memory files, for picamera2 on a machine without the Pi's DMA heap."""

from __future__ import annotations

import mmap
import os
from typing import Any, ClassVar

import numpy as np

from device_agent.sensors.simulated.libcamera_values import CameraConfiguration, FrameBuffer, Stream


class MemfdAllocator:
    """In place of picamera2's DMA allocator: the same interface over anonymous memory files, mapped for their life."""

    needs_sync = False
    _memory: ClassVar[dict[int, np.ndarray]] = {}

    class Sync:
        def __init__(self, allocator: MemfdAllocator, buffer: FrameBuffer, write: bool) -> None:
            self._map = allocator.mapped_buffers[buffer]

        def __enter__(self) -> mmap.mmap:
            return self._map

        def __exit__(self, *_: object) -> None:
            return

    def __init__(self) -> None:
        self.sync = self.Sync
        self.mapped_buffers: dict[FrameBuffer, mmap.mmap] = {}
        self._by_stream: dict[Stream, list[FrameBuffer]] = {}

    @classmethod
    def memory_of(cls, buffer: FrameBuffer) -> np.ndarray:
        return cls._memory[id(buffer)]

    def allocate(self, configuration: CameraConfiguration, _use_case: Any) -> None:
        self.close()
        for stream in configuration:
            self._by_stream[stream.stream] = [self._make(stream.frame_size) for _ in range(stream.buffer_count)]

    def _make(self, size: int) -> FrameBuffer:
        fd = os.memfd_create("frame")
        os.ftruncate(fd, size)
        plane = FrameBuffer.Plane()
        plane.fd, plane.length = fd, size
        buffer = FrameBuffer([plane])
        self.mapped_buffers[buffer] = mmap.mmap(fd, size)
        self._memory[id(buffer)] = np.frombuffer(self.mapped_buffers[buffer], np.uint8)
        return buffer

    def buffers(self, stream: Stream) -> list[FrameBuffer]:
        return self._by_stream[stream]

    def acquire(self, _buffers: Any) -> None:
        return

    def release(self, _buffers: Any) -> None:
        return

    def close(self) -> None:
        for buffer in self.mapped_buffers:
            self._memory.pop(id(buffer), None)
            os.close(buffer.planes[0].fd)
        self.mapped_buffers, self._by_stream = {}, {}
