"""The plain values of libcamera's Python bindings, as far as picamera2 0.3.38 uses them. See libcamera_stand_in.py."""

from __future__ import annotations

import enum
import types
from typing import Any

STRIDE_ALIGNMENT = 64
SENSOR_SIZE = (2304, 1296)


class _Value:
    """A plain value that is equal to one with the same fields."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __str__(self) -> str:
        return f"{type(self).__name__}{tuple(vars(self).values())}"


class Transform(_Value):
    def __init__(self, hflip: int = 0, vflip: int = 0, transpose: int = 0) -> None:
        self.hflip, self.vflip, self.transpose = bool(hflip), bool(vflip), bool(transpose)


Orientation = enum.Enum(
    "Orientation",
    "Rotate0 Rotate0Mirror Rotate180 Rotate180Mirror Rotate90Mirror Rotate270 Rotate270Mirror Rotate90",
)


class ColorSpace(_Value):
    YcbcrEncoding = enum.Enum("YcbcrEncoding", "Null Rec601 Rec709")
    Range = enum.Enum("Range", "Full Limited")

    def __init__(self, other: ColorSpace | str = "Raw") -> None:
        self.primaries: str = other.primaries if isinstance(other, ColorSpace) else other
        self.transferFunction: str = self.primaries
        self.ycbcrEncoding: Any = None
        self.range: Any = None

    @staticmethod
    def Sycc() -> ColorSpace:  # noqa: N802
        return ColorSpace("Sycc")

    @staticmethod
    def Smpte170m() -> ColorSpace:  # noqa: N802
        return ColorSpace("Smpte170m")

    @staticmethod
    def Rec709() -> ColorSpace:  # noqa: N802
        return ColorSpace("Rec709")

    @staticmethod
    def Raw() -> ColorSpace:  # noqa: N802
        return ColorSpace("Raw")


class Size(_Value):
    def __init__(self, width: int = 0, height: int = 0) -> None:
        self.width, self.height = width, height


class Rectangle(_Value):
    def __init__(self, x: int = 0, y: int = 0, width: int = 0, height: int = 0) -> None:
        self.x, self.y, self.width, self.height = x, y, width, height


class PixelFormat(_Value):
    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name


ControlType = enum.Enum("ControlType", "Bool Byte Integer32 Integer64 Float String Rectangle Size Point")


class ControlId:
    def __init__(self, name: str) -> None:
        self.name = name
        self.type = ControlType["Integer64"]
        self.isArray = False
        self.size = 0


class ControlInfo:
    def __init__(self, low: float, high: float, default: float) -> None:
        self.min, self.max, self.default = low, high, default


def _ids(*names: str) -> dict[str, ControlId]:
    return {name: ControlId(name) for name in names}


controls = types.SimpleNamespace(
    **_ids(
        "SensorTimestamp", "FrameDuration", "FrameDurationLimits", "ExposureTime", "ExposureTimeMode", "AnalogueGain",
        "AnalogueGainMode", "ColourGains", "LensPosition", "ScalerCrop", "Lux",
    ),
    draft=types.SimpleNamespace(
        NoiseReductionMode=ControlId("NoiseReductionMode"),
        NoiseReductionModeEnum=enum.IntEnum("NoiseReductionModeEnum", "Off Fast HighQuality Minimal", start=0),
    ),
)  # fmt: skip
properties = types.SimpleNamespace(
    Model=ControlId("Model"),
    Location=ControlId("Location"),
    Rotation=ControlId("Rotation"),
    draft=types.SimpleNamespace(
        ColorFilterArrangementEnum=enum.IntEnum("ColorFilterArrangementEnum", "RGGB GRBG GBRG BGGR RGB MONO", start=0)
    ),
)
StreamRole = enum.Enum("StreamRole", "Raw StillCapture VideoRecording Viewfinder", start=0)


class FrameMetadata:
    Status = enum.Enum("Status", "Success Error Cancelled Startup", start=0)


class SensorConfiguration:
    def __init__(self) -> None:
        self.bit_depth = 0
        self.output_size: Size | None = None


class FrameBuffer:
    class Plane:
        fd, offset, length = -1, 0, 0

    def __init__(self, buffer_planes: list[Any], cookie: int = 0) -> None:
        self.planes, self.cookie = buffer_planes, cookie
        self.metadata = types.SimpleNamespace(
            status=FrameMetadata.Status["Success"],
            planes=[types.SimpleNamespace(bytes_used=plane.length) for plane in buffer_planes],
            sequence=0,
            timestamp=0,
        )


class FrameBufferAllocator:
    """picamera2 names it and, with its DMA allocator, never makes one."""


class Stream:
    configuration: StreamConfiguration


class StreamConfiguration:
    def __init__(self) -> None:
        self.stream = Stream()
        self.stream.configuration = self
        self.size = Size()
        self.pixel_format = PixelFormat("YUV420")
        self.stride = self.frame_size = 0
        self.buffer_count = 4
        self.color_space: ColorSpace | None = None
        self.formats = types.SimpleNamespace(
            pixel_formats=[PixelFormat("SRGGB10")], sizes=lambda _format: [Size(*SENSOR_SIZE)]
        )


class CameraConfiguration:
    Status = enum.Enum("Status", "Valid Adjusted Invalid", start=0)

    def __init__(self, count: int) -> None:
        self._streams = [StreamConfiguration() for _ in range(count)]
        self.orientation: Any = None
        self.sensor_config: SensorConfiguration | None = None

    def at(self, index: int) -> StreamConfiguration:
        return self._streams[index]

    def __iter__(self) -> Any:
        return iter(self._streams)

    def validate(self) -> Any:
        for stream in self._streams:
            if str(stream.pixel_format) == "YUV420":
                stream.stride = -(-stream.size.width // STRIDE_ALIGNMENT) * STRIDE_ALIGNMENT
                stream.frame_size = stream.stride * stream.size.height * 3 // 2
            else:
                stream.stride = stream.size.width * 2
                stream.frame_size = stream.stride * stream.size.height
        return self.Status["Valid"]


class Request:
    Status = enum.Enum("Status", "Pending Complete Cancelled", start=0)

    def __init__(self, cookie: int) -> None:
        self.cookie = cookie
        self.buffers: dict[Stream, FrameBuffer] = {}
        self.metadata: dict[ControlId, Any] = {}
        self.status = self.Status["Pending"]
        self.sequence = 0
        self.controls: dict[ControlId, Any] = {}

    def add_buffer(self, stream: Stream, buffer: FrameBuffer) -> None:
        self.buffers[stream] = buffer

    def reuse(self) -> None:
        self.status = self.Status["Pending"]
        self.metadata, self.controls = {}, {}

    def set_control(self, control: ControlId, value: Any) -> None:
        self.controls[control] = value
