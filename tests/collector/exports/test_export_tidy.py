"""Two collectors on one PostgreSQL database and one S3 server make, continue, send and remove each other's exports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from collector.exports.check import check_export
from collector.store.blobs_obstore import S3Blobs
from collector.store.s3_place import S3Place
from tests.collector.review.filled import Filled, box
from tests.collector.running import Collector
from tests.support import postgres
from tests.support.databases import share
from tests.support.exporting import still
from tests.support.s3 import S3Server
from tests.support.waiting import until

STILLS = 3


class Pair:
    """Two collectors with reviewed stills."""

    def __init__(self, folder: Path, server: S3Server) -> None:
        self.server, self.bucket = server, server.new_bucket()
        place = f"s3://{self.bucket}/gleaner"
        filled = Filled(folder / "a" / "data", "postgresql")
        ann = filled.person("ann")
        for number in range(STILLS):
            still(filled, ann, [box(f"b{number}")])
        blobs = S3Blobs(S3Place(place, server.endpoint, "us-east-1"), folder / "copies", 1 << 30)
        for path in (filled.folder / "blobs").rglob("*"):
            if path.is_file() and not path.name.startswith("."):
                blobs.put_file(path)
        filled.db.close()
        names = {"BLOBS": place, "STAGING": place, "S3_ENDPOINT": server.endpoint, "S3_REGION": "us-east-1"}
        environment = {f"GLEANER_COLLECTOR_{name}": value for name, value in names.items()}
        environment["GLEANER_COLLECTOR_MASTER_KEY"] = str(folder / "master.key")
        self.first, self.second = (Collector(folder / name, **environment) for name in ("a", "b"))
        self.second.data.mkdir(parents=True)
        share(self.first.data, self.second.data)

    def row(self, export: str) -> Any:
        (row,) = self.first.rows("SELECT * FROM export_run WHERE id = :id", id=export)
        return row

    def archives(self) -> list[str]:
        return [name for name in self.server.keys(self.bucket) if "/exports/" in name]


@pytest.fixture
def pair(tmp_path: Path, moto: S3Server) -> Iterator[Pair]:
    postgres.need_postgres()
    made = Pair(tmp_path, moto)
    made.first.start()
    made.second.start()
    yield made
    made.first.stop()
    made.second.stop()


def fetched(collector: Collector, lead: httpx.Client, export: str) -> bytes:
    reply = lead.get(f"{collector.url}/api/exports/{export}/archive")
    assert reply.status_code == 200, reply.text
    return reply.content


def test_an_export_is_anybodys(pair: Pair, tmp_path: Path) -> None:
    with pair.first.person("lena", "lead") as lead:
        begun = [lead.post("/api/exports", json={"with_prelabels": True}).json()["id"] for _ in range(3)]
        owner = until(lambda: pair.row(begun[0]).owner or pair.row(begun[0]).state == "done")
        killed, other = (pair.first, pair.second)
        if isinstance(owner, str) and pair.first.rows("SELECT name FROM process WHERE id = :id", id=owner)[
            0
        ].name.endswith(f":{pair.second.port}"):
            killed, other = other, killed
        killed.kill()
        killed.start()  # its start frees what it had in hand
        until(lambda: all(pair.row(one).state == "done" for one in begun), 120)
        bodies = {fetched(one, lead, begun[0]) for one in (pair.first, pair.second)}
        assert len(bodies) == 1 and len(pair.archives()) == 3
        (tmp_path / "made.zip").write_bytes(bodies.pop())
        assert check_export(tmp_path / "made.zip").documents == STILLS
        assert lead.delete(f"{other.url}/api/exports/{begun[1]}").json()["state"] == "deleted"
        until(lambda: len(pair.archives()) == 2)
        past = f"{datetime.now(UTC).year - 1}-01-01T00:00:00.000000Z"
        pair.first.change("UPDATE export_run SET kept_until = :past WHERE id = :id", past=past, id=begun[2])
        assert (
            lead.delete(f"/api/exports/{begun[0]}").status_code == 200
        )  # a change, after which everything is looked at
        until(lambda: pair.archives() == [] and pair.row(begun[2]).removed == "expired")
