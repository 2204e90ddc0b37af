"""Bulk work on a real Ray cluster of two nodes, one of which is killed in the middle."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from collector.bulk.dispatch import Dispatcher
from collector.bulk.here import HereEngine
from collector.bulk.local import LocalEngine
from collector.bulk.ray_engine import ClusterUnusable, RayEngine
from collector.exports import media_files
from collector.prelabels.label_capture import WORK
from collector.store.blobs_local import LocalBlobs
from collector.store.open_blobs import BlobsLocation, open_blobs
from prelabel.labelling.one_file import describe
from tests.collector.bulk.items import HERE
from tests.collector.exports.serving import EVERYTHING, Service, unpacked
from tests.collector.exports.serving import contents as contents_of_folder
from tests.collector.prelabels.stills import jpeg
from tests.collector.review.filled import Filled
from tests.support.exporting import STILLS as EXPORTED_STILLS
from tests.support.exporting import VIDEOS, contents, review_media, write_export
from tests.support.other_model import package
from tests.support.ray_cluster import RayCluster, ray_cluster
from tests.support.s3 import S3Server
from tests.support.trials import rounds
from tests.support.waiting import until

STILLS = 240
ITEMS = EXPORTED_STILLS + VIDEOS
BATCH = 10


def label_all(dispatcher: Dispatcher, items: list[dict[str, Any]], in_the_middle: Any = None) -> list[Any]:
    """The documents of all items, in order."""
    found: dict[int, list[Any]] = {}
    numbers: list[int] = []
    left = list(items)
    while left or len(found) < len(numbers):
        while left and dispatcher.wants_more:
            numbers.append(dispatcher.submit(left[:BATCH]))
            left = left[BATCH:]
        found |= dict(dispatcher.results(1.0))
        if in_the_middle is not None and len(found) * BATCH > len(items) / 3:
            in_the_middle()
            in_the_middle = None
    assert in_the_middle is None
    outcomes = [outcome for number in numbers for outcome in found[number]]
    return [outcome["result"]["document"] if "result" in outcome else outcome for outcome in outcomes]


@pytest.fixture(scope="module")
def started(moto: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    """Its processes have the credentials of the S3 server in their environment, as nodes do, and their own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLEANER_CACHE", str(tmp_path_factory.mktemp("cache")))
        with ray_cluster() as cluster:
            yield cluster


@pytest.fixture
def cluster(started: RayCluster) -> RayCluster:
    started.have_node()
    return started


def test_a_node_killed_in_the_middle_changes_nothing_of_the_result(tmp_path: Path, cluster: RayCluster) -> None:
    model = package(tmp_path / "planted", by_brightness=True)
    blobs = LocalBlobs(tmp_path / "blobs")
    keys = []
    for level in range(4):
        still = tmp_path / "still"
        still.write_bytes(jpeg(100 + 40 * level))
        keys.append(blobs.put_file(still))
        still.unlink()
    items = [
        {"capture": f"cap-{number}", "medium": "image", "original": keys[number % 4], "frames": None}
        for number in range(STILLS)
    ]
    source = describe(str(model)).source
    common = {"model": str(model), "sha256": source.sha256, "package": source.package}
    common["blobs"] = BlobsLocation(tmp_path / "blobs").to_json()  # type: ignore[assignment]
    local = LocalEngine(1, memory_bytes=2**31)
    expected = label_all(Dispatcher(local, WORK, common), items)
    local.close()
    assert len(expected) == STILLS and expected[7]["capture"] == "cap-7" and expected[7]["labels"]

    engine = RayEngine(cluster.address, None, 2**31, str(model))
    try:
        assert engine.slots == 2
        model.rename(tmp_path / "elsewhere")  # its files have been sent: no node looks for them here
        assert label_all(Dispatcher(engine, WORK, common), items, cluster.kill_node) == expected
        found = label_all(Dispatcher(engine, f"{HERE}:moody", {"number": 3}), [{"mood": "raises"}, {"mood": "dies"}])
        assert [one["error"]["code"] for one in found] == [None, "bulk-lost"]
        (unable,) = label_all(Dispatcher(engine, "collector.nothing:here", {}), [{}])
        assert unable["error"]["unable"]
    finally:
        engine.close()


@pytest.mark.soak
@pytest.mark.parametrize("form", ["coco", "jsonl"][: rounds(1, 2)])
def test_an_export_from_s3_is_the_same_when_a_node_is_killed_in_the_middle(
    filled: Filled, tmp_path: Path, cluster: RayCluster, moto: S3Server, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(media_files, "BATCH", 2)
    review_media(filled)
    write_export(filled, tmp_path / "expected", form, HereEngine())
    # Where only the collector itself may write, as on a node of another user: copies go to the node's own cache.
    location = BlobsLocation(
        tmp_path / "elsewhere" / "cache", f"s3://{moto.new_bucket()}/media", endpoint=moto.endpoint, region="us-east-1"
    )
    on_s3 = open_blobs(replace(location, folder=tmp_path / "filling"))
    for blob in list(filled.blobs.list()):
        with filled.blobs.local_file(blob.key) as path:
            on_s3.put_file(path, blob.key)

    def killed_in_the_middle(_bytes: int) -> None:
        if next(items) == ITEMS // 3:
            cluster.kill_node()

    items = count()
    engine = RayEngine(cluster.address, None, 2**31)
    try:
        write_export(filled, tmp_path / "set", form, engine, blobs=location, advance=killed_in_the_middle)
    finally:
        engine.close()
    assert next(items) == ITEMS and not location.folder.exists()
    assert contents(tmp_path / "set") == contents(tmp_path / "expected")


@pytest.mark.soak
def test_an_export_of_the_service_is_that_of_the_command_and_a_killed_node_costs_nothing(
    tmp_path: Path, cluster: RayCluster
) -> None:
    service = Service(tmp_path, GLEANER_COLLECTOR_BULK_ENGINE="ray", GLEANER_COLLECTOR_BULK_ADDRESS=cluster.address)
    made = service.collector.run("export", *EVERYTHING, "--to", str(tmp_path / "by-command"))
    assert made.returncode == 0, made.stderr
    service.collector.start()
    try:
        export = service.command("start", *EVERYTHING)["id"]
        media = service.collector.data / "exports" / f".{export}.partial" / "media"
        until(lambda: service.row(export).state == "done" or (media.exists() and any(media.iterdir())))
        cluster.kill_node()
        until(lambda: service.row(export).state == "done")
        archive = service.collector.data / "exports" / f"{export}.zip"
        assert contents_of_folder(unpacked(archive, tmp_path / "unpacked")) == contents_of_folder(
            tmp_path / "by-command"
        )
        assert service.left() == [archive.name] and service.row(export).problem is None
    finally:
        service.collector.stop()


def test_an_export_of_the_service_waits_for_its_cluster_and_says_so(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        service = Service(tmp_path, GLEANER_COLLECTOR_BULK_ENGINE="ray", GLEANER_COLLECTOR_BULK_ADDRESS=address)
        service.collector.start()
        try:
            export = service.command("start")["id"]
            until(lambda: service.row(export).problem)
            problem = service.row(export).problem
            assert f"The Ray cluster at {address} does not answer" in problem and "tried again every 30" in problem
            assert service.command("list")[0]["state"] == "queued"  # type: ignore[index]
        finally:
            service.collector.stop()


def test_a_cluster_that_is_not_there_is_one_sentence() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(ClusterUnusable, match=f"The Ray cluster at {address} does not answer"):
            RayEngine(address, None, 2**31)
