"""The Pi's camera: its pure parts here, and the real picamera2 over the libcamera stand-in in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from device_agent.sensors import open_camera
from device_agent.sensors.base import SensorLibraryMissing
from device_agent.sensors.picamera2 import frames_between, to_monotonic_us, unpad
from device_agent.sensors.pictures import planes

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("earlier", "later", "missing"),
    [(0, 40_000, 0), (0, 43_000, 0), (0, 79_000, 1), (0, 81_000, 1), (0, 240_000, 5), (5, 5, 0), (50, 0, 0)],
)
def test_frames_between(earlier: int, later: int, missing: int) -> None:
    assert frames_between(earlier, later, 40_000) == missing


@pytest.mark.parametrize(
    ("sensor_ns", "slept_ns", "expected_us"),
    [
        (100 * SECOND_NS - 20_000_000, 0, 99_980_000),
        (100 * SECOND_NS - 20_000_000, 500 * SECOND_NS, 99_980_000),
        (600 * SECOND_NS - 20_000_000, 500 * SECOND_NS, 99_980_000),
    ],
    ids=["never slept", "stamped by the monotonic clock", "stamped by boot time"],
)
def test_stamps_come_onto_the_one_clock(sensor_ns: int, slept_ns: int, expected_us: int) -> None:
    assert to_monotonic_us(sensor_ns, 100 * SECOND_NS, 100 * SECOND_NS + slept_ns) == expected_us


def test_padding_is_taken_off_every_plane() -> None:
    width, height, stride = 100, 60, 128
    padded = np.full(stride * height * 3 // 2, 255, np.uint8)
    begin = 0
    for value, share in ((10, 1), (20, 2), (30, 2)):
        rows, step = height // share, stride // share
        padded[begin : begin + rows * step].reshape(rows, step)[:, : width // share] = value
        begin += rows * step
    target = np.zeros((height * 3 // 2, width), np.uint8)
    unpad(padded.reshape(height * 3 // 2, stride), target, width, height)
    assert [set(plane.ravel().tolist()) for plane in planes(target, width, height)] == [{10}, {20}, {30}]


def test_without_the_libraries_it_says_what_to_install() -> None:
    if find_spec("libcamera") is not None:
        pytest.skip("libcamera is here, as on a Raspberry Pi; this is about machines without it")
    with pytest.raises(SensorLibraryMissing) as caught:
        open_camera("picamera2:0")
    assert "install" in caught.value.hint
    assert caught.value.exit_code == 3


PROGRAM = """
import json, sys, threading
from pathlib import Path
from device_agent.sensors import open_camera
from device_agent.sensors.reported_settings import settings_of
from device_agent.sensors.simulated.room import SimulatedRoom
from tests.device_agent.sensors.helpers import Collector, drawn_photos

room = SimulatedRoom(seed=3, fetch=drawn_photos(Path(sys.argv[1])))
camera = open_camera("picamera2:simulated", room=room)
before_first = settings_of(camera)
from device_agent.sensors.simulated import libcamera_stand_in

def collect(count):
    frames = Collector(lambda f: [f.index, f.stamp_us, list(f.main.shape), list(f.lores.shape), float(f.main.std()),
                                  float(f.lores.std())])
    camera.start(frames.deliver, frames.failed)
    return frames, frames.wait(count)

first, rows = collect(20)
before = camera.dropped
libcamera_stand_in.camera().lose(4)
rows = first.wait(len(first.items) + 10)
lost = camera.dropped - before
camera.stop()
settings = settings_of(camera)
second, more = collect(5)
libcamera_stand_in.camera().stalled = True
failure = second.wait_for_failure()
camera.close()
print(json.dumps({"rows": rows, "lost": lost, "more": more, "failure": failure.code, "said": failure.message,
                  "settings": settings, "before_first": before_first}))
"""


def test_the_real_picamera2_over_the_stand_in(tmp_path: Path) -> None:
    if find_spec("picamera2") is None:
        pytest.skip("picamera2 is not here: run make system, then make device")
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path)],
        cwd=root, capture_output=True, timeout=120, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["rows"][0][2:4] == [[1080, 1280], [540, 640]]
    assert min(row[4] for row in told["rows"]) > 10
    assert min(row[5] for row in told["rows"]) > 10
    assert told["lost"] >= 4
    indexes = [row[0] for row in told["rows"]]
    assert indexes == sorted(set(indexes))
    assert told["more"][0][0] > indexes[-1]
    assert set(told["before_first"]) == {"sensor_model", "wanted_frame_rate"}
    assert told["settings"] == told["before_first"] | {
        "exposure_us": 20_000, "analogue_gain": 2.0, "colour_gains": [1.5, 2.25], "lens_position": 1.0, "lux": 300.0,
        "scaler_crop": [0, 0, 4608, 2592], "frame_us": 40_000,
    }  # fmt: skip
    assert (told["failure"], told["said"]) == ("sensor-lost", "Camera picamera2:simulated stopped giving pictures.")
