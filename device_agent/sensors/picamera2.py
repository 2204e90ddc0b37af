"""The Raspberry Pi's camera through picamera2: one full stream for the encoder, one small one for the models."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np

from device_agent.sensors.base import (
    DeliverFrame,
    Failed,
    Frame,
    Picture,
    SensorLibraryMissing,
    SensorLost,
    SensorMissing,
)
from device_agent.sensors.clock import monotonic_us
from device_agent.sensors.pictures import planes
from device_agent.sensors.ring import LORES_HEIGHT, LORES_WIDTH, FramePool, sealed
from device_agent.sensors.simulated.room import SimulatedRoom
from device_agent.sensors.worker import SensorThread

WIDTH, HEIGHT, FRAME_RATE = 1280, 720, 25.0
BUFFERS = 6
# What libcamera says of a frame, under our names; exposures in microseconds, the crop in pixels of the sensor.
_REPORTED = {
    "ExposureTime": "exposure_us", "AnalogueGain": "analogue_gain", "DigitalGain": "digital_gain",
    "ColourGains": "colour_gains", "ColourTemperature": "colour_temperature_k", "AwbMode": "awb_mode",
    "AwbLocked": "awb_locked", "AeLocked": "ae_locked", "Lux": "lux", "LensPosition": "lens_position",
    "ScalerCrop": "scaler_crop", "FrameDuration": "frame_us", "SensorTemperature": "sensor_temperature_c",
}  # fmt: skip
# Calls return and flags stay calm when a camera stalls (reference: picamera2 #1004, #1264): only the age of the newest
# frame tells the truth.
MAX_SILENT_US = 3_000_000
LOOK_US = 250_000


class Picamera2Camera:
    """A `Camera` by number; `simulated` is the stand-in below the real picamera2, for a machine that is no Pi.

    Raises (opening):
        SensorLibraryMissing: picamera2 or libcamera is not installed.
        SensorMissing: there is no such camera, or it is in use.
    """

    def __init__(self, number: str, room: SimulatedRoom | None = None) -> None:
        self.name = f"picamera2:{number}"
        self.width, self.height, self.frame_rate = WIDTH, HEIGHT, FRAME_RATE
        self.lores_width, self.lores_height = LORES_WIDTH, LORES_HEIGHT
        self.dropped = 0
        self._next_index = 0
        self._newest_us = 0
        self._reported: dict[str, Any] = {}  # of the newest frame
        self._error: SensorLost | None = None
        self._deliver: DeliverFrame | None = None
        if number == "simulated":
            _install_stand_in(room or SimulatedRoom())
        library = _library()
        self._mapped_array = library.MappedArray
        self._camera = _open(library, 0 if number == "simulated" else _number(number))
        self._camera.pre_callback = self._take
        self._pool = FramePool((self.width, self.height), (self.lores_width, self.lores_height))
        self._thread = SensorThread(f"camera {self.name}")

    def start(self, deliver: DeliverFrame, failed: Failed) -> None:
        self._thread.start(lambda: self._watch(deliver), failed)

    def stop(self) -> None:
        self._thread.stop()

    def settings(self) -> dict[str, Any]:
        """Those of the newest frame; before there is one, what does not change from frame to frame."""
        reported = self._reported
        found = {ours: reported[theirs] for theirs, ours in _REPORTED.items() if theirs in reported}
        model = self._camera.camera_properties.get("Model")
        return {"sensor_model": model, "wanted_frame_rate": self.frame_rate, **found}

    def close(self) -> None:
        """Give the camera back to the system; it cannot be started again."""
        self.stop()
        self._camera.close()

    def _watch(self, deliver: DeliverFrame) -> None:
        """Start the stream and look after it; the frames themselves come in picamera2's own thread."""
        self._deliver, self._error, self._newest_us, self._reported = deliver, None, 0, {}
        started = monotonic_us()
        try:
            self._camera.start()
            while self._thread.sleep_until(monotonic_us() + LOOK_US):
                if self._error is not None:
                    raise self._error
                if monotonic_us() - max(self._newest_us, started) > MAX_SILENT_US:
                    raise SensorLost(f"Camera {self.name} stopped giving pictures.")
        finally:
            self._deliver = None
            self._camera.stop()

    def _take(self, request: Any) -> None:
        """One completed request. An exception here would end picamera2's thread, so it is kept for ours to raise."""
        deliver = self._deliver
        if deliver is None or self._error is not None:
            return
        try:
            self._deliver_picture(request, deliver)
        except (RuntimeError, ValueError, KeyError, OSError) as error:
            self._error = SensorLost(f"Camera {self.name} gave a picture that cannot be read: {error}.")

    def _deliver_picture(self, request: Any, deliver: DeliverFrame) -> None:
        self._reported = reported = request.get_metadata()
        sensor_ns = int(reported["SensorTimestamp"])
        stamp = to_monotonic_us(sensor_ns, time.monotonic_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        frame_us = int(reported.get("FrameDuration", 1_000_000 / self.frame_rate))
        lost = frames_between(self._newest_us, stamp, frame_us) if self._newest_us else 0
        self._next_index += lost
        self.dropped += lost
        stamp = max(stamp, self._newest_us + 1)
        self._newest_us = stamp
        index = self._next_index
        self._next_index += 1
        pair = self._pool.take()
        if pair is None:
            self.dropped += 1
            return
        for name, target, width, height in (
            ("main", pair[0], self.width, self.height),
            ("lores", pair[1], self.lores_width, self.lores_height),
        ):
            with self._mapped_array(request, name, write=False) as mapped:
                unpad(mapped.array, target, width, height)
        deliver(Frame(index, stamp, *sealed(pair)))


def unpad(source: Any, target: Picture, width: int, height: int) -> None:
    """Copy an I420 picture whose rows are padded (height * 3 // 2, stride) into one without padding."""
    stride = source.shape[1]
    flat = source.reshape(-1)
    begin = 0
    for view, share in zip(planes(target, width, height), (1, 2, 2), strict=True):
        rows, step = height // share, stride // share
        np.copyto(view, flat[begin : begin + rows * step].reshape(rows, step)[:, : width // share])
        begin += rows * step


def to_monotonic_us(sensor_ns: int, monotonic_ns: int, boot_ns: int) -> int:
    """The sensor's stamp on the device's clock. Drivers stamp by boot time or by monotonic time; they differ by the
    time the machine has slept, and a stamp is never younger than now.
    """
    asleep_ns = boot_ns - monotonic_ns
    by_boot = sensor_ns - asleep_ns
    return (sensor_ns if sensor_ns <= monotonic_ns and monotonic_ns - sensor_ns <= 1_000_000_000 else by_boot) // 1000


def frames_between(earlier_us: int, later_us: int, frame_us: int) -> int:
    """How many frames are missing between two stamps at the rate the camera says it runs at."""
    return max(0, round((later_us - earlier_us) / max(1, frame_us)) - 1)


def check_number(number: str) -> None:
    """Whether the number is one and picamera2 is installed; no camera is opened.

    Raises:
        SensorMissing, SensorLibraryMissing.
    """
    if number != "simulated":
        _number(number)
    if importlib.util.find_spec("picamera2") is None:
        raise _missing(ModuleNotFoundError("No module named 'picamera2'", name="picamera2"))


def _number(text: str) -> int:
    if not text.isdigit():
        raise SensorMissing(f"There is no Pi camera {text!r}.", hint="Cameras are numbered: picamera2:0.")
    return int(text)


def _install_stand_in(room: SimulatedRoom) -> None:
    from device_agent.sensors.simulated import libcamera_stand_in

    try:
        libcamera_stand_in.install(room)
    except ImportError as error:
        raise _missing(error) from error


def _library() -> Any:
    try:
        import picamera2
    except ImportError as error:
        raise _missing(error) from error
    return picamera2


def _missing(error: ImportError) -> SensorLibraryMissing:
    if error.name in ("libcamera", "kms", "pykms"):
        return SensorLibraryMissing(
            f"The Pi camera needs the system's module {error.name}, which Python cannot find.",
            hint="apt install python3-libcamera python3-kms++, and make the virtual environment with "
            "--system-site-packages.",
        )
    return SensorLibraryMissing(
        f"The Pi camera needs picamera2, which cannot be imported ({error.name or error} is missing).",
        hint="To install it, run `make device` in the checkout (it needs gcc, python3-dev and libcap-dev).",
    )


def _open(library: Any, number: int) -> Any:
    there = library.Picamera2.global_camera_info()
    if number >= len(there):
        known = ", ".join(f"{row['Num']} {row.get('Model', '')}".strip() for row in there)
        raise SensorMissing(
            f"There is no Pi camera {number}.",
            hint=f"Cameras here: {known}." if known else f"Check the ribbon cable; {_boot_file()} must detect it.",
        )
    try:
        camera = library.Picamera2(number)
        size = {"format": "YUV420"}
        camera.configure(
            camera.create_video_configuration(
                main={"size": (WIDTH, HEIGHT), **size},
                lores={"size": (LORES_WIDTH, LORES_HEIGHT), **size},
                buffer_count=BUFFERS,
                controls={"FrameRate": FRAME_RATE},
            )
        )
    except (RuntimeError, ValueError, IndexError) as error:
        raise SensorMissing(
            f"Pi camera {number} cannot be opened: {error}.", hint="Close other programs that use it."
        ) from error
    return camera


def _boot_file() -> str:
    return "/boot/firmware/config.txt" if Path("/boot/firmware").exists() else "/boot/config.txt"
