"""kill -9 of the collector at any moment: what was promised is there, everything ends once and whole."""

from __future__ import annotations

import hashlib
import random
import threading
import time

import httpx
import pytest

from tests.collector.running import Collector
from tests.collector.samples import sample
from tests.collector.sending import resume, settle
from tests.support.trials import rounds
from tests.support.waiting import until


@pytest.mark.soak
@pytest.mark.parametrize("checksum", [True, False])
def test_an_offset_that_was_said_survives(fresh: Collector, checksum: bool) -> None:
    device = fresh.device()
    chance = random.Random(7)
    data = chance.randbytes(6_000_000)
    location = device.create("cap-kill", "media", len(data)).headers["Location"]
    said = [0]

    def send() -> None:
        try:
            while said[-1] < len(data):
                at = device.offset(location)
                said.append(at)
                reply = device.patch(location, at, data[at : at + 300_000], checksum=checksum)
                said.append(int(reply.headers["Upload-Offset"]))
        except (httpx.HTTPError, KeyError):
            return

    for _ in range(rounds(2, 10)):
        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(chance.uniform(0.0, 0.15))
        fresh.kill()
        sender.join()
        fresh.start()
        reached = device.offset(location)
        assert reached >= said[-1]
        staged = fresh.data / "staging" / f"{location.rsplit('/', 1)[1]}.part"
        if reached:
            assert staged.read_bytes()[:reached] == data[:reached]
        said.append(reached)
    resume(device, "cap-kill", "media", data, 1_000_000, checksum=checksum)
    assert hashlib.sha256(staged.read_bytes()).digest() == hashlib.sha256(data).digest()


@pytest.mark.soak
def test_captures_end_once_and_whole_whenever_the_service_dies(fresh: Collector) -> None:
    device = fresh.device()
    chance = random.Random(11)
    samples = [
        sample(medium, device.id, f"take-{n}")
        for n in range(rounds(2, 6))
        for medium in ("video", "audio", "image", "text")
    ]
    ending = threading.Event()

    def killer() -> None:
        for _ in range(rounds(4, 20)):
            if ending.wait(chance.uniform(0.1, 1.5)):
                return
            fresh.kill()
            fresh.start()

    thread = threading.Thread(target=killer)
    thread.start()
    for one in samples:
        for name, data in one.parts.items():
            resume(device, one.id, name, data, 1500, checksum=True)
        settle(device, one)
    ending.set()
    thread.join()
    for one in samples:
        assert device.received(one.id).sha256 == hashlib.sha256(one.parts["media"]).hexdigest()
        assert (
            fresh.data / "blobs" / one.manifest.sha256[:2] / one.manifest.sha256[2:4] / one.manifest.sha256
        ).exists()

    until(lambda: not fresh.rows("SELECT kind, state FROM job WHERE state <> 'done'"))
    fresh.stop()
    fresh.start()
    assert list((fresh.data / "staging").iterdir()) == []
    assert not list((fresh.data / "blobs").glob(".made-*"))


def test_a_dead_worker_process_costs_nothing(fresh: Collector) -> None:
    import psutil

    device = fresh.device()
    assert fresh.process is not None
    one = sample("video", device.id)
    for name, data in one.parts.items():
        device.send_part(one.id, name, data)
    for child in psutil.Process(fresh.process.pid).children():
        child.kill()
    device.put_manifest(one)
    assert device.received(one.id).sha256 == one.manifest.sha256


def test_the_worker_process_does_not_outlive_a_killed_service(fresh: Collector) -> None:
    import psutil

    def ended(child: psutil.Process) -> bool:
        try:
            return child.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    assert fresh.process is not None
    children = psutil.Process(fresh.process.pid).children()
    assert children
    fresh.kill()
    until(lambda: all(ended(child) for child in children))
