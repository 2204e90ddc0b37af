"""A full disk, silent senders, uploads nobody went on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.collector.running import Collector
from tests.collector.samples import sample
from tests.support.half_sent import raw_patch


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Callable[..., Collector]]:
    made: list[Collector] = []

    def make(**environment: str) -> Collector:
        for old in made:
            old.stop()
        running = Collector(
            tmp_path, **{f"GLEANER_COLLECTOR_{name.upper()}": text for name, text in environment.items()}
        )
        running.port = made[-1].port if made else 0
        running.start()
        made.append(running)
        return running

    yield make
    made[-1].stop()


def test_a_full_disk_is_said_and_costs_nothing(limited: Callable[..., Collector]) -> None:
    roomy = limited()
    device = roomy.device()
    one = sample("text", device.id, media=b"a" * 3000)
    location = device.create(one.id, "media", 3000).headers["Location"]
    assert device.patch(location, 0, b"a" * 1000).status_code == 204
    device.collector = limited(reserve_bytes=str(2**60))
    for checksum in (True, False):
        reply = device.patch(location, 1000, b"a" * 1000, checksum=checksum)
        assert (reply.status_code, reply.json()["code"], reply.json()["retryable"]) == (507, "disk-full", True)
    assert device.offset(location) == 1000
    device.collector = limited()
    assert device.patch(location, 1000, b"a" * 2000).status_code == 204
    device.put_manifest(one)
    assert device.received(one.id).sha256 == one.manifest.sha256


def test_a_silent_sender_is_let_go_and_what_it_sent_is_kept(limited: Callable[..., Collector]) -> None:
    collector = limited(upload_idle_seconds="1")
    device = collector.device()
    location = device.create("cap-1", "media", 1000).headers["Location"]
    with raw_patch(collector, device, location, 0, 1000, b"x" * 400) as connection:
        reply = b""
        while b"sender-silent" not in reply and (more := connection.recv(65536)):
            reply += more
    assert reply.startswith(b"HTTP/1.1 408") and b"sender-silent" in reply
    assert device.offset(location) == 400


def test_uploads_without_news_are_forgotten(limited: Callable[..., Collector]) -> None:
    collector = limited(upload_expires_seconds="1")
    device = collector.device()
    created = device.create("cap-1", "media", 1000)
    assert created.headers["Upload-Expires"].endswith("GMT")
    device.patch(created.headers["Location"], 0, b"x" * 10)
    closed = sample("audio", device.id)
    device.send_part(closed.id, "media", closed.parts["media"])
    device.put_manifest(closed)  # its labels are still to come: a closed capture is not forgotten
    import time

    time.sleep(1.2)
    device.collector = limited()
    assert device.head(created.headers["Location"]).status_code == 404
    assert len(list((collector.data / "staging").iterdir())) == 1
    device.send_part(closed.id, "labels:test-model", closed.parts["labels:test-model"])
    assert device.received(closed.id).sha256 == closed.manifest.sha256
