"""The uplink and the real collector: recorded media goes over once with equal hashes, whoever is killed."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from device_agent.record.audio import AudioRecorder
from device_agent.record.stills import recorded_still, still_format, still_from_bgr
from device_agent.record.text import recorded_text, text_bytes
from device_agent.record.video import VideoRecorder
from device_agent.spool.spool import Spool
from device_agent.uplink import pairing
from device_agent.uplink.client import CollectorClient
from device_agent.uplink.uplink import Uplink
from scripts import load
from tests.collector.running import Collector
from tests.device_agent.spool.making import header, session_record
from tests.support.trials import rounds
from wire.canonical import sha256_hex
from wire.capture import CaptureManifest
from wire.device import DeviceInfo
from wire.script import Plan

INFO = DeviceInfo(name="kitchen camera", model="simulated", agent_version="0.1.0")


class Home:
    """A device of a running collector."""

    def __init__(self, collector: Collector, folder: Path) -> None:
        code = collector.run("join-code").stdout.split()[0]
        self.credentials = pairing.join(collector.url, code, INFO, folder / "state")
        self.spool = Spool(folder / "spool", reserve_bytes=0)
        self.uplink = Uplink(self.spool, lambda: CollectorClient(self.credentials), lambda _: None, chance=lambda: 0.1)
        record = session_record().model_copy(update={"device": self.credentials.device})
        self.spool.records.put(record)
        self.kept: dict[str, str] = {}

    def end(self) -> None:
        assert self.uplink.stop(30)
        self.spool.close()

    def video(self, seconds: float) -> CaptureManifest:
        row = self.spool.open_capture(header("video").model_copy(update={"device": self.credentials.device}))
        recorder = VideoRecorder(row.sink("media"), 640, 480, 25, times=row.sink("times"))
        noise = np.random.default_rng(1).integers(0, 60, (720, 640), dtype=np.uint8)
        for index in range(round(seconds * 25)):
            recorder.write(np.roll(noise, index, axis=1), 9_000_000 + index * 40_000)
        row.put("labels:faces", b'{"schema":1,"capture":"%s","source":{"kind":"script","name":"none"},"labels":[]}'
                % row.header.capture.encode())  # fmt: skip
        return self.closed(row.finish(recorder.close()))

    def audio(self, seconds: float) -> CaptureManifest:
        row = self.spool.open_capture(header("audio").model_copy(update={"device": self.credentials.device}))
        recorder = AudioRecorder(row.sink("media"), 16000, 1, times=row.sink("times"))
        for index in range(round(seconds * 10)):
            block = np.random.default_rng(index).integers(-500, 500, (1600, 1), dtype=np.int16)
            recorder.write(block, 9_000_000 + index * 100_000)
        return self.closed(row.finish(recorder.close()))

    def answer(self, text: str) -> CaptureManifest:
        row = self.spool.open_capture(header("text").model_copy(update={"device": self.credentials.device}))
        data = text_bytes(text)
        row.put("media", data)
        return self.closed(row.finish(recorded_text(data, 9_000_000)))

    def still(self) -> CaptureManifest:
        bgr = cv2.circle(np.full((240, 320, 3), 90, np.uint8), (160, 120), 60, (20, 30, 200), -1)
        made = header("text").model_copy(
            update={"device": self.credentials.device, "medium": "image", "format": still_format(320, 240)}
        )
        row = self.spool.open_capture(made)
        jpeg = still_from_bgr(bgr.astype(np.uint8))
        row.put("media", jpeg)
        return self.closed(row.finish(recorded_still(jpeg, 9_000_000)))

    def closed(self, manifest: CaptureManifest) -> CaptureManifest:
        assert manifest.sha256 is not None
        self.kept[manifest.capture] = manifest.sha256
        return manifest


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    running = Collector(tmp_path / "collector")
    running.data.parent.mkdir()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def home(collector: Collector, tmp_path: Path) -> Iterator[Home]:
    made = Home(collector, tmp_path)
    yield made
    made.end()


def check_originals(collector: Collector, home: Home) -> None:
    with collector.person("lena", "lead") as lead:
        for capture, digest in home.kept.items():
            reply: httpx.Response = lead.get(f"/api/captures/{capture}/original")
            assert reply.status_code == 200 and sha256_hex(reply.content) == digest
            assert home.spool.state_of(capture) == "confirmed"


def test_every_medium_goes_over(collector: Collector, home: Home) -> None:
    home.uplink.start()
    home.video(3)
    home.audio(3)
    home.still()
    home.answer("Ein Becher, glaube ich. ☕")
    home.answer("")
    assert home.uplink.drain(60), home.uplink.state
    check_originals(collector, home)


@pytest.mark.soak
def test_a_collector_killed_at_any_moment(collector: Collector, home: Home) -> None:
    chance = random.Random(7)
    home.uplink.start()
    for _ in range(rounds(3, 10)):
        home.video(2)
        home.audio(2)
        time.sleep(chance.uniform(0, 0.6))
        collector.kill()
        home.answer(f"written while nobody listened {chance.random()}")
        collector.start()
    assert home.uplink.drain(90), home.uplink.state
    check_originals(collector, home)


def test_a_heartbeat_brings_the_collectors_time(home: Home) -> None:
    home.uplink.start()
    deadline = time.monotonic() + 60
    while home.uplink._clock.wall().offset_us is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    wall = home.uplink._clock.wall()
    assert wall.offset_us is not None and wall.uncertainty_us is not None
    assert abs(wall.offset_us) <= wall.uncertainty_us + 1000, "both live on this machine"


def test_the_plan_goes_before_the_sessions_that_name_it(collector: Collector, home: Home) -> None:
    plan = load("kitchen-greeting")
    home.spool.plans.put(plan)
    home.uplink.start()
    home.answer("yes")
    assert home.uplink.drain(60), home.uplink.state
    with collector.person("lena", "lead") as lead:
        assert Plan.read(lead.get(f"/api/plans/{plan.ref.sha256}").content) == plan
    assert home.spool.plans.to_send() == {}
