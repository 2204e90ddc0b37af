"""A collector whose media and uploads lie on an S3 server that fails every tenth request: nobody notices."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import random
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import Sample, sample, session_record
from tests.support import local_http, postgres
from tests.support.databases import migrated, share
from tests.support.s3 import S3Server
from tests.support.s3_faults import FailingServer, failing
from tests.support.waiting import until


@pytest.fixture
def proxy(moto: S3Server) -> Iterator[FailingServer]:
    with failing(moto.endpoint) as server:
        yield server


@pytest.fixture
def address(moto: S3Server) -> str:
    return f"s3://{moto.new_bucket()}/media"


@pytest.fixture
def on_s3(tmp_path: Path, address: str, proxy: FailingServer) -> Iterator[Collector]:
    running = Collector(
        tmp_path, GLEANER_COLLECTOR_BLOBS=address, GLEANER_COLLECTOR_STAGING=address,
        GLEANER_COLLECTOR_S3_ENDPOINT=proxy.endpoint, GLEANER_COLLECTOR_S3_REGION="us-east-1",
    )  # fmt: skip
    running.start()
    yield running
    running.stop()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def kept(server: S3Server, address: str, folder: str) -> list[str]:
    """The objects of a collector there."""
    _, _, bucket, prefix = address.split("/")
    names = [name for name in server.keys(bucket) if name.startswith(f"{prefix}/{folder}/")]
    return [name for name in names if not name.rpartition("/")[2].startswith(".")]


def test_captures_go_the_whole_way_over_a_failing_server(
    on_s3: Collector, proxy: FailingServer, moto: S3Server, address: str, tmp_path: Path
) -> None:
    device = on_s3.device()
    samples = [sample(medium, device.id, "take-1") for medium in ("video", "audio", "image", "text")]
    samples += [sample("image", device.id, f"take-{number}") for number in range(2, 8)]
    for one in samples:
        device.send(one)
    for one in samples:
        assert device.received(one.id).sha256 == hashlib.sha256(one.parts["media"]).hexdigest()
    until(lambda: not on_s3.rows("SELECT kind, state FROM job WHERE state <> 'done'"))
    assert not list(on_s3.data.glob("blobs/*")), "nothing lies in the data folder"
    with on_s3.person("lena", "lead") as lead:
        for one in samples:
            media = one.parts["media"]
            found = lead.get(f"/api/captures/{one.id}/original")
            assert (found.status_code, found.content) == (200, media)
            middle = lead.get(f"/api/captures/{one.id}/original", headers={"Range": "bytes=7-20"})
            assert (middle.status_code, middle.content) == (206, media[7:21])
            assert lead.get(f"/api/captures/{one.id}/media").status_code == 200
        assert lead.get(f"/api/captures/{samples[0].id}/frames").json()["times_us"]
    found = on_s3.run("verify", "--json")
    assert json.loads(found.stdout)["whole"] and found.returncode == 0, found.stderr
    assert sum(count for fault, count in proxy.spoiled.items() if fault != "none") > 5, "the server did fail"
    named = {row.blob for row in on_s3.rows("SELECT DISTINCT blob FROM derived")}
    assert {key.rpartition("/")[2] for key in kept(moto, address, "blobs")} == named
    until(lambda: not kept(moto, address, "staging"))
    assert not on_s3.rows("SELECT object FROM upload_piece") and not (on_s3.data / "staging").exists()


def test_an_upload_is_continued_by_another_process_after_kill_9(
    tmp_path: Path, moto: S3Server, proxy: FailingServer, address: str
) -> None:
    """Two collectors with a data folder each, one PostgreSQL and one bucket; the first dies within a chunk."""
    postgres.need_postgres()
    first, other = (
        Collector(
            tmp_path / name, GLEANER_COLLECTOR_BLOBS=address, GLEANER_COLLECTOR_STAGING=address,
            GLEANER_COLLECTOR_S3_ENDPOINT=proxy.endpoint,
        )
        for name in ("first", "other")
    )  # fmt: skip
    migrated(first.data, "postgresql")
    first.start()
    device = first.device()
    media = bytes(random.Random(5).choices(b"abcdefghijklmnop qrstuvwxyz\n", k=40_000_000))
    one = sample("text", device.id, media=media, labels=False)
    location = device.create(one.id, "media", len(media)).headers["Location"]
    said = device.patch(location, 0, media[:300_000]).headers["Upload-Offset"]
    assert said == "300000"

    def slowly() -> Iterator[bytes]:
        for at in range(300_000, len(media), 500_000):
            yield media[at : at + 500_000]
            if not dying.is_set() and first.rows("SELECT count(*) AS pieces FROM upload_piece")[0].pieces > 2:
                dying.set()

    dying = threading.Event()
    sender = threading.Thread(target=_send_all, args=(device, location, 300_000, slowly()))
    sender.start()
    assert dying.wait(120)
    first.kill()
    sender.join()
    share(first.data, other.data)
    shutil.copytree(first.data / "keys", other.data / "keys")
    other.start()
    try:
        device.collector = other
        location = f"/api/uploads/{location.rsplit('/', 1)[1]}"
        at = device.offset(location)
        assert 300_000 < at < len(media), "what was promised is there, and it died within the chunk"
        assert device.patch(location, at, media[at:]).status_code == 204
        device.put_manifest(one)
        assert device.received(one.id).sha256 == hashlib.sha256(media).hexdigest()
        with other.person("lena", "lead") as lead:
            record = json.dumps(session_record(device.id, [], one.manifest.session, 0).to_json())
            assert device.call("PUT", f"/api/sessions/{one.manifest.session}", content=record).status_code == 200
            assert lead.get(f"/api/captures/{one.id}/original").content == media
    finally:
        other.stop()


def _send_all(device: DeviceClient, location: str, at: int, pieces: Iterator[bytes]) -> None:
    headers = {"Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
    with contextlib.suppress(httpx.HTTPError):
        device.call("PATCH", location, headers=headers, content=pieces)


def test_partial_uploads_are_joined_without_copying_a_byte(on_s3: Collector, moto: S3Server, address: str) -> None:
    device = on_s3.device()
    one = sample("audio", device.id)
    media, middle = one.parts["media"], len(one.parts["media"]) // 3
    partial = {"Upload-Concat": "partial"}
    halves = []
    for data in (media[:middle], media[middle:]):
        created = device.call("POST", "/api/uploads", headers=partial | {"Upload-Length": str(len(data))})
        assert device.patch(created.headers["Location"], 0, data).status_code == 204
        halves.append(created.headers["Location"])
    before = kept(moto, address, "staging")
    assert len(before) == 2
    claim = f"capture {_base64(one.id)},part {_base64('media')}"
    headers = {"Upload-Concat": f"final;{' '.join(halves)}", "Upload-Metadata": claim}
    final = device.call("POST", "/api/uploads", headers=headers)
    assert final.status_code == 201, final.text
    assert device.offset(final.headers["Location"]) == len(media)
    assert kept(moto, address, "staging") == before
    device.send(Sample(one.manifest, {name: data for name, data in one.parts.items() if name != "media"}))
    assert device.received(one.id).sha256 == one.manifest.sha256
    until(lambda: not kept(moto, address, "staging"))


def test_what_is_ended_or_wrong_leaves_no_object(on_s3: Collector, moto: S3Server, address: str) -> None:
    device = on_s3.device()
    location = device.create("cap-ended", "media", 100_000).headers["Location"]
    assert device.patch(location, 0, bytes(70_000)).status_code == 204
    assert device.offset(location) == 70_000
    wrong_sum = {"Upload-Checksum": f"sha256 {_base64('not the sum of these bytes, no  ')}"}
    assert device.patch(location, 70_000, bytes(30_000), **wrong_sum).status_code == 460
    assert device.offset(location) == 70_000 and len(kept(moto, address, "staging")) == 1
    assert device.call("DELETE", location).status_code == 204
    until(lambda: not kept(moto, address, "staging"))
    one = sample("image", device.id)
    wrong = Sample(one.manifest, one.parts | {"media": bytes(len(one.parts["media"]))})
    device.send(wrong)
    reply = until(lambda: None if (found := device.receipt(one.id)).status_code != 409 else found)
    assert reply.json()["code"] == "parts-missing"
    device.send(one)
    assert device.received(one.id).sha256 == one.manifest.sha256


def test_a_backup_brings_media_from_there_and_a_restore_to_there(
    on_s3: Collector, tmp_path: Path, moto: S3Server, address: str
) -> None:
    device = on_s3.device()
    one = sample("video", device.id)
    device.send(one)
    device.received(one.id)
    until(lambda: not on_s3.rows("SELECT kind, state FROM job WHERE state <> 'done'"))
    (tmp_path / "phrase").write_text("six words that nobody else knows")
    (tmp_path / "phrase").chmod(0o600)
    phrase = ("--passphrase-file", str(tmp_path / "phrase"))
    assert on_s3.run("backups", "init", str(tmp_path / "kept"), *phrase).returncode in (0, 2)
    made = on_s3.run("backup", str(tmp_path / "kept"), *phrase, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["new_blobs"] == len(on_s3.rows("SELECT DISTINCT blob FROM derived"))
    same_media = Collector(tmp_path / "same", **on_s3._environment)
    refused = same_media.run("restore", str(tmp_path / "kept"), *phrase)
    assert refused.returncode == 2 and "The media of a collector are at s3://" in " ".join(refused.stderr.split())
    elsewhere = {"GLEANER_COLLECTOR_BLOBS": f"s3://{moto.new_bucket()}", "GLEANER_COLLECTOR_STAGING": address}
    other = Collector(tmp_path / "other", **{**on_s3._environment, **elsewhere})
    restored = other.run("restore", str(tmp_path / "kept"), *phrase, "--json")
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["digest"] == json.loads(made.stdout)["digest"]
    other.start()
    try:
        with other.person("olga", "lead") as lead:
            assert lead.get(f"/api/captures/{one.id}/original").content == one.parts["media"]
    finally:
        other.stop()


def test_a_server_that_is_away_stops_nothing_for_good(on_s3: Collector, proxy: FailingServer) -> None:
    device = on_s3.device()
    one, later = sample("image", device.id, "take-1"), sample("audio", device.id, "take-2")
    device.send(one)
    device.received(one.id)
    with on_s3.person("lena", "lead") as lead:
        proxy.share = 1.0
        reply = until(lambda: _not_ready(on_s3))
        assert reply["status"] == "storage-unreachable"
        device.send(later)
        proxy.share = 0.0
        assert device.received(later.id).sha256 == later.manifest.sha256
        assert lead.get(f"/api/captures/{one.id}/original").content == one.parts["media"]
    assert local_http.get(f"{on_s3.url}/api/ready").json() == {"status": "ready"}
    assert "Traceback" not in on_s3.log


def _not_ready(collector: Collector) -> dict[str, str] | None:
    reply = local_http.get(f"{collector.url}/api/ready", timeout=60)
    return None if reply.status_code == 200 else reply.json()


def test_blobs_of_another_database_are_refused(tmp_path: Path, on_s3: Collector, address: str) -> None:
    other = Collector(tmp_path / "other", **on_s3._environment)
    with pytest.raises(AssertionError, match="blobs-elsewhere"):
        other.start()


def test_a_collector_with_media_does_not_start_on_an_empty_bucket(
    fresh: Collector, proxy: FailingServer, address: str
) -> None:
    device = fresh.device()
    one = sample("image", device.id)
    device.send(one)
    device.received(one.id)
    fresh.stop()
    fresh._environment |= {
        "GLEANER_COLLECTOR_BLOBS": "s3://never-made", "GLEANER_COLLECTOR_S3_ENDPOINT": proxy.endpoint,
    }  # fmt: skip
    with pytest.raises(AssertionError, match="there is no bucket never-made"):
        fresh.start()
    fresh._environment["GLEANER_COLLECTOR_BLOBS"] = address
    with pytest.raises(AssertionError, match="bring the media to their new place"):
        fresh.start()
