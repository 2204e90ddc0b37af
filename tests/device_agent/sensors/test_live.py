"""Cameras over a real network stream, microphones over a real sound server."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from device_agent.sensors import open_camera, open_microphone
from device_agent.sensors.base import Frame, SensorLibraryMissing, SensorLost, SensorMissing
from device_agent.sensors.reported_settings import settings_of
from prelabel.media.opencv_log import silence_opencv
from tests.device_agent.sensors.helpers import Collector, running
from tests.needs import need, need_program


# ------------------------------------------------------------------ opencv
class MotionJpeg(http.server.BaseHTTPRequestHandler):
    """A camera as network cameras are: parts of JPEG, one every 50 ms; after `limit` parts it keeps silent."""

    limit = 10_000
    silent_at = -1  # before this part it sends nothing for a while
    over = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(self.limit):
            if number == self.silent_at and self.over.wait(1.5):
                return
            grey = np.full((480, 640, 3), 60 + number % 100, np.uint8)
            data = cv2.imencode(".jpg", grey)[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            try:
                self.wfile.write(head + data + b"\r\n")
            except OSError:
                return
            if self.over.wait(0.05):
                return
        self.over.wait(30)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def network_camera() -> Iterator[tuple[str, type[MotionJpeg]]]:
    handler = type("Handler", (MotionJpeg,), {"over": threading.Event()})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/stream.mjpg", handler
    handler.over.set()
    server.shutdown()
    server.server_close()


def test_a_network_camera_gives_frames_and_starts_again(network_camera: tuple[str, type[MotionJpeg]]) -> None:
    camera = open_camera(f"opencv:{network_camera[0]}")
    assert camera is not None
    assert (camera.width, camera.height, camera.lores_width) == (640, 480, 480)
    settings = settings_of(camera)
    assert settings is not None and (settings["backend"], settings["width"], settings["height"]) == ("FFMPEG", 640, 480)
    assert set(settings) == {"backend", "fourcc", "width", "height", "frame_rate"}
    for _ in range(2):
        seen: Collector[Frame] = Collector(lambda frame: (frame.stamp_us, frame.main.shape, frame.lores.shape))
        with running(camera, seen):
            rows = seen.wait(5)
        assert rows[0][1:] == ((720, 640), (540, 480))
        assert [row[0] for row in rows] == sorted({row[0] for row in rows})
    assert camera.dropped == 0


def test_what_a_network_camera_does_not_send_is_counted(network_camera: tuple[str, type[MotionJpeg]]) -> None:
    network_camera[1].silent_at = 60
    camera = open_camera(f"opencv:{network_camera[0]}")
    assert camera is not None
    seen: Collector[tuple[int, int]] = Collector(lambda frame: (frame.index, frame.stamp_us))
    with running(camera, seen):
        rows = seen.wait(70)
        while not camera.dropped:
            rows = seen.wait(len(rows) + 1)
    assert camera.dropped >= 10
    assert max(after[0] - before[0] for before, after in pairwise(rows)) > 10, "a gap in the numbers is a dropped frame"


def test_a_network_camera_that_falls_silent_is_one_failure(network_camera: tuple[str, type[MotionJpeg]]) -> None:
    network_camera[1].limit = 40
    camera = open_camera(f"opencv:{network_camera[0]}")
    assert camera is not None
    seen: Collector[Frame] = Collector(lambda frame: frame.index)
    with running(camera, seen):
        failure = seen.wait_for_failure()
    assert isinstance(failure, SensorLost)
    assert "stopped giving pictures" in failure.message


def test_opening_a_camera_leaves_opencv_silent() -> None:
    """Its log level belongs to the process: what opens cameras must not turn it up for what reads pictures."""
    silence_opencv()
    with pytest.raises(SensorMissing):
        open_camera("opencv:77")
    assert cv2.utils.logging.getLogLevel() == cv2.utils.logging.LOG_LEVEL_SILENT


def test_cameras_that_are_not_there_are_one_sentence_each() -> None:
    with pytest.raises(SensorMissing, match="There is no camera 77"):
        open_camera("opencv:77")
    with pytest.raises(SensorMissing) as caught:
        open_camera("opencv:http://me:secret@127.0.0.1:9/stream")
    assert "does not answer" in caught.value.message
    assert "secret" not in str(caught.value)
    assert caught.value.exit_code == 3


# ------------------------------------------------------------------ sounddevice
@pytest.fixture(scope="module")
def sound_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A PulseAudio of its own with a null sink `mic`, whose monitor is the default ALSA input."""
    for program, package in (("pulseaudio", "pulseaudio"), ("pacat", "pulseaudio-utils")):
        need_program(program, package)
    plugins = list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so"))
    need(plugins, "the ALSA plug-in of PulseAudio is missing: apt-get install libasound2-plugins")
    home = tmp_path_factory.mktemp("sound")
    home.chmod(0o700)
    (home / "pa.pa").write_text(
        "load-module module-native-protocol-unix\n"
        "load-module module-null-sink sink_name=mic rate=16000 channels=1 format=s16le\n"
    )
    (home / ".asoundrc").write_text(
        'pcm.wavmic { type pulse device "mic.monitor" }\npcm.!default { type pulse device "mic.monitor" }\n'
        "ctl.!default { type pulse }\n"
    )
    environment = {**os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
    environment.pop("PULSE_SERVER", None)
    command = [
        "pulseaudio",
        "-n",
        "-F",
        str(home / "pa.pa"),
        "--daemonize=no",
        "--exit-idle-time=-1",
        "--disallow-exit",
        # As root it would take real-time priority; a null sink that falls behind then starves the whole machine.
        "--realtime=no",
        "--high-priority=no",
    ]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    socket = home / "pulse" / "native"
    deadline = time.monotonic() + 20
    while not socket.exists() and server.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    need(socket.exists(), f"PulseAudio did not start: {(home / 'log').read_text(errors='replace')[-300:]}")
    yield environment
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(10)


LISTEN = """
import json, sys, threading
from device_agent.sensors import open_microphone
from device_agent.sensors.reported_settings import settings_of
microphone = open_microphone(sys.argv[1])
blocks, enough = [], threading.Event()
def deliver(block):
    blocks.append(block)
    if sum(int((b.samples > 0).sum()) for b in blocks) >= int(sys.argv[2]):
        enough.set()
def failed(error):
    print(error, file=sys.stderr)
    enough.set()
microphone.start(deliver, failed)
print("ready", flush=True)
enough.wait(60)
microphone.stop()
samples = [int(v) for block in blocks for v in block.samples[:, 0]]
print(json.dumps({"settings": settings_of(microphone),
    "name": microphone.name, "rate": microphone.sample_rate, "channels": microphone.channels,
    "overruns": microphone.overruns, "first": [b.first_sample for b in blocks], "stamps": [b.stamp_us for b in blocks],
    "sizes": [len(b.samples) for b in blocks], "samples": samples}))
"""


def test_a_microphone_hears_every_sample_of_a_ramp(sound_server: dict[str, str], tmp_path: Path) -> None:
    import json

    # PortAudio reads the machine's devices once a process, so the listener is a process of its own.
    program = tmp_path / "listen.py"
    program.write_text(textwrap.dedent(LISTEN))
    root = str(Path(__file__).resolve().parents[3])
    environment = {**sound_server, "PYTHONPATH": root}
    listener = subprocess.Popen(
        [sys.executable, str(program), "sounddevice:wavmic", "24000"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert listener.stdout is not None
        ready = listener.stdout.readline()
        assert ready.strip() == b"ready", listener.stderr.read() if listener.stderr else b""
        ramp = (np.arange(16_000 * 4) % 20_000 + 1).astype("<i2")
        feeder = subprocess.Popen(
            ["pacat", "--playback", "-d", "mic", "--format=s16le", "--rate=16000", "--channels=1"],
            env=sound_server, stdin=subprocess.PIPE,
        )  # fmt: skip
        feeder.communicate(ramp.tobytes(), timeout=60)
        out, err = listener.communicate(timeout=90)
    finally:
        if listener.poll() is None:
            listener.kill()
    told = json.loads(out)
    assert (told["rate"], told["channels"], told["overruns"]) == (16_000, 1, 0), err
    settings = told["settings"]
    assert (settings["sample_rate"], settings["channels"], settings["block_samples"]) == (16_000, 1, 800)
    assert settings["host_api"] and settings["device"] in told["name"] and settings["latency_s"] > 0
    assert told["first"] == np.concatenate([[0], np.cumsum(told["sizes"])[:-1]]).tolist()
    assert told["stamps"] == sorted(set(told["stamps"]))
    samples = np.array(told["samples"])
    heard = samples[samples > 0]
    assert len(heard) > 16_000
    start = int(np.flatnonzero(samples > 0)[0])
    run = samples[start : start + 16_000]
    assert (np.diff(run) % 20_000 == 1).all(), "samples are missing or doubled"


def test_a_microphone_that_is_not_there_is_one_sentence(sound_server: dict[str, str]) -> None:
    code = textwrap.dedent(
        """
        from device_agent.sensors import open_microphone
        from wire.errors import GleanerError
        try:
            open_microphone("sounddevice:no such thing")
        except GleanerError as error:
            print(error.code, error)
        """
    )
    root = str(Path(__file__).resolve().parents[3])
    done = subprocess.run(
        [sys.executable, "-c", code], env={**sound_server, "PYTHONPATH": root}, capture_output=True, timeout=60,
        check=True, text=True,
    )  # fmt: skip
    assert done.stdout.startswith("sensor-missing There is no microphone no such thing. Microphones here:")


def test_a_machine_without_portaudio_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The real package raises OSError at import when the library is not there; so does this one.
    (tmp_path / "sounddevice.py").write_text('raise OSError("PortAudio library not found")\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(SensorLibraryMissing) as caught:
        open_microphone("sounddevice:default")
    assert "apt-get install libportaudio2" in caught.value.hint
    assert caught.value.exit_code == 3
