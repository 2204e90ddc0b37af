"""Files as sensors: their own times, their end, what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from device_agent.sensors import files, open_camera, open_microphone
from device_agent.sensors.base import (
    MAX_FRAMES_IN_USE,
    AudioBlock,
    Frame,
    SensorFileMissing,
    SensorFileUnusable,
    SensorSpecUnknown,
)
from tests import needs
from tests.device_agent.sensors.helpers import Collector, running, write_film
from tests.support.recordings import wav

UNEVEN_US = [0, 40_000, 100_000, 120_000, 200_000]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However late this machine is, no frame is let go."""
    monkeypatch.setattr(files, "MAX_LATE_US", 3_600_000_000)


@pytest.mark.usefixtures("patient")
def test_a_video_plays_at_its_own_uneven_times_and_goes_on_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "uneven.mkv"
    write_film(path, UNEVEN_US)
    camera = open_camera(str(path))
    assert camera is not None
    assert (camera.width, camera.height, camera.lores_width, camera.lores_height) == (320, 240, 320, 240)
    seen: Collector[Frame] = Collector(lambda frame: (frame.index, frame.stamp_us, int(frame.main[100, 100])))
    with running(camera, seen):
        rows = seen.wait(13)
    assert camera.dropped == 0
    assert [row[0] for row in rows] == list(range(len(rows)))
    steps = np.diff([row[1] for row in rows[:13]]).tolist()
    # 40 ms, the file's frame time, lies between the last frame of one round and the first of the next.
    around = round(1_000_000 / camera.frame_rate)
    assert steps == [40_000, 60_000, 20_000, 80_000, around, 40_000, 60_000, 20_000, 80_000, around, 40_000, 60_000]
    greys = [row[2] for row in rows[:10]]
    assert greys[:5] == greys[5:]
    assert sorted(set(greys[:5])) == greys[:5]


def test_a_large_video_is_made_smaller_and_odd_sizes_even(tmp_path: Path) -> None:
    path = tmp_path / "large.mkv"
    write_film(path, [0, 40_000], width=1600, height=1200)
    camera = open_camera(str(path))
    assert camera is not None
    assert (camera.width, camera.height) == (960, 720)
    seen: Collector[Frame] = Collector(lambda frame: (frame.main.shape, frame.lores.shape))
    with running(camera, seen):
        assert seen.wait(3)[0] == ((1080, 960), (540, 480))


def test_a_consumer_that_keeps_everything_costs_counted_drops_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "many.mkv"
    write_film(path, [number * 10_000 for number in range(40)], width=64, height=48, rate=100)
    camera = open_camera(str(path))
    assert camera is not None
    kept: Collector[Frame] = Collector()
    with running(camera, kept):
        frames = kept.wait(MAX_FRAMES_IN_USE)
        later: Collector[Frame] = Collector()
        while camera.dropped < 5:
            assert kept.failure is None
            later.wait(0)
    assert len(kept.items) == MAX_FRAMES_IN_USE
    assert camera.dropped >= 5
    assert len({frame.main.ctypes.data for frame in frames}) == MAX_FRAMES_IN_USE


def test_a_sound_file_comes_in_exact_samples_without_a_gap_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "ramp.wav"
    ramp = (np.arange(2600) * 11 % 30_000 - 15_000).astype(np.int16)
    path.write_bytes(wav(ramp, 16_000))
    microphone = open_microphone(str(path))
    assert microphone is not None
    heard: Collector[AudioBlock] = Collector()
    with running(microphone, heard):
        blocks = heard.wait(8)
    samples = np.concatenate([block.samples[:, 0] for block in blocks])
    assert (samples == np.resize(ramp, len(samples))).all()
    assert [block.first_sample for block in blocks] == [800 * number for number in range(len(blocks))]
    assert np.diff([block.stamp_us for block in blocks]).tolist() == [50_000] * (len(blocks) - 1)
    assert not any(block.overflow for block in blocks)


def test_other_rates_and_channels_become_16_khz_mono(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    tone = (12_000 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)).astype(np.int16)
    path.write_bytes(wav(np.stack([tone, tone], axis=1), 44_100))
    microphone = open_microphone(str(path))
    assert microphone is not None
    assert (microphone.sample_rate, microphone.channels) == (16_000, 1)
    heard: Collector[AudioBlock] = Collector(lambda block: block.samples[:, 0])
    with running(microphone, heard):
        samples = np.concatenate(heard.wait(10))[:8000]
    spectrum = np.abs(np.fft.rfft(samples))
    assert abs(int(spectrum.argmax()) * 16_000 / 8000 - 440) <= 2


@pytest.mark.usefixtures("patient")
def test_a_stopped_sensor_starts_again_and_its_counters_go_on(tmp_path: Path) -> None:
    path = tmp_path / "video.mkv"
    write_film(path, UNEVEN_US)
    camera = open_camera(str(path))
    assert camera is not None
    first: Collector[Frame] = Collector(lambda frame: (frame.index, frame.stamp_us))
    with running(camera, first):
        first.wait(3)
    camera.stop()
    again: Collector[Frame] = Collector(lambda frame: (frame.index, frame.stamp_us))
    with running(camera, again):
        again.wait(3)
    rows = first.items + again.items
    assert [row[0] for row in rows] == list(range(len(rows)))
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)


def test_a_file_that_goes_away_between_the_look_and_the_opening_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "video.mkv"
    write_film(path, [0, 20_000])
    opens = av.open

    def open_late(name: str) -> Any:
        path.unlink()
        return opens(name)

    monkeypatch.setattr(av, "open", open_late)
    with pytest.raises(SensorFileMissing, match="There is no file"):
        files.check_file(path, "video")


def test_a_file_that_goes_away_while_it_plays_is_one_failure(tmp_path: Path) -> None:
    path = tmp_path / "video.mkv"
    write_film(path, [0, 20_000])
    camera = open_camera(str(path))
    assert camera is not None
    seen: Collector[Frame] = Collector(lambda frame: frame.index)
    with running(camera, seen):
        seen.wait(2)
        path.unlink()
        failure = seen.wait_for_failure()
    assert isinstance(failure, SensorFileMissing)


def test_a_cut_off_video_plays_up_to_the_cut(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    write_film(whole, [number * 40_000 for number in range(30)])
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    camera = open_camera(str(cut))
    assert camera is not None
    seen: Collector[Frame] = Collector(lambda frame: frame.index)
    with running(camera, seen):
        assert len(seen.wait(5)) >= 5


BAD = [
    ("none.mp4", None, SensorFileMissing, "There is no file"),
    ("empty.mp4", b"", SensorFileUnusable, "is empty (0 bytes)"),
    ("notes.txt", b"just some words\n" * 20, SensorFileUnusable, "is not a"),
    ("noise.mp4", bytes(range(256)) * 40, SensorFileUnusable, "is not a"),
    ("model.onnx", b"\x08\x07\x12\x07pytorch" * 30, SensorFileUnusable, "is not a"),
]


@pytest.mark.parametrize(("name", "content", "kind", "said"), BAD)
@pytest.mark.parametrize("opened", [open_camera, open_microphone])
def test_a_bad_file_is_one_sentence(
    tmp_path: Path, opened: object, name: str, content: bytes | None, kind: type, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(kind) as caught:
        opened(str(path))  # type: ignore[operator]
    assert said in caught.value.message
    assert name in caught.value.message
    assert "\n" not in str(caught.value)


def test_sound_is_not_a_video_and_a_video_may_have_no_sound(tmp_path: Path) -> None:
    sound, video = tmp_path / "a.wav", tmp_path / "a.mkv"
    sound.write_bytes(wav(np.zeros(1000, np.int16), 16_000))
    write_film(video, [0, 40_000])
    with pytest.raises(SensorFileUnusable, match="has no video in it"):
        open_camera(str(sound))
    with pytest.raises(SensorFileUnusable, match="has no sound in it"):
        open_microphone(str(video))
    with pytest.raises(SensorFileUnusable, match="is a folder"):
        open_camera(str(tmp_path))


@pytest.mark.parametrize("spec", ["", "simulatd", "usb:0", "opencv", "opencv:", "camera"])
def test_an_unknown_kind_is_one_sentence(spec: str) -> None:
    with pytest.raises(SensorSpecUnknown) as caught:
        open_camera(spec)
    assert caught.value.exit_code == 2
    assert "opencv:0" in caught.value.hint


def test_none_is_no_sensor() -> None:
    assert open_camera("none") is None
    assert open_microphone("none") is None


def test_real_files() -> None:
    camera = open_camera(str(needs.testdata("media/one-by-one-person-detection.mp4")))
    microphone = open_microphone(str(needs.testdata("media/silero_test_speech.wav")))
    assert camera is not None
    assert microphone is not None
    seen: Collector[Frame] = Collector(lambda frame: (frame.stamp_us, frame.main.shape, float(frame.lores.std())))
    heard: Collector[AudioBlock] = Collector(lambda block: block.samples.copy())
    with running(camera, seen), running(microphone, heard):
        rows, sounds = seen.wait(10), heard.wait(20)
    assert rows[0][1] == (camera.height * 3 // 2, camera.width)
    assert rows[0][2] > 5
    assert np.abs(np.concatenate(sounds)).max() > 500
