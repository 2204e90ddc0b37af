"""Opening: what lies on the disk is what was sent, and it is read as often as that takes."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.ingest.open_work import open_capture
from collector.ingest.tus import Checksum
from collector.store.open_blobs import BlobsLocation
from collector.store.staging_local import LocalStaging
from tests.collector.samples import Sample, sample

NAME = "up-1.part"
CHANCE = random.Random(9)
# Far longer than all documents of a capture together, of which some are hashed more than once.
TEXT = bytes(CHANCE.choices(b"abcdefghijklmnop qrstuvwxyz\n", k=3_000_000))
SLACK = 20_000


class CountedHash:
    """A hash that adds up what all of its kind are given."""

    size = 0

    def __init__(self, name: str, data: Any = b"", **more: Any) -> None:
        self._hash = NEW(name, **more)
        self.digest, self.hexdigest, self.digest_size = self._hash.digest, self._hash.hexdigest, self._hash.digest_size
        self.update(data)

    def update(self, data: Any) -> None:
        CountedHash.size += len(data)
        self._hash.update(data)


NEW = hashlib.new


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[CountedHash]]:
    CountedHash.size = 0
    monkeypatch.setattr(hashlib, "new", CountedHash)
    monkeypatch.setattr(hashlib, "sha256", lambda data=b"", **more: CountedHash("sha256", data, **more))
    yield CountedHash


def inputs(one: Sample, folder: Path) -> dict[str, Any]:
    return {
        "manifest": one.raw_manifest.decode(),
        "parts": {"media": str(folder / NAME)},
        "blobs": BlobsLocation(folder / "blobs").to_json(),
    }


def upload(staging: LocalStaging, data: bytes, chunk: int, checksum: str | None) -> None:
    """What the service does with PATCHes of that size."""
    promised: list[int] = []

    async def send() -> None:
        for start in range(0, len(data), chunk):
            part = data[start : start + chunk]
            expected = None if checksum is None else Checksum(checksum, NEW(checksum, part).digest())
            file = await staging.open(NAME, start)
            middle = len(part) // 2
            await file.write([part[:middle]], expected)
            await file.finish([part[middle:]], expected, lambda offset, _pieces: promised.append(offset))
            assert promised[-1] == start + len(part)

    asyncio.run(send())


@pytest.mark.parametrize("chunk", [len(TEXT), 1_000_000, 123_457])
@pytest.mark.parametrize(("checksum", "times"), [("sha256", 2), ("sha1", 2), (None, 1)])
def test_a_byte_is_hashed_once_for_its_checksum_and_once_when_it_is_opened(
    tmp_path: Path, counted: type[CountedHash], chunk: int, checksum: str | None, times: int
) -> None:
    one = sample("text", "dev-1", media=TEXT, labels=False)
    counted.size = 0
    staging = LocalStaging(tmp_path, 0)
    upload(staging, TEXT, chunk, checksum)
    staging.close()
    opened = open_capture(inputs(one, tmp_path))["opened"]
    assert opened["sha256"] == opened["original"] == one.manifest.sha256
    assert times * len(TEXT) <= counted.size <= times * len(TEXT) + SLACK
    blob = tmp_path / "blobs" / opened["original"][:2] / opened["original"][2:4] / opened["original"]
    assert blob.read_bytes() == TEXT


@pytest.mark.parametrize("at", [0, 1_500_000, len(TEXT) - 1])
def test_a_bit_that_flips_between_upload_and_opening_is_found(tmp_path: Path, at: int) -> None:
    one = sample("text", "dev-1", media=TEXT, labels=False)
    staging = LocalStaging(tmp_path, 0)
    upload(staging, TEXT, len(TEXT), "sha256")
    staging.close()
    with (tmp_path / NAME).open("r+b") as file:
        file.seek(at)
        file.write(bytes([TEXT[at] ^ 1]))
    assert open_capture(inputs(one, tmp_path)) == {"send_again": ["media"]}
    assert not (tmp_path / "blobs").exists() or not [*(tmp_path / "blobs").rglob("*")]
