"""Picture and sound of one file, played by two sensors: flash and beep stay as far apart as they are in the file."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from device_agent.sensors import files, open_camera, open_microphone
from device_agent.sensors.base import AudioBlock
from tests.device_agent.sensors.helpers import Collector, running

RATE, FPS = 48_000, 25
FLASH_AT, SECONDS = 0.6, 1.2  # of each stream of a clip, counted from its own beginning
ROUNDS = 3


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However late this machine is, no frame is let go."""
    monkeypatch.setattr(files, "MAX_LATE_US", 3_600_000_000)


def write_clip(path: Path, codec: str, *, picture_later: float = 0.0, sound_seconds: float = SECONDS) -> None:
    """A flash in the picture and a beep in the sound, at the same time unless the picture begins later."""
    sound = np.zeros(round(RATE * sound_seconds), np.int16)
    sound[round(FLASH_AT * RATE) :][:4800] = 16_000 * np.sign(np.sin(np.arange(4800) * 0.2))
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.time_base = video.time_base = Fraction(1, 90_000)
        audio = container.add_stream(codec, rate=RATE, layout="mono")
        for number in range(round(SECONDS * FPS)):
            lit = 0 <= number - round(FLASH_AT * FPS) < 3
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 230 if lit else 30, np.uint8), format="bgr24")
            picture.pts, picture.time_base = round((number / FPS + picture_later) * 90_000), Fraction(1, 90_000)
            container.mux(video.encode(picture))
        container.mux(video.encode())
        for start in range(0, len(sound), 1024):
            block = av.AudioFrame.from_ndarray(sound[start : start + 1024].reshape(1, -1), format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = RATE, start, Fraction(1, RATE)
            container.mux(audio.encode(block))
        container.mux(audio.encode())


def played(path: Path, *, sound_first: bool, late: int) -> tuple[list[int], list[int]]:
    """Device times of the flashes and of the beeps. `late`: how much the first sensor has given before the second."""
    camera, microphone = open_camera(str(path)), open_microphone(str(path))
    assert camera is not None and microphone is not None
    flashes: Collector[tuple[int, bool]] = Collector(lambda frame: (frame.stamp_us, int(frame.main[20, 20]) > 120))
    blocks: Collector[AudioBlock] = Collector()
    with contextlib.ExitStack() as both:
        order = [(camera, flashes), (microphone, blocks)]
        for sensor, collector in reversed(order) if sound_first else order:
            both.enter_context(running(sensor, collector))  # type: ignore[arg-type]
            collector.wait(late)
        seconds = ROUNDS * (SECONDS + 0.6)
        frames = flashes.wait(round(seconds * FPS))
        heard = blocks.wait(round(seconds * 20))
    return rises([lit for _, lit in frames], [at for at, _ in frames]), beeps(heard)


def rises(loud: list[bool], at: list[int]) -> list[int]:
    return [at[index] for index in range(1, len(loud)) if loud[index] and not loud[index - 1]]


def beeps(blocks: list[AudioBlock]) -> list[int]:
    found: list[int] = []
    for block in blocks:
        loud = np.flatnonzero(np.abs(block.samples[:, 0]) > 6000)
        if len(loud):
            at = block.stamp_us + int(loud[0]) * 1_000_000 // 16_000
            if not found or at - found[-1] > 300_000:
                found.append(at)
    return found


@pytest.mark.parametrize(
    ("name", "codec", "later", "sound", "tolerance_us", "sound_first"),
    [
        ("clip.mkv", "pcm_s16le", 0.0, SECONDS, 3_000, False),
        ("clip.mp4", "aac", 0.0, SECONDS, 8_000, True),
        ("later.mkv", "pcm_s16le", 0.52, SECONDS, 3_000, True),
        ("short.mkv", "pcm_s16le", 0.0, 0.8, 3_000, False),
        ("long.mkv", "pcm_s16le", 0.0, 1.75, 3_000, True),
    ],
)
def test_flash_and_beep_stay_together_over_every_round(
    tmp_path: Path, name: str, codec: str, later: float, sound: float, tolerance_us: int, sound_first: bool
) -> None:
    path = tmp_path / name
    write_clip(path, codec, picture_later=later, sound_seconds=sound)
    flashes, heard = played(path, sound_first=sound_first, late=5)
    apart = [min((flash - beep for beep in heard), key=lambda apart: abs(apart - later * 1e6)) for flash in flashes]
    assert len(flashes) >= 2 and len(heard) >= 2
    assert max(abs(one - later * 1_000_000) for one in apart[:-1]) <= tolerance_us, apart


def test_the_picture_stands_still_while_the_sound_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "long.mkv"
    write_clip(path, "pcm_s16le", sound_seconds=2.4)
    camera = open_camera(str(path))
    assert camera is not None
    seen: Collector[int] = Collector(lambda frame: frame.stamp_us)
    with running(camera, seen):
        stamps = seen.wait(round(1.5 * 2.4 * FPS))
    assert np.diff(stamps).max() <= 61_000
