"""How fast the queue hands out items and takes them back on PostgreSQL: one collector, and two on one database.

    python -m benchmarks queue-postgres           100,000 open items
    python -m benchmarks.queue_postgres 1000000   so many

The rows of `benchmarks.queue_pairs` are copied into a server on a Unix socket, with fsync. The second collector has
`review_only`; each serves half of the clients.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import Boolean, Table

from benchmarks import attack, queue_pairs
from benchmarks.figure import Figure
from benchmarks.queue_pairs import PairsDone
from benchmarks.steadiness import steadiness
from collector.store.tables import metadata
from tests.support import postgres

CLIENTS = (1, 8, 32)
SERVER = "-c fsync=on -c synchronous_commit=on -c max_wal_size=4GB"
DATABASE = "GLEANER_COLLECTOR_DATABASE"
REVIEW_ONLY = "GLEANER_COLLECTOR_REVIEW_ONLY"


def measure(items: int = queue_pairs.OPEN_ITEMS) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name, postgres.own_server(SERVER) as server:
        folder = Path(name)
        tokens = queue_pairs.fill(folder / "data", items)
        address = server.address.format(name=postgres.TEMPLATE)
        copy_rows(folder / "data" / "collector.db", address)
        figures = steadiness()
        for count in (1, 2):
            with collectors(folder, address, count) as ports:
                for clients in CLIENTS[count - 1 :]:
                    figures += _figures(ports, tokens[:clients], items)
        return figures


def _figures(ports: Sequence[int], tokens: list[str], items: int) -> Iterator[Figure]:
    for one, how in ((True, "one request"), (False, "two requests")):
        work = asyncio.run(_together(ports, tokens, one))
        what = f"next + submit on PostgreSQL, {items:,} open, {how}, {len(tokens)} clients, {len(ports)} collectors"
        limit = queue_pairs.MAX_P99_MS if len(tokens) == queue_pairs.P99_CLIENTS else math.inf
        yield Figure(what, round(1000 / work.pairs, 2), "ms a pair", queue_pairs.MS_A_PAIR)
        yield Figure("… 99th percentile of a request", round(work.p99_ms, 1), "ms", limit)


async def _together(ports: Sequence[int], tokens: list[str], one_request: bool) -> PairsDone:
    shares = [
        queue_pairs.work_over_http(port, tokens[place :: len(ports)], one_request) for place, port in enumerate(ports)
    ]
    found = await asyncio.gather(*shares)
    return PairsDone(sum(work.pairs for work in found), max(work.p99_ms for work in found))


@contextlib.contextmanager
def collectors(folder: Path, address: str, count: int) -> Iterator[list[int]]:
    """The ports of so many: the first has the data folder, the others its keys and blobs."""
    os.environ[DATABASE] = address
    running = []
    try:
        running.append(attack.start(attack.ROOT, folder))
        for number in range(1, count):
            os.environ[REVIEW_ONLY] = "true"
            other = folder / f"other-{number}"
            (other / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copytree(folder / "data" / "keys", other / "data" / "keys", dirs_exist_ok=True)
            with contextlib.suppress(FileExistsError):
                (other / "data" / "blobs").symlink_to(folder / "data" / "blobs")
            running.append(attack.start(attack.ROOT, other))
        yield [port for _, port in running]
    finally:
        for process, port in running:
            attack.stop(process, port)
        for name in (DATABASE, REVIEW_ONLY):
            os.environ.pop(name, None)


def copy_rows(database: Path, address: str) -> None:
    """Every row of an SQLite file into an empty PostgreSQL database of the same schema."""
    import psycopg

    with contextlib.closing(sqlite3.connect(database)) as source, psycopg.connect(address) as target:
        # Counts kept by triggers are copied as well.
        target.execute("SET session_replication_role = replica")
        for table in metadata.sorted_tables:
            _copy_table(source, target.cursor(), table)
        target.commit()
        target.autocommit = True
        target.execute("VACUUM ANALYZE")


def _copy_table(source: sqlite3.Connection, target: object, table: Table) -> None:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    flags = [isinstance(column.type, Boolean) for column in table.columns]
    with target.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:  # type: ignore[attr-defined]
        for row in source.execute(f"SELECT {columns} FROM {table.name}"):
            copy.write_row([bool(value) if flag else value for value, flag in zip(row, flags, strict=True)])
    if table.autoincrement_column is not None:
        name = table.autoincrement_column.name
        target.execute(  # type: ignore[attr-defined]
            f"SELECT setval(pg_get_serial_sequence('{table.name}', '{name}'), max({name}) + 1) FROM {table.name}"
        )


if __name__ == "__main__":
    for figure in measure(int(sys.argv[1]) if len(sys.argv) > 1 else queue_pairs.OPEN_ITEMS):
        print(f"{figure.name}: {figure.shown} ({figure.compared_with})")
