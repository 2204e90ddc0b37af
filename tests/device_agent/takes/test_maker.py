"""Takes over a real spool: what is closed is whole, what is torn stays, a full disk and a slow encoder are told."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from device_agent.labelling.labeller import ModelFailed
from device_agent.labelling.models import Models
from device_agent.sensors.base import Frame, SensorLost
from device_agent.sensors.clock import monotonic_us
from device_agent.spool.space import SpoolFull
from device_agent.spool.spool import MIN_START_BYTES
from device_agent.takes.media import NoPicture, NoSound
from device_agent.takes.streams import MAX_QUEUED_FRAMES, TakeInterrupted, level_dbfs
from tests.support.take_bench import Bench
from tests.support.waiting import until
from wire.capture import DeviceFacts, Medium
from wire.errors import GleanerError
from wire.labels import LabelsDocument, Text


def test_a_take_of_three_media(bench: Bench) -> None:
    record = bench.open("do", "video", "audio", "image")
    assert bench.journal == [record]
    for _ in range(MAX_QUEUED_FRAMES):
        bench.video.deliver(bench.camera.frame())
        bench.audio.deliver(bench.microphone.block())
    bench.maker.close(None)
    manifests = bench.manifests()
    assert {one.capture for one in record.captures} == {manifest.capture for manifest in manifests.values()}
    for manifest in manifests.values():
        assert manifest.complete and manifest.consent == "con-1" and manifest.take == record.take
        media = manifest.part("media")
        assert media is not None and (media.sealed_sha256, media.sealed_bytes) == (manifest.sha256, manifest.bytes)
    assert manifests["video"].frames == MAX_QUEUED_FRAMES
    assert manifests["audio"].duration_us == MAX_QUEUED_FRAMES * 100_000
    assert bench.maker.totals.captures == 3


def test_a_still_without_a_picture_is_one_sentence_and_torn_for_good(bench: Bench) -> None:
    record = bench.open("show", "image")
    with pytest.raises(NoPicture, match="picture"):
        bench.maker.close(None)
    bench.maker.tear("no picture")
    assert bench.spool.state_of(record.captures[0].capture) == "dropped"


def test_a_stale_picture_is_no_still(bench: Bench) -> None:
    frame = bench.camera.frame()
    bench.video.deliver(Frame(frame.index, monotonic_us() - 2_000_000, frame.main, frame.lores))
    bench.open("show", "image")
    with pytest.raises(NoPicture):
        bench.maker.close(None)
    bench.maker.tear("no picture")


@pytest.mark.parametrize(("medium", "error"), [("video", NoPicture), ("audio", NoSound)])
def test_a_take_without_a_sample_is_not_closed(bench: Bench, medium: Medium, error: type[GleanerError]) -> None:
    record = bench.open("do", medium)
    with pytest.raises(error):
        bench.maker.close(None)
    bench.maker.tear("nothing came")
    assert bench.spool.state_of(record.captures[0].capture) == "dropped"


def test_a_lost_camera_is_started_again_for_the_next_take(bench: Bench) -> None:
    bench.video.sensor_failed(SensorLost("The camera stopped."))
    assert [type(error) for error in bench.troubles] == [SensorLost]
    bench.open("do", "video")
    assert bench.camera.started == 1
    bench.video.deliver(bench.camera.frame())
    bench.maker.close(None)
    assert bench.manifests()["video"].complete


FACTS = DeviceFacts(agent_version="0.1.0", board="a board", boot="boot-1")


@pytest.mark.parametrize("torn", [False, True])
def test_a_manifest_says_on_what_it_was_recorded(tmp_path: Path, torn: bool) -> None:
    """A torn one too: it is on the disk before the first frame. What a manifest cannot hold costs no recording."""
    bench = Bench(tmp_path, device_facts=FACTS)
    try:
        bench.video.deliver(bench.camera.frame())
        bench.open("do", "video", "audio", "text")
        bench.video.deliver(bench.camera.frame())
        bench.audio.deliver(bench.microphone.block())
        bench.maker.tear("paused") if torn else bench.maker.close("hello")
        found = bench.manifests()
        assert set(found) == ({"video", "audio"} if torn else {"video", "audio", "text"})
        assert {manifest.device_facts for manifest in found.values()} == {FACTS}
        told = {medium: manifest.sensor_settings for medium, manifest in found.items()}
        assert told.pop("video") == {"exposure_us": 10_000} and set(told.values()) == {None}
    finally:
        bench.close()


def test_a_device_that_knows_nothing_of_itself_writes_what_it_always_did(bench: Bench) -> None:
    bench.open("say", "audio")
    bench.audio.deliver(bench.microphone.block())
    bench.maker.close(None)
    body = bench.manifests()["audio"].to_json()
    assert body["schema"] == 1 and not {"device_facts", "sensor_settings"} & set(body)


class BrokenModel:
    """A detector whose network fails on every picture."""

    floor = 0.1

    def detect(self, image: np.ndarray, least: float | None = None, only: object = None) -> list[object]:
        raise ValueError("bad tensor")


def test_a_failing_model_costs_labels_and_nothing_else(bench: Bench) -> None:
    bench.labeller.models = Models(video=BrokenModel(), stills=(BrokenModel(),))  # type: ignore[arg-type]
    for attempt in (1, 2):
        bench.open("do", "video", "image", attempt=attempt)
        bench.video.deliver(bench.camera.frame())
        bench.maker.close(None)
    assert all(row.manifest is not None for row in bench.spool.pending())
    assert {type(error) for error in bench.mentions} == {ModelFailed}


def test_a_torn_take_keeps_what_was_recorded(bench: Bench) -> None:
    bench.open("do", "video", "audio")
    for _ in range(5):
        bench.video.deliver(bench.camera.frame())
        bench.audio.deliver(bench.microphone.block())
    bench.maker.tear("paused")
    for manifest in bench.manifests().values():
        assert not manifest.complete and manifest.sha256 is None
    # The next attempt is not disturbed by the one before.
    bench.open("do", "video", attempt=2)
    bench.video.deliver(bench.camera.frame())
    bench.maker.close(None)
    assert [row.header.attempt for row in bench.spool.pending()] == [1, 1, 2]


def test_a_slow_encoder_is_counted_drops_and_never_a_wait(bench: Bench) -> None:
    gate = threading.Event()
    bench.open("do", "video")
    recording = bench.video._recording
    assert recording is not None
    write = recording.recorder.write

    class Slow:
        def write(self, data: np.ndarray, stamp_us: int) -> object:
            gate.wait(10)
            return write(data, stamp_us)

        def close(self) -> object:
            return inner.close()

        def abandon(self) -> None:
            inner.abandon()

    inner = recording.recorder
    recording.recorder = Slow()  # type: ignore[assignment]
    for _ in range(MAX_QUEUED_FRAMES + 8):
        bench.video.deliver(bench.camera.frame())
    gate.set()
    bench.maker.close(None)
    manifest = bench.manifests()["video"]
    assert manifest.counts.frames_dropped > 0
    assert (manifest.frames or 0) + manifest.counts.frames_dropped == MAX_QUEUED_FRAMES + 8


def test_a_full_spool_is_told_once_and_keeps_the_take_before(tmp_path: Path) -> None:
    bench = Bench(tmp_path, quota_bytes=1_150_000)
    try:
        bench.open("say", "audio")
        bench.audio.deliver(bench.microphone.block())
        bench.maker.close(None)
        bench.open("do", "video", attempt=2)
        until = time.monotonic() + 60
        while not bench.troubles and time.monotonic() < until:
            bench.video.deliver(bench.camera.frame())
            time.sleep(0.002)
        with pytest.raises(GleanerError, match=r"(?i)disk|full|room"):
            bench.maker.close(None)
        bench.maker.tear("full")
        assert len(bench.troubles) == 1
        assert bench.spool.pending()[0].manifest is not None
    finally:
        bench.close()


def test_a_take_that_finds_room_for_its_first_capture_alone_leaves_none_open(tmp_path: Path) -> None:
    bench = Bench(tmp_path, quota_bytes=MIN_START_BYTES + 100)
    try:
        with pytest.raises(SpoolFull):
            bench.open("do", "video", "audio")
        bench.maker.tear("full")
        assert bench.spool.pending() == [] and not bench.video.recording
        assert [bench.spool.state_of(one.capture) for one in bench.journal[0].captures] == ["dropped", "unknown"]
    finally:
        bench.close()


def test_without_models_there_are_no_labels(bench: Bench) -> None:
    bench.open("say", "audio")
    bench.audio.deliver(bench.microphone.block())
    bench.maker.close(None)
    assert [part.name for part in bench.manifests()["audio"].parts] == ["media"]
    assert bench.labeller.label_still("cap-1", np.zeros((8, 8, 3), np.uint8), read=False) == []


@pytest.mark.parametrize(
    ("samples", "level"),
    [
        (np.zeros((10, 1), np.int16), -90.0),
        (np.zeros((0, 1), np.int16), -90.0),
        (np.full((9, 1), -32768, np.int16), 0.0),
    ],
)
def test_levels(samples: np.ndarray, level: float) -> None:
    assert level_dbfs(samples) == pytest.approx(level)


@pytest.mark.parametrize(("typed", "said"), [("Zwei Kaffee\r\nbitte", ["Zwei Kaffee\nbitte"]), ("  ", [])])
def test_a_typed_answer_is_a_label_of_the_script(bench: Bench, typed: str, said: list[str]) -> None:
    record = bench.open("answer", "text")
    bench.maker.close(typed)
    capture = record.captures[0].capture
    document = LabelsDocument.read(bench.spool.read(capture, "labels:greet", 0, 1 << 20))
    assert (document.capture, document.source.kind, document.source.name) == (capture, "script", "greet")
    assert [(label.text, label.language) for label in document.labels if isinstance(label, Text)] == [
        (text, "en-GB") for text in said
    ]
    assert dict(bench.maker.totals.prelabels).get("text", 0) == len(said)


@pytest.mark.parametrize(("behind_us", "kept"), [(0, True), (1_900_000, True), (2_100_000, False)])
def test_a_take_that_ran_to_its_limit_while_the_device_stood_still_does_not_count(
    bench: Bench, behind_us: int, kept: bool
) -> None:
    """As after SIGSTOP: the limit is long over when the process goes on, and nothing came for the last seconds."""
    bench.open("do", "video", "audio")
    bench.video.deliver(bench.camera.frame())
    bench.audio.deliver(bench.microphone.block())
    limits = []
    for recording in (bench.video._recording, bench.audio._recording):
        assert recording is not None and recording.last_us is not None
        limits.append(recording.last_us + behind_us)
        recording.until_us = limits[-1]
        recording.check_lasted(limits[-1] - 1)  # ended by a press: however little there is
    until(lambda: monotonic_us() > max(limits))
    if kept:
        bench.maker.close(None)
    else:
        with pytest.raises(TakeInterrupted):
            bench.maker.close(None)
