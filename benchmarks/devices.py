"""Whether a collector bears a fleet: 500 devices with heartbeats, 50 uploads at once, memory and errors watched.

    python -m benchmarks devices      5 minutes
    python -m benchmarks.devices 30   so many

Each device sends a heartbeat every ten seconds on a connection of its own. 50 of them in turn stream a capture as it is
recorded: bytes arrive over some seconds, then come the manifest and the wait for the receipt, whose sha256 is compared.
Memory is that of the service and of its workers, from the second quarter on, when caches are full.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil

from benchmarks import attack
from benchmarks.figure import Figure
from benchmarks.upload_client import BODY, VERSION, in_base64, torn_text
from collector.people.tokens import hash_secret
from collector.store.open import open_database
from wire.base import format_utc, new_id

DEVICES = 500
UPLOADS = 50
MINUTES = 5.0
HEARTBEAT_SECONDS = 10.0
PIECES = 8
PIECE_BYTES = 32 << 10
PIECE_SECONDS = 0.7
POLL_SECONDS = 0.5
SAMPLE_SECONDS = 5.0
MAX_SLOPE = 20.0  # MiB per hour
MAX_HEARTBEAT_MS = 1000.0


@dataclass
class Fleet:
    """What came of it. `errors` are sentences; `memory` are seconds and MiB."""

    port: int
    end: float
    errors: list[str] = field(default_factory=list)
    heartbeats_ms: list[float] = field(default_factory=list)
    receipts_s: list[float] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)


def measure(minutes: float = MINUTES) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "data")
        process, port = attack.start(attack.ROOT, folder)
        try:
            fleet = asyncio.run(_work(port, minutes, process.pid))
            stored = _stored(folder / "data" / "collector.db")
        finally:
            attack.stop(process, port)
    for error in fleet.errors[:10]:
        print(error, file=sys.stderr)
    return list(_figures(fleet, minutes, stored))


def _figures(fleet: Fleet, minutes: float, stored: int) -> Iterator[Figure]:
    what = f"{DEVICES} devices, {UPLOADS} uploads at once, {minutes:g} minutes"
    yield Figure(f"{what}: requests refused or without an answer", len(fleet.errors), "", 0)
    lacking = len(fleet.receipts_s) - stored
    yield Figure(f"… receipts that the rows do not have, of {len(fleet.receipts_s):,}", lacking, "", 0)
    yield Figure("… heartbeat, 99th percentile", round(_at(fleet.heartbeats_ms, 0.99), 1), "ms", MAX_HEARTBEAT_MS)
    yield Figure("… from the manifest to its receipt, 99th percentile", round(_at(fleet.receipts_s, 0.99), 1), "s", 30)
    later = fleet.memory[len(fleet.memory) // 4 :]
    yield Figure("… growth of memory", round(_slope_per_hour(later), 1), "MiB/h", MAX_SLOPE)
    yield Figure("… most memory", round(max(size for _, size in fleet.memory)), "MiB", 600)


def _at(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)] if values else float("inf")


def _slope_per_hour(samples: list[tuple[float, float]]) -> float:
    seconds, sizes = zip(*samples, strict=True)
    return float(np.polyfit(seconds, sizes, 1)[0]) * 3600


def fill(data: Path) -> None:
    """Devices that have joined; the token of each is its id."""
    db = open_database(data)
    db.close()
    rows = [(_id(number), hash_secret(_id(number)), format_utc(datetime.now(UTC))) for number in range(DEVICES)]
    with closing(sqlite3.connect(data / "collector.db")) as conn, conn:
        conn.executemany(
            "INSERT INTO device (id, name, model, token_hash, joined_at) VALUES (?1, ?1, 'm', ?2, ?3)", rows
        )


def _id(number: int) -> str:
    return f"dev-{number:04}"


def _stored(database: Path) -> int:
    with closing(sqlite3.connect(database)) as conn:
        found: int = conn.execute("SELECT count(*) FROM receipt").fetchone()[0]
    return found


async def _work(port: int, minutes: float, pid: int) -> Fleet:
    fleet = Fleet(port, time.monotonic() + minutes * 60)
    beats = [_beat(fleet, _id(number)) for number in range(DEVICES)]
    uploads = [_upload(fleet, place) for place in range(UPLOADS)]
    await asyncio.gather(*beats, *uploads, _watch(fleet, pid))
    return fleet


async def _watch(fleet: Fleet, pid: int) -> None:
    service = psutil.Process(pid)
    while time.monotonic() < fleet.end:
        sizes = 0
        for process in (service, *service.children(recursive=True)):
            try:
                sizes += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue  # a worker that was replaced meanwhile
        fleet.memory.append((time.monotonic(), sizes / 2**20))
        await asyncio.sleep(SAMPLE_SECONDS)


class _Connection:
    """HTTP/1.1 to the collector as one device."""

    def __init__(self, fleet: Fleet, device: str) -> None:
        self._fleet, self._head = fleet, f"Host: localhost\r\nAuthorization: Bearer {device}\r\n"

    async def __aenter__(self) -> _Connection:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._fleet.port)
        return self

    async def __aexit__(self, *_problem: object) -> None:
        self._writer.close()

    async def send(self, method: str, path: str, headers: dict[str, str], *pieces: bytes) -> tuple[int, bytes, bytes]:
        """Status, head and body of the answer; between two pieces time passes."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        length = sum(map(len, pieces))
        self._writer.write(f"{method} {path} HTTP/1.1\r\n{self._head}{lines}Content-Length: {length}\r\n\r\n".encode())
        for place, piece in enumerate(pieces):
            if place:
                await asyncio.sleep(PIECE_SECONDS)
            self._writer.write(piece)
            await self._writer.drain()
        head = await self._reader.readuntil(b"\r\n\r\n")
        named = head.lower().split(b"content-length:")
        body = await self._reader.readexactly(int(named[1].split(b"\r\n")[0])) if len(named) > 1 else b""
        status = int(head.split()[1])
        if status >= 300:
            self._fleet.errors.append(f"{method} {path}: {status} {body[:200]!r}")
        return status, head, body


async def _beat(fleet: Fleet, device: str) -> None:
    await asyncio.sleep(random.random() * HEARTBEAT_SECONDS)
    backlog = {"captures": 0, "bytes": 0, "free_bytes": 10**9}
    async with _Connection(fleet, device) as connection:
        while time.monotonic() < fleet.end:
            body = {"schema": 1, "device": device, "agent_version": "0", "state": "idle", "backlog": backlog}
            raw = json.dumps({**body, "at": format_utc(datetime.now(UTC))}).encode()
            began = time.monotonic()
            try:
                await connection.send("POST", "/api/devices/heartbeat", attack.JSON, raw)
            except (OSError, EOFError) as error:
                fleet.errors.append(f"heartbeat of {device}: {error!r}")
                return
            fleet.heartbeats_ms.append((time.monotonic() - began) * 1000)
            await asyncio.sleep(HEARTBEAT_SECONDS)


async def _upload(fleet: Fleet, place: int) -> None:
    number = place
    while time.monotonic() < fleet.end:
        device = _id(number % DEVICES)
        number += UPLOADS
        try:
            async with _Connection(fleet, device) as connection:
                fleet.receipts_s.append(await _send_capture(connection, device))
        except (OSError, EOFError, AssertionError) as error:
            fleet.errors.append(f"upload of {device}: {error!r}")


async def _send_capture(connection: _Connection, device: str) -> float:
    """Seconds from the manifest to the receipt."""
    capture, pieces = new_id("cap"), [os.urandom(PIECE_BYTES) for _ in range(PIECES)]
    size, sha256 = PIECES * PIECE_BYTES, hashlib.sha256(b"".join(pieces)).hexdigest()
    named = ",".join(f"{name} {in_base64(value.encode())}" for name, value in (("capture", capture), ("part", "media")))
    _, head, _ = await connection.send(
        "POST", "/api/uploads", {**VERSION, "Upload-Length": str(size), "Upload-Metadata": named}
    )
    found = re.search(rb"(?i)\r\nlocation: \S*?(/api/\S+)", head)
    assert found is not None, f"no place was named for {capture}"
    location = found[1].decode()
    await connection.send("PATCH", location, {**VERSION, **BODY, "Upload-Offset": "0"}, *pieces)
    manifest = json.dumps(torn_text(device, capture, sha256, size).to_json()).encode()
    await connection.send("PUT", f"/api/captures/{capture}/manifest", attack.JSON, manifest)
    began = time.monotonic()
    while True:
        status, _, body = await connection.send("GET", f"/api/captures/{capture}/receipt", {})
        if status == 200:
            assert json.loads(body)["sha256"] == sha256, f"the receipt of {capture} is about other bytes"
            return time.monotonic() - began
        await asyncio.sleep(POLL_SECONDS)


if __name__ == "__main__":
    for figure in measure(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES):
        print(f"{figure.name}: {figure.shown} ({figure.compared_with})")
