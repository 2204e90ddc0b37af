"""Sensors behind two small interfaces; `open_camera` and `open_microphone` open them.

Kinds are imported on use: a device without PortAudio or OpenCV still runs the others.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from device_agent.sensors.base import (
    AudioBlock,
    Camera,
    DeliverBlock,
    DeliverFrame,
    Failed,
    Frame,
    Microphone,
    SensorSpecUnknown,
)
from device_agent.sensors.clock import monotonic_us

if TYPE_CHECKING:
    from device_agent.sensors.simulated.room import SimulatedRoom

__all__ = [
    "AudioBlock",
    "Camera",
    "DeliverBlock",
    "DeliverFrame",
    "Failed",
    "Frame",
    "Microphone",
    "check_camera",
    "check_microphone",
    "monotonic_us",
    "open_camera",
    "open_microphone",
]


def open_camera(spec: str, *, room: SimulatedRoom | None = None) -> Camera | None:
    """The camera that `spec` names, checked at once so that a mistake shows now; None for `none`.

    Args:
        spec: `simulated`, `none`, `opencv:0` (a number or an address), `picamera2:0`, or the path of a video file.
        room: the scene of a simulated camera; it shares it with the simulated microphone. A new one when left out.

    Raises:
        SensorSpecUnknown, SensorMissing, SensorLibraryMissing, SensorFileMissing, SensorFileUnusable; for `simulated`
        also the catalogue's errors when its photographs are not here and cannot be fetched.
    """
    kind, _, rest = spec.partition(":")
    if spec == "none":
        return None
    if spec == "simulated":
        from device_agent.sensors.simulated.camera import SimulatedCamera

        return SimulatedCamera(_room(room))
    if kind == "opencv" and rest:
        from device_agent.sensors.opencv import OpenCvCamera

        return OpenCvCamera(rest)
    if kind == "picamera2":
        from device_agent.sensors.picamera2 import Picamera2Camera

        return Picamera2Camera(rest or "0", room)
    _refuse_a_kind(spec, kind, rest, "camera")
    from device_agent.sensors.files import VideoFileCamera

    return VideoFileCamera(Path(spec))


def check_camera(spec: str) -> None:
    """Check what can be known of `spec` without opening a camera: its kind, the library, the file.

    Nothing looks into the room, so this is allowed before consent.

    Raises:
        SensorSpecUnknown, SensorMissing, SensorLibraryMissing, SensorFileMissing, SensorFileUnusable.
    """
    kind, _, rest = spec.partition(":")
    if spec in ("none", "simulated") or (kind == "opencv" and rest):
        return
    if kind == "picamera2":
        from device_agent.sensors.picamera2 import check_number

        check_number(rest or "0")
        return
    _refuse_a_kind(spec, kind, rest, "camera")
    from device_agent.sensors.files import check_file

    check_file(Path(spec), "video")


def check_microphone(spec: str) -> None:
    """As `check_camera`, for a microphone; PortAudio names its inputs without listening to any.

    Raises:
        SensorSpecUnknown, SensorMissing, SensorLibraryMissing, SensorFileMissing, SensorFileUnusable.
    """
    kind, _, rest = spec.partition(":")
    if spec in ("none", "simulated"):
        return
    if kind == "sounddevice":
        from device_agent.sensors.sounddevice import check_input

        check_input(rest or "default")
        return
    _refuse_a_kind(spec, kind, rest, "microphone")
    from device_agent.sensors.files import check_file

    check_file(Path(spec), "audio")


def open_microphone(spec: str, *, room: SimulatedRoom | None = None) -> Microphone | None:
    """The microphone that `spec` names, checked at once so that a mistake shows now; None for `none`.

    Args:
        spec: `simulated`, `none`, `sounddevice:default` (or a number, or a part of a device's name), or a file's path.
        room: as for `open_camera`.

    Raises:
        SensorSpecUnknown, SensorMissing, SensorLibraryMissing, SensorFileMissing, SensorFileUnusable.
    """
    kind, _, rest = spec.partition(":")
    if spec == "none":
        return None
    if spec == "simulated":
        from device_agent.sensors.simulated.microphone import SimulatedMicrophone

        return SimulatedMicrophone(_room(room))
    if kind == "sounddevice":
        from device_agent.sensors.sounddevice import SoundDeviceMicrophone

        return SoundDeviceMicrophone(rest or "default")
    _refuse_a_kind(spec, kind, rest, "microphone")
    from device_agent.sensors.files import AudioFileMicrophone

    return AudioFileMicrophone(Path(spec))


def _room(room: SimulatedRoom | None) -> SimulatedRoom:
    if room is not None:
        return room
    from device_agent.sensors.simulated.room import SimulatedRoom as NewRoom

    return NewRoom()


def _refuse_a_kind(spec: str, kind: str, rest: str, what: str) -> None:
    """A word that looks like a kind of sensor and is none is not taken for the path of a file."""
    path = Path(spec)
    looks_like_a_path = "/" in spec or path.suffix != "" or path.exists()
    if not spec or not looks_like_a_path or (rest and kind.isalnum() and not path.exists() and len(kind) > 1):
        raise SensorSpecUnknown(f"There is no kind of {what} called {spec!r}.")
