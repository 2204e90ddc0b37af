"""A collector whose media lie on an S3 server that fails every tenth request: nobody notices."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.running import Collector
from tests.collector.samples import sample
from tests.support import local_http
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
        tmp_path, GLEANER_COLLECTOR_BLOBS=address, GLEANER_COLLECTOR_S3_ENDPOINT=proxy.endpoint,
        GLEANER_COLLECTOR_S3_REGION="us-east-1",
    )  # fmt: skip
    running.start()
    yield running
    running.stop()


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
    bucket = address.split("/")[2]
    named = {row.blob for row in on_s3.rows("SELECT DISTINCT blob FROM derived")}
    stored = [key for key in moto.keys(bucket) if not key.rpartition("/")[2].startswith(".")]
    assert {key.rpartition("/")[2] for key in stored} == named
    assert all(key.startswith("media/blobs/") for key in stored)


def test_a_backup_and_its_restore_bring_media_from_there(on_s3: Collector, tmp_path: Path) -> None:
    device = on_s3.device()
    one = sample("video", device.id)
    device.send(one)
    device.received(one.id)
    until(lambda: not on_s3.rows("SELECT kind, state FROM job WHERE state <> 'done'"))
    (tmp_path / "phrase").write_text("six words that nobody else knows")
    phrase = ("--passphrase-file", str(tmp_path / "phrase"))
    assert on_s3.run("backups", "init", str(tmp_path / "kept"), *phrase).returncode in (0, 2)
    made = on_s3.run("backup", str(tmp_path / "kept"), *phrase, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["new_blobs"] == len(on_s3.rows("SELECT DISTINCT blob FROM derived"))
    refused = on_s3.run("restore", str(tmp_path / "kept"), *phrase)
    assert refused.returncode == 2 and "fills no PostgreSQL and no S3" in refused.stderr


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
