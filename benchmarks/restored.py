"""A backup under load, restored on an empty machine: equal by the digest over all rows and blobs, and every bit counts.

    python -m benchmarks restored     media in the folder and rows in SQLite; then media on S3 and rows in PostgreSQL

A service with 8,700 rows and 1,100 recordings takes uploads and submits while it is saved. The backup is restored
where nothing is, the restored data are verified, and a service starts on them. Then 1,000 bits are flipped in files of
the repository, one in each of some hundred files at a time, and 1,000 in recordings, one in each: `backups check` and
`verify` have to name exactly those. The S3 server is moto, PostgreSQL syncs every commit.
"""

from __future__ import annotations

import json
import math
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import export
from benchmarks.backup import add_media
from benchmarks.figure import Figure
from collector.cli.repository import PASSPHRASE_VARIABLE
from collector.store.blobs import blob_name
from collector.store.blobs_obstore import FOLDER
from collector.store.objects import Objects
from collector.store.s3_place import S3Place
from tests.collector.backup.load import Load
from tests.collector.running import Collector
from tests.support import postgres, s3, warm
from tests.support.databases import moved
from tests.support.waiting import until

TASKS = 1200
LARGE, SMALL = (2, 1 << 20), (1050, 4 << 10)
FLIPS = 1000
FILES_AT_ONCE = 400
MIN_TAKES = 5  # that arrive before the backup begins, and while it is made
SERVER = "-c fsync=on -c synchronous_commit=on"
MAX_SECONDS = 900.0  # of a command
Settings = dict[str, str]


def measure() -> list[Figure]:
    try:
        with tempfile.TemporaryDirectory() as name:
            figures = list(_figures(Path(name), "a folder and SQLite", _Local()))
        with (
            tempfile.TemporaryDirectory() as name,
            s3.running("moto") as moto,
            postgres.own_server(SERVER) as server,
        ):
            return figures + list(_figures(Path(name), "S3 and PostgreSQL", _Servers(moto, server)))
    finally:
        warm.close()


class _Local:
    """Everything stays in the data folder."""

    def brought(self, collector: Collector) -> Collector:
        """The collector of these data, once they are where they belong."""
        return collector

    def empty(self, collector: Collector) -> None:
        """Where a restore puts rows."""

    def flip(self, collector: Collector, key: str, chance: random.Random) -> None:
        _flip(collector.data / "blobs" / blob_name(key), chance)


class _Servers:
    """Rows and media on servers, a database and a bucket for each collector."""

    def __init__(self, moto: s3.S3Server, server: postgres.Server) -> None:
        self._moto, self._server = moto, server
        self._buckets: dict[Path, str] = {}

    def brought(self, collector: Collector) -> Collector:
        bucket = self._buckets[collector.data] = f"s3://{self._moto.new_bucket()}/media"
        made = Collector(collector.data.parent, **_settings(S3_ENDPOINT=self._moto.endpoint))
        words = ["--to-blobs", bucket]
        if collector.data.joinpath("collector.db").exists():
            address = self._database(collector.data.parent.name)
            run(made, "move", *words, "--to-database", address)
            moved(collector.data, address)
        else:
            run(made, "move", *words)
        return Collector(
            collector.data.parent, **_settings(S3_ENDPOINT=self._moto.endpoint, BLOBS=bucket, STAGING=bucket)
        )

    def empty(self, collector: Collector) -> None:
        moved(collector.data, self._database(collector.data.parent.name))

    def flip(self, collector: Collector, key: str, chance: random.Random) -> None:
        objects = Objects(S3Place(self._buckets[collector.data], self._moto.endpoint), FOLDER)
        data = bytearray(b"".join(objects.read(blob_name(key), 0, 1 << 40)))
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        objects.put(blob_name(key), data)

    def _database(self, name: str) -> str:
        postgres.as_admin(self._server, f"CREATE DATABASE {name} TEMPLATE template0")
        return self._server.address.format(name=name)


def _figures(folder: Path, where: str, places: _Local | _Servers) -> Iterator[Figure]:
    repository, chance = folder / "repository", random.Random(4)
    one = places.brought(_filled(folder))
    one.start()
    with Load(one) as load:
        until(lambda: len(load.takes) > MIN_TAKES, 120)
        before = len(load.takes)
        began = time.monotonic()
        saved = run(one, "backup", str(repository))
        seconds = time.monotonic() - began
        meanwhile = len(load.takes) - before
    one.stop()
    if not meanwhile:
        raise RuntimeError("nothing arrived while the backup was made")
    what = f"{where}: a backup of {saved['rows']:,} rows and {saved['blobs']:,} blobs, {meanwhile} captures meanwhile"
    yield Figure(what, round(seconds, 1), "s", math.inf)

    other = Collector(folder / "other", **_settings())
    other.data.parent.mkdir()
    places.empty(other)
    began = time.monotonic()
    restored = run(other, "restore", str(repository))
    yield Figure("… restored", round(time.monotonic() - began, 1), "s", math.inf)
    other = places.brought(other)
    began = time.monotonic()
    verified = run(other, "verify")
    yield Figure("… verified", round(time.monotonic() - began, 1), "s", math.inf)
    digests = {saved["digest"], restored["digest"], verified["digest"]}
    yield Figure("… digests that differ: saved, restored, verified", len(digests) - 1, "", 0)
    yield Figure("… problems that verify found", len(verified["faults"]), "", 0)
    other.start()
    other.stop()

    missed = FLIPS - _found_in_repository(one, repository, chance)
    yield Figure(f"… of {FLIPS:,} bits flipped in the repository not found, or others", missed, "", 0)
    missed = FLIPS - _found_in_media(other, places.flip, repository, chance)
    yield Figure(f"… of {FLIPS:,} bits flipped in recordings not found, or others", missed, "", 0)


def _filled(folder: Path) -> Collector:
    collector = Collector(folder / "one", **_settings())
    collector.data.parent.mkdir()
    export.fill(collector.data, TASKS)
    add_media(collector.data, LARGE)
    add_media(collector.data, SMALL)
    return collector


def _settings(**more: str) -> Settings:
    own = {f"GLEANER_COLLECTOR_{name}": value for name, value in more.items()}
    return {PASSPHRASE_VARIABLE: "a passphrase of the benchmark", **own}


def run(collector: Collector, *words: str) -> dict[str, Any]:
    """What a command says as JSON; one that found something ends with 1."""
    whole = ["collector", *words, "--data", str(collector.data), "--json"]
    done = warm.collectors().run(whole, env=collector.environment(), timeout=MAX_SECONDS)
    if done.returncode > 1 or not done.stdout:
        raise RuntimeError(f"{words}: {done.stderr[-2000:]}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def _found_in_repository(collector: Collector, repository: Path, chance: random.Random) -> int:
    """How many of the flipped bits were found, less what was named and is not damaged."""
    names = sorted(str(path.relative_to(repository)) for path in (repository / "objects").rglob("*") if path.is_file())
    found = flipped = 0
    while flipped < FLIPS:
        chosen = chance.sample(names, min(FILES_AT_ONCE, FLIPS - flipped))
        whole = {name: (repository / name).read_bytes() for name in chosen}
        for name in chosen:
            _flip(repository / name, chance)
        named = set(_checked(collector, repository)["damaged"])
        found += len(named & set(chosen)) - len(named - set(chosen))
        flipped += len(chosen)
        for name, data in whole.items():
            (repository / name).write_bytes(data)
    return found


def _checked(collector: Collector, repository: Path) -> dict[str, Any]:
    words = ["collector", "backups", "check", str(repository), "--json"]
    done = warm.collectors().run(words, env=collector.environment(), timeout=MAX_SECONDS)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def _found_in_media(
    collector: Collector, flip: Callable[[Collector, str, random.Random], None], repository: Path, chance: random.Random
) -> int:
    keys = sorted({row.blob for row in collector.rows("SELECT DISTINCT blob FROM derived")})
    chosen = chance.sample(keys, FLIPS)
    for key in chosen:
        flip(collector, key, chance)
    named = [one["place"] for one in run(collector, "verify")["faults"]]
    hit = {key for key in chosen if any(key in place for place in named)}
    return len(hit) - sum(not any(key in place for key in hit) for place in named)


def _flip(path: Path, chance: random.Random) -> None:
    """One bit of a file."""
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
