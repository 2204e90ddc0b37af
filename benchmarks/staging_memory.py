"""What uploads to S3 staging hold in memory: 1, 8 and 50 of 64 MiB at once, resident memory of the service watched.

    python -m benchmarks staging-memory

Each upload is one PATCH; every second one has a checksum, whose pieces get no row before its end. The S3 server is moto
on the same machine, which is slower than the senders: what arrives has to wait. Memory is that of the process that
receives, sampled every 20 ms, beyond what it had after one upload before.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.figure import Figure
from benchmarks.upload_client import Gleaner, Piece, Stored
from collector.store.staging_s3 import HELD_BYTES
from tests.support import s3

MIB = 1 << 20
SENDERS = (1, 8, 50)
UPLOAD_BYTES = 64 * MIB
SHIFT = 4096  # every upload has other bytes
SAMPLE_SECONDS = 0.02
# What docs/collector.md says: pieces and batches of all, and for each sender what its connection has read.
EACH_MIB = 4


@dataclass
class Peak:
    mib: float = 0.0


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name, s3.running("moto") as moto:
        source = Path(name) / "source"
        source.write_bytes(os.urandom(UPLOAD_BYTES + SHIFT * max(SENDERS)))
        with _settings(moto):
            gleaner = Gleaner(Path(name) / "collector")
        try:
            service = psutil.Process(gleaner.pid)
            send_all(gleaner, source, 1)
            before = service.memory_info().rss / MIB
            figures = []
            for count in SENDERS:
                with watched(service) as peak:
                    send_all(gleaner, source, count)
                what = f"{count} uploads of 64 MiB to S3 at once: most memory beyond {before:.0f} MiB"
                limit = HELD_BYTES / MIB + EACH_MIB * count
                figures.append(Figure(what, round(peak.mib - before, 1), "MiB", limit))
            return figures
        finally:
            gleaner.stop()


def send_all(gleaner: Gleaner, source: Path, count: int) -> None:
    """So many uploads at once, each to its end; then they are removed."""
    pieces = [Piece(source, SHIFT * number, UPLOAD_BYTES) for number in range(count)]
    for piece in pieces:
        piece.sha256()

    def send(number: int) -> Stored:
        return gleaner.send(pieces[number], None, checksum=number % 2 == 1)

    with ThreadPoolExecutor(count) as senders:
        for stored in senders.map(send, range(count)):
            gleaner.delete(stored)


@contextmanager
def watched(process: psutil.Process) -> Iterator[Peak]:
    peak, ended = Peak(), threading.Event()

    def watch() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            peak.mib = max(peak.mib, process.memory_info().rss / MIB)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


@contextmanager
def _settings(moto: s3.S3Server) -> Iterator[None]:
    place = f"s3://{moto.new_bucket()}/gleaner"
    names = {"BLOBS": place, "STAGING": place, "S3_ENDPOINT": moto.endpoint}
    own = {f"GLEANER_COLLECTOR_{name}": value for name, value in names.items()}
    os.environ.update(own)
    try:
        yield
    finally:
        for name in own:
            del os.environ[name]
