"""USB cameras and network streams through OpenCV."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import cv2

from device_agent.sensors.base import DeliverFrame, Failed, Frame, SensorLost, SensorMissing
from device_agent.sensors.clock import monotonic_us
from device_agent.sensors.holes import HoleCounter
from device_agent.sensors.pictures import fit_within, from_bgr, planes, shrink
from device_agent.sensors.ring import FramePool, lores_size, sealed
from device_agent.sensors.worker import SensorThread
from prelabel.media.opencv_log import silence_opencv

WIDTH, HEIGHT, FRAME_RATE = 1280, 720, 25.0
OPEN_TIMEOUT_MS, READ_TIMEOUT_MS = 5000, 2000
# A driver's own time of exposure is believed when it is at most this old.
STAMP_AGE_US = 1_000_000
SETTINGS_EVERY_US = 10_000_000
# What a driver may say of itself; it gives -1 or 0 for what it does not know.
_PROPERTIES = {
    "width": cv2.CAP_PROP_FRAME_WIDTH, "height": cv2.CAP_PROP_FRAME_HEIGHT, "frame_rate": cv2.CAP_PROP_FPS,
    "auto_exposure": cv2.CAP_PROP_AUTO_EXPOSURE, "exposure": cv2.CAP_PROP_EXPOSURE, "gain": cv2.CAP_PROP_GAIN,
    "auto_white_balance": cv2.CAP_PROP_AUTO_WB, "white_balance_k": cv2.CAP_PROP_WB_TEMPERATURE,
    "autofocus": cv2.CAP_PROP_AUTOFOCUS, "focus": cv2.CAP_PROP_FOCUS, "brightness": cv2.CAP_PROP_BRIGHTNESS,
}  # fmt: skip
_EVERY_DRIVER = ("width", "height", "frame_rate")


class OpenCvCamera:
    """A `Camera` by number (`0` is /dev/video0) or by address (`rtsp://…`, `http://…`).

    Raises (opening):
        SensorMissing: there is no such camera, it is in use, or it gives no picture.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self.name = f"opencv:{_without_password(source)}"
        self.dropped = 0
        self._next_index = 0
        self._capture: Any = _open(source, self.name)
        picture = self._capture.read()[1]
        if picture is None:
            self._capture.release()
            raise SensorMissing(
                f"Camera {self.name} gives no picture.", hint="Close other programs that use it, or check its cable."
            )
        self.width, self.height = fit_within(picture.shape[1], picture.shape[0])
        self.lores_width, self.lores_height = lores_size(self.width, self.height)
        self._settings = _settings(self._capture, is_device=source.isdigit())
        reported = self._capture.get(cv2.CAP_PROP_FPS)
        self.frame_rate = float(reported) if 1 <= reported <= 240 else FRAME_RATE
        self._pool = FramePool((self.width, self.height), (self.lores_width, self.lores_height))
        self._thread = SensorThread(f"camera {self.name}")

    def start(self, deliver: DeliverFrame, failed: Failed) -> None:
        self._thread.start(lambda: self._watch(deliver), failed)

    def stop(self) -> None:
        self._thread.stop()
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def settings(self) -> dict[str, Any]:
        """As the driver said them within the last seconds: it is asked by the sensor's thread alone."""
        return self._settings

    def _watch(self, deliver: DeliverFrame) -> None:
        if self._capture is None:
            self._capture = _open(self._source, self.name)
        capture, newest, asked_us = self._capture, 0, 0
        holes = HoleCounter(round(1_000_000 / self.frame_rate))
        while not self._thread.stopping:
            there, picture = capture.read()
            now = monotonic_us()
            if not there or picture is None:
                if not self._thread.sleep_until(now):
                    return
                raise SensorLost(f"Camera {self.name} stopped giving pictures.")
            if now - asked_us > SETTINGS_EVERY_US:
                self._settings, asked_us = _settings(capture, is_device=self._source.isdigit()), now
            newest = max(newest + 1, _exposed_us(capture, now) if self._source.isdigit() else now)
            lost = holes.lost_before(newest)
            self.dropped += lost
            self._next_index += lost
            self._deliver_picture(picture, newest, deliver)

    def _deliver_picture(self, picture: Any, stamp_us: int, deliver: DeliverFrame) -> None:
        index = self._next_index
        self._next_index += 1
        pair = self._pool.take()
        if pair is None:
            self.dropped += 1
            return
        if picture.shape[:2] != (self.height, self.width):
            picture = cv2.resize(picture, (self.width, self.height), interpolation=cv2.INTER_AREA)
        from_bgr(picture, pair[0])
        shrink(planes(pair[0], self.width, self.height), planes(pair[1], self.lores_width, self.lores_height))
        deliver(Frame(index, stamp_us, *sealed(pair)))


def _open(source: str, name: str) -> Any:
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    silence_opencv()
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]
    if not source.isdigit():
        capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, timeouts)
        if not capture.isOpened():
            raise SensorMissing(f"Camera {name} does not answer.", hint="Check the address and that the camera is on.")
        return capture
    device = Path(f"/dev/video{source}")
    if not device.exists():
        there = ", ".join(sorted(path.name.removeprefix("video") for path in Path("/dev").glob("video[0-9]*")))
        raise SensorMissing(
            f"There is no camera {source} ({device} is not there).",
            hint=f"Cameras here: {there}." if there else "Plug one in, or use --camera simulated.",
        )
    capture = cv2.VideoCapture(int(source), cv2.CAP_V4L2)
    if not capture.isOpened():
        raise SensorMissing(
            f"Camera {source} cannot be opened.",
            hint=f"Close other programs that use it; your user must be allowed to read {device} (group video).",
        )
    # Without MJPG most USB cameras give 1280x720 at 5 to 10 pictures a second: raw pictures do not fit USB 2.
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, WIDTH)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, HEIGHT)
    capture.set(cv2.CAP_PROP_FPS, FRAME_RATE)
    return capture


def _settings(capture: Any, *, is_device: bool) -> dict[str, Any]:
    """What backend and driver say; a network stream has no driver to ask for exposure and focus."""
    code = int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
    fourcc = code.to_bytes(4, "little").decode("ascii", errors="replace")
    found: dict[str, Any] = {
        "backend": capture.getBackendName(), "fourcc": fourcc if fourcc.isprintable() else hex(code)
    }  # fmt: skip
    for name, number in _PROPERTIES.items():
        if is_device or name in _EVERY_DRIVER:
            value = capture.get(number)
            if value != -1:
                found[name] = value
    return found


def _exposed_us(capture: Any, now_us: int) -> int:
    """The driver's stamp (V4L2 gives its monotonic clock in POS_MSEC), else the moment the picture was read."""
    reported = round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1000)
    return reported if 0 <= now_us - reported <= STAMP_AGE_US else now_us


def _without_password(source: str) -> str:
    """The address as it may be shown and stored."""
    return re.sub(r"//[^/@]*@", "//", source)
