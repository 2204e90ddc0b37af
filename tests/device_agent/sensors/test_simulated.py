"""The simulated room: what camera and microphone take is what the truth says, and every frame is accounted for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_agent.sensors import open_camera, open_microphone
from device_agent.sensors.base import AudioBlock, Frame, SensorLibraryMissing
from device_agent.sensors.pictures import planes
from device_agent.sensors.simulated import acts
from device_agent.sensors.simulated.photos import PERSON, PhotoUnusable, cut_out
from device_agent.sensors.simulated.room import SimulatedRoom
from device_agent.sensors.simulated.speech import SpeechFailed, has_speech, synthesise
from prelabel.models.catalogue import available, fetch
from tests.device_agent.sensors.helpers import Collector, drawn_photos, running
from tests.needs import need, need_program

SECOND = 1_000_000


class Clock:
    """A hand-set clock for a room."""

    def __init__(self) -> None:
        self.now_us = 100 * SECOND

    def __call__(self) -> int:
        return self.now_us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def still_room(tmp_path: Path, cache: Path, clock: Clock) -> SimulatedRoom:
    return SimulatedRoom(seed=3, width=640, height=360, fetch=drawn_photos(tmp_path), now=clock)


def picture(room: SimulatedRoom, at_us: int) -> np.ndarray:
    """The picture of a moment with the noise of frame 0: BGR (height, width, 3) int."""
    flat = np.zeros((room.height * 3 // 2, room.width), np.uint8)
    room.compose(at_us, 0, planes(flat, room.width, room.height))
    return cv2.cvtColor(flat, cv2.COLOR_YUV2BGR_I420).astype(int)


# ------------------------------------------------------------------ the acts, pure
def test_a_walk_goes_from_one_side_out_at_the_other_and_comes_back_to_stand() -> None:
    walk = acts.next_walk((), 0, 8)
    assert walk.to_right
    assert walk.end_us < 8 * SECOND
    before = acts.person_place((walk,), walk.start_us - 1)
    assert round(before.x, 1) == 0.3
    assert acts.person_place((walk,), walk.end_us).x >= 1 + acts.OUTSIDE - 0.01
    after = acts.person_place((walk,), walk.back_us + 1)
    assert after.x == pytest.approx(acts.RIGHT, abs=0.01)
    back = acts.next_walk((walk,), walk.end_us, 8)
    assert not back.to_right
    assert back.start_us == walk.back_us


@given(st.lists(st.floats(1, 12), min_size=1, max_size=4), st.integers(0, 40 * SECOND))
def test_nobody_jumps(lengths: list[float], at: int) -> None:
    walks: tuple[acts.Walk, ...] = ()
    for length in lengths:
        walks += (acts.next_walk(walks, 0, length),)
    here, next_frame = acts.person_place(walks, at), acts.person_place(walks, at + 40_000)
    assert abs(next_frame.x - here.x) < 0.06
    assert abs(next_frame.lift - here.lift) < 0.02


def test_sentences_follow_each_other() -> None:
    samples = np.zeros(16_000, np.float32)
    first = acts.next_say((), 0, "a", samples, 16_000)
    second = acts.next_say((first,), 0, "b", samples, 16_000)
    assert (first.start_us, first.end_us) == (400_000, 1_400_000)
    assert second.start_us == first.end_us + acts.BREATH_US


# ------------------------------------------------------------------ picture and truth
def test_the_truth_of_a_walk_is_where_the_picture_changes(still_room: SimulatedRoom, clock: Clock) -> None:
    standing_truth = still_room.boxes_at(clock.now_us)["person"]
    walk = still_room.walk(6)
    gone_us = walk.end_us + acts.AWAY_US // 2
    assert "person" not in still_room.boxes_at(gone_us)
    empty = picture(still_room, gone_us)
    for at in range(walk.start_us, walk.end_us, 700_000):
        boxes = still_room.boxes_at(at)
        if "person" not in boxes:
            continue
        x, y, width, height = boxes["person"]
        changed = np.abs(picture(still_room, at) - empty).sum(axis=2) > 90
        columns, rows = np.flatnonzero(changed.any(axis=0)), np.flatnonzero(changed.any(axis=1))
        # The helmet, right of the body, is in the picture and not of the person; the left and upper edges are exact.
        assert abs(columns[0] - x) <= 12
        assert columns[-1] >= min(x + width, still_room.width) - 14
        if "face" in boxes:
            assert abs(rows[0] - y) <= 14
        assert abs(rows[-1] + 1 - (y + height)) <= 4
    assert standing_truth[0] > 0


def test_a_cup_held_up_is_where_the_truth_says_and_goes_away_again(still_room: SimulatedRoom, clock: Clock) -> None:
    act = still_room.hold_up("bottle", 4)
    assert act.thing == "cup"
    up, gone = act.start_us + 2 * SECOND, act.end_us + SECOND
    x, y, width, height = still_room.boxes_at(up)["cup"]
    assert width > 0.12 * still_room.width
    assert "cup" not in still_room.boxes_at(gone)
    middle = np.s_[int(y + height / 3) : int(y + height * 2 / 3), int(x + width / 3) : int(x + width * 2 / 3)]
    assert np.abs(picture(still_room, up)[middle] - picture(still_room, gone)[middle]).mean() > 40


def test_the_same_seed_is_the_same_room_and_noise_differs_by_frame(tmp_path: Path, cache: Path, clock: Clock) -> None:
    rooms = [
        SimulatedRoom(seed=seed, width=320, height=180, fetch=drawn_photos(tmp_path), now=clock) for seed in (5, 5, 6)
    ]
    first, again, other = (picture(room, clock.now_us) for room in rooms)
    assert (first == again).all()
    assert (first != other).any()
    frames = np.zeros((2, 270, 320), np.uint8)
    for number, flat in enumerate(frames):
        rooms[0].compose(clock.now_us, number, planes(flat, 320, 180))
    assert (frames[0, :180] != frames[1, :180]).mean() > 0.3
    assert (frames[0, 180:] == frames[1, 180:]).all()


def test_truth_is_written_as_json_lines(still_room: SimulatedRoom, clock: Clock, tmp_path: Path) -> None:
    _ = still_room.scene
    still_room.walk(4)
    still_room.hold_up()
    still_room.note_seen(clock.now_us)
    clock.now_us += 10 * SECOND
    still_room.note_seen(clock.now_us)
    still_room.write_truth(tmp_path / "truth.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert {(row["kind"], row["label"]) for row in rows} == {
        ("walk", "person"), ("hold_up", "cup"), ("seen", "person"), ("seen", "face"),
    }  # fmt: skip
    walk = next(row for row in rows if row["kind"] == "walk")
    assert np.diff([box[0] for box in walk["boxes"]]).tolist() == [200_000] * (len(walk["boxes"]) - 1)
    assert walk["boxes"][-1][1] > walk["boxes"][0][1]


# ------------------------------------------------------------------ camera and microphone
def test_frames_are_numbered_and_stamped_evenly(room: SimulatedRoom) -> None:
    camera = open_camera("simulated", room=room)
    assert camera is not None
    seen: Collector[Frame] = Collector(lambda frame: (frame.index, frame.stamp_us, frame.main.shape, frame.lores.shape))
    with running(camera, seen):
        rows = seen.wait(50)
    # On an idle machine nothing is dropped; on any machine what is missing in the numbers has been counted.
    assert rows[-1][0] + 1 - len(rows) <= camera.dropped
    steps = np.diff([row[1] for row in rows]) / np.diff([row[0] for row in rows])
    assert np.abs(steps - 40_000).max() <= 1
    assert rows[0][2:] == ((270, 320), (270, 320))


def test_a_camera_held_up_counts_what_it_lets_go(room: SimulatedRoom) -> None:
    camera = open_camera("simulated", room=room)
    assert camera is not None
    kept: Collector[Frame] = Collector()
    with running(camera, kept):
        frames = kept.wait(16)
        while camera.dropped < 3:
            kept.wait(16)
        kept.items.clear()
        del frames
        more = kept.wait(3)
        last = more[-1].index
        counted = camera.dropped
    assert last + 1 >= 16 + 3 + 3
    assert counted >= 3


def test_speech_is_heard_when_the_truth_says_and_never_otherwise(room: SimulatedRoom) -> None:
    need(has_speech(), "espeak-ng is missing: sudo make system (or apt-get install espeak-ng)")
    microphone = open_microphone("simulated", room=room)
    assert microphone is not None
    heard: Collector[AudioBlock] = Collector(lambda block: (block.first_sample, block.stamp_us, block.samples[:, 0]))
    with running(microphone, heard):
        heard.wait(2)
        said = room.say("Hello kitchen, turn on the light.")
        count = len(heard.items) + 20 * (said.end_us - said.start_us) // SECOND + 30
        blocks = heard.wait(count)
    assert microphone.overruns == 0
    assert [block[0] for block in blocks] == [800 * number for number in range(len(blocks))]
    samples = np.concatenate([block[2] for block in blocks]).astype(float) / 32768
    at = blocks[0][1] + np.arange(len(samples)) * SECOND / 16_000
    during = (at >= said.start_us) & (at < said.end_us)
    assert 1 * SECOND < said.end_us - said.start_us < 4 * SECOND
    assert np.sqrt(np.mean(samples[during] ** 2)) > 0.03
    quiet = np.sqrt(np.mean(samples[~during] ** 2))
    assert 0.0003 < quiet < 0.004
    assert np.abs(samples[~during]).max() < 0.02
    (row,) = [row for row in room.truth if row.kind == "say"]
    assert (row.text, row.start_us, row.end_us) == (said.text, said.start_us, said.end_us)


# ------------------------------------------------------------------ the voice
def test_the_library_speaks_when_the_program_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    data = synthesise("Hello kitchen.", "en-GB")
    assert data[:4] == b"RIFF"
    assert len(data) > 20_000


def test_the_process_of_the_library_speaks_and_refuses_an_unknown_voice() -> None:
    command = [sys.executable, "-m", "device_agent.sensors.simulated.speech"]
    good = subprocess.run([*command, "de"], input=b"Guten Tag.", capture_output=True, timeout=60, check=False)
    assert (good.returncode, good.stdout[:4]) == (0, b"RIFF")
    bad = subprocess.run([*command, "xx-yy"], input=b"x", capture_output=True, timeout=60, check=False)
    assert (bad.returncode, bad.stdout) == (1, b"")


def test_an_unknown_language_is_spoken_in_english() -> None:
    need_program("espeak-ng", "espeak-ng")
    assert synthesise("Hello.", "xx-Zzzz") == synthesise("Hello.", "en")


def test_no_voice_at_all_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: SimulatedRoom) -> None:
    program = tmp_path / "bin" / "espeak-ng"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho broken data >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/bin")
    with pytest.raises(SpeechFailed, match="broken data"):
        room.say("Hello.")
    assert issubclass(SpeechFailed, SensorLibraryMissing)


# ------------------------------------------------------------------ the photographs
def test_the_matte_is_computed_once_and_kept(tmp_path: Path) -> None:
    path = drawn_photos(tmp_path)("photo-person")
    first = cut_out(path, PERSON, cache=tmp_path / "mattes")
    (kept,) = (tmp_path / "mattes").iterdir()
    stamp = kept.stat().st_mtime_ns
    again = cut_out(path, PERSON, cache=tmp_path / "mattes")
    assert (first.matte == again.matte).all()
    assert kept.stat().st_mtime_ns == stamp
    kept.write_bytes(b"damaged")
    assert (cut_out(path, PERSON, cache=tmp_path / "mattes").matte == first.matte).all()


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert cut_out(drawn_photos(tmp_path)("photo-cup"), PERSON, cache=tmp_path / "file").matte.max() == 255


def test_a_photo_that_is_no_picture_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_text("no picture")
    with pytest.raises(PhotoUnusable, match="is not a picture"):
        cut_out(tmp_path / "photo.png", PERSON, cache=tmp_path)


def test_the_real_photographs_are_cut_out_well() -> None:
    need(available("photo-person"), "the photographs are not here: gleaner prelabel pull photo-person photo-cup")
    matte = cut_out(fetch("photo-person"), PERSON).matte
    there = matte > 127
    assert 0.35 < there.mean() < 0.60
    assert there[100, 225]  # the face
    assert there[300, 200]  # the suit
    assert not there[200, 50]  # the flag
    assert not there[150, 420]  # the model of the shuttle
