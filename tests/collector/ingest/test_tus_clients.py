"""tus clients of others, unmodified, against a real collector: every byte arrives, resumed and joined as they do it."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import aiotus
import pytest
from tusclient.client import TusClient

from collector.web.build import find_node, need_node
from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import sample
from tests.support.databases import rows_of
from wire.base import new_id

CLIENTS = Path(__file__).parent / "clients"
MIB = 1 << 20


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "clip.mkv"
    path.write_bytes(random.Random(11).randbytes(5 * MIB + 77))
    return path


@pytest.fixture(scope="module")
def modules() -> None:
    """The clients for Node.js, installed once from their lock file. Two at once install one after the other."""
    wanted = hashlib.sha256((CLIENTS / "package-lock.json").read_bytes()).hexdigest()
    stamp = CLIENTS / "node_modules" / ".gleaner-stamp"
    folder = os.open(CLIENTS, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        node = need_node()
        words = [*node.npm, "ci", "--ignore-scripts", "--loglevel", "error"]
        ran = subprocess.run(words, cwd=CLIENTS, env=node.environment(), capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        stamp.write_text(wanted)
    finally:
        os.close(folder)


def row(collector: Collector, location: str) -> dict[str, Any]:
    with rows_of(collector.data) as conn:
        (found,) = conn.execute("SELECT * FROM upload WHERE id = :id", {"id": location.rsplit("/", 1)[1]}).mappings()
    return found


def check(collector: Collector, location: str, file: Path, capture: str | None) -> None:
    """The upload is whole, belongs to the capture and has the bytes of the file."""
    found = row(collector, location)
    assert (found["state"], found["capture_id"]) == ("durable", capture)
    assert (collector.data / "staging" / found["staged"]).read_bytes() == file.read_bytes()


def node(client: str, device: DeviceClient, file: Path, metadata: dict[str, str], **options: Any) -> str:
    found = find_node()
    assert found is not None
    words = [client, device.collector.url, device.token, str(file), json.dumps(metadata), json.dumps(options)]
    ran = subprocess.run(
        [str(found.program), "upload.mjs", *words],
        cwd=CLIENTS, env=found.environment(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr + ran.stdout
    return ran.stdout.strip()


@pytest.mark.parametrize(
    "options",
    [
        {"chunkSize": MIB},
        {"chunkSize": MIB, "uploadDataDuringCreation": True},
        {"chunkSize": MIB, "overridePatchMethod": True},
        {"source": "buffer"},
        {"source": "buffer", "parallelUploads": 3},
        {"source": "buffer", "parallelUploads": 4, "overridePatchMethod": True, "uploadDataDuringCreation": True},
    ],
    ids=lambda options: " ".join(options),
)
def test_tus_js_client(
    collector: Collector, device: DeviceClient, big: Path, modules: None, options: dict[str, Any]
) -> None:
    capture = new_id("cap")
    location = node("tus-js-client", device, big, {"capture": capture, "part": "media", "filename": "é.mkv"}, **options)
    check(collector, location, big, capture)
    assert device.create(capture, "media", big.stat().st_size).headers["Location"] == location


def test_tus_js_client_ends_an_upload(collector: Collector, device: DeviceClient, big: Path, modules: None) -> None:
    metadata = {"capture": new_id("cap"), "part": "media"}
    location = node("tus-js-client", device, big, metadata, chunkSize=MIB, stopAfterFirstChunk=True)
    assert device.head(location).status_code == 404


@pytest.mark.parametrize("options", [{"chunkSize": MIB}, {}], ids=["chunks", "whole"])
def test_uppy(collector: Collector, device: DeviceClient, big: Path, modules: None, options: dict[str, Any]) -> None:
    capture = new_id("cap")
    location = node("uppy", device, big, {"capture": capture, "part": "media"}, **options)
    check(collector, location, big, capture)


def test_uppy_as_it_comes(collector: Collector, device: DeviceClient, big: Path, modules: None) -> None:
    """Without our metadata the upload is whole and belongs to nobody's capture."""
    location = node("uppy", device, big, {})
    check(collector, location, big, None)
    assert b"filename" in row(collector, location)["metadata"].encode()
    assert device.call("DELETE", location).status_code == 204


@pytest.mark.parametrize("chunk", [MIB, 3 * MIB + 1, 8 * MIB])
@pytest.mark.parametrize("checksum", [False, True])
def test_tuspy(collector: Collector, device: DeviceClient, big: Path, chunk: int, checksum: bool) -> None:
    capture = new_id("cap")
    client = TusClient(f"{collector.url}/api/uploads", headers={"Authorization": f"Bearer {device.token}"})
    uploader = client.uploader(
        str(big), chunk_size=chunk, metadata={"capture": capture, "part": "media"}, upload_checksum=checksum
    )
    uploader.upload_chunk()
    again = client.uploader(str(big), chunk_size=chunk, url=uploader.url, upload_checksum=checksum)  # resumes
    again.upload()
    check(collector, uploader.url, big, capture)


def test_tuspy_async(collector: Collector, device: DeviceClient, big: Path) -> None:
    capture = new_id("cap")
    client = TusClient(f"{collector.url}/api/uploads", headers={"Authorization": f"Bearer {device.token}"})
    metadata = {"capture": capture, "part": "media"}
    uploader = client.async_uploader(str(big), chunk_size=MIB, metadata=metadata)
    asyncio.run(uploader.upload())
    check(collector, uploader.url, big, capture)


def test_aiotus(collector: Collector, device: DeviceClient, big: Path) -> None:
    capture, headers = new_id("cap"), {"Authorization": f"Bearer {device.token}"}
    metadata = {"capture": capture.encode(), "part": b"media", "thumb": bytes(range(256)), "confidential": None}

    async def send() -> tuple[str, Any]:
        url = f"{collector.url}/api/uploads"
        with big.open("rb") as file:
            location = await aiotus.upload(url, file, metadata, headers=headers, chunksize=MIB)
        return str(location), await aiotus.metadata(location, headers=headers)

    location, told = asyncio.run(send())
    check(collector, location, big, capture)
    assert told == {**metadata, "confidential": None}


def test_aiotus_joins_several(collector: Collector, device: DeviceClient, big: Path) -> None:
    capture, headers = new_id("cap"), {"Authorization": f"Bearer {device.token}"}

    async def send() -> str:
        with big.open("rb") as one, big.open("rb") as two:
            metadata = {"capture": capture.encode(), "part": b"media"}
            files = [one, two]
            url = f"{collector.url}/api/uploads"
            return str(await aiotus.upload_multiple(url, files, metadata, headers=headers))

    location = asyncio.run(send())
    found = row(collector, location)
    assert (found["state"], found["capture_id"], found["length"]) == ("durable", capture, 2 * big.stat().st_size)
    assert (collector.data / "staging" / found["staged"]).read_bytes() == big.read_bytes() * 2


def test_what_another_client_joined_becomes_a_capture(
    collector: Collector, device: DeviceClient, tmp_path: Path, modules: None
) -> None:
    """From three partial uploads to the receipt."""
    one = sample("audio", device.id, take="take-joined", session="ses-joined")
    file = tmp_path / "sound.flac"
    file.write_bytes(one.parts["media"])
    node("tus-js-client", device, file, {"capture": one.id, "part": "media"}, source="buffer", parallelUploads=3)
    for name, data in one.parts.items():
        if name != "media":
            device.send_part(one.id, name, data)
    assert device.put_manifest(one).status_code == 202
    assert {part.name for part in device.received(one.id).parts} == set(one.parts)
