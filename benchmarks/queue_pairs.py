"""How fast the queue hands out items and takes them back over HTTP, beside the same rows in SQLite alone.

    python -m benchmarks queue                 100,000 open items
    python -m benchmarks.queue_pairs 1000000   so many

Open items with three boxes each. Each client asks for an item and submits its boxes as they are, again and again, on
one connection: in one request, where each submit asks for the next item, as the page does, and in two. SQLite alone
leases and finishes items with the collector's own statements, so many in one transaction as there were clients, and
does nothing else: no HTTP, no sign-in, no checks, no answer.
"""

from __future__ import annotations

import asyncio
import json
import math
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from benchmarks import attack, export
from benchmarks.figure import Figure
from benchmarks.steadiness import steadiness
from collector.people.accounts import add_user, new_token
from collector.review import queue_sql as sql
from collector.store.open import open_database
from collector.store.sql import Connection, Statement, text

CLIENTS = (1, 8, 32)
SECONDS = 6.0
OPEN_ITEMS = 100_000
MS_A_PAIR = 2.0  # 500 pairs a second
MAX_P99_MS = 20.0
P99_CLIENTS = 8
_AGAIN = (
    "DELETE FROM revision WHERE task_id IN (SELECT id FROM task WHERE rowid > :done)",
    "UPDATE task SET state = 'open', fence = 0, revision_id = NULL, done_at = NULL,"
    " reason_kind = CASE WHEN rowid % 10 = 0 THEN 'random' ELSE 'age' END WHERE rowid > :done",
)
# As devices send it with a session: its steps, in their order.
_PLAN = (
    "INSERT INTO session_step (session_id, number, step, title)"
    " SELECT session_id, row_number() OVER (PARTITION BY session_id ORDER BY step), step, step"
    " FROM (SELECT DISTINCT session_id, step FROM take)"
)
_FENCE = text("SELECT fence FROM task WHERE id = :task")
FILLED_AT_ONCE = 100_000
_IDS = ("id", "session_id", "take_id", "capture_id", "task_id")
_COPIED = {
    "session": "id",
    "session_grant": "session_id",
    "session_step": "session_id",
    "take": "id",
    "capture": "id",
    "derived": "capture_id",
    "task": "id",
    "task_capture": "task_id",
}
_PRELABELS = (
    "INSERT INTO labels_document (capture_id, name, source_kind, source_name, source_sha256, body, raw_sha256)"
    " SELECT id, 'm', 'model', 'm', 'x', replace(:body, '%', id), :sha256 FROM capture"
)


def measure(items: int = OPEN_ITEMS) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tokens = fill(folder / "data", items)
        process, port = attack.start(attack.ROOT, folder)
        try:
            served = {
                clients: [
                    # Other people for the second way: who asks alone for so long meets the limit of one person's rate.
                    asyncio.run(work_over_http(port, some, one_request=one))
                    for one, some in ((True, tokens[:clients]), (False, tokens[-clients:]))
                ]
                for clients in CLIENTS
            }
        finally:
            attack.stop(process, port)
        figures = steadiness()
        for clients, each in served.items():
            alone = pairs_in_sqlite(folder / "data" / "collector.db", clients)
            for work, how in zip(each, ("one request", "two requests"), strict=True):
                what = f"next + submit over HTTP, {items:,} open, {how}, {clients} client{'s' * (clients > 1)}"
                limit = MAX_P99_MS if clients == P99_CLIENTS else math.inf
                figures.append(Figure(what, round(1000 / work.pairs, 2), "ms a pair", MS_A_PAIR))
                figures.append(Figure("… 99th percentile of a request", round(work.p99_ms, 1), "ms", limit))
                figures.append(Figure("… beside SQLite alone", round(alone / work.pairs, 1), "times its time", 10))
        return figures


def fill(data: Path, items: int = OPEN_ITEMS, done: int = 0) -> list[str]:
    """A data folder with open items; returns the bearer tokens of as many people as there are clients at most.

    Args:
        done: how many more items are reviewed; no more than FILLED_AT_ONCE open ones then.
    """
    first = min(items, FILLED_AT_ONCE)
    export.fill(data, first + done)
    boxes = [
        {"id": f"b{n}", "kind": "box", "label": "cup", "score": 0.5, "x": 9.0, "y": 9.0 * n, "width": 30, "height": 50}
        for n in range(3)
    ]
    source = {"kind": "model", "name": "m", "version": "1", "sha256": "e" * 64}
    body = json.dumps({"schema": 1, "capture": "%", "source": source, "labels": boxes})

    def write(conn: Connection) -> list[str]:
        for statement in _AGAIN:
            conn.execute(statement, {"done": done})
        conn.execute(_PLAN)
        for number in range(1, items // first):
            _copy(conn, f"x{number}")
        conn.execute(_PRELABELS, {"body": body, "sha256": "a" * 64})
        for number in range(max(CLIENTS)):
            add_user(conn, f"person {number}", "annotator")
        return [new_token(conn, f"person {number}") for number in range(max(CLIENTS))]

    db = open_database(data)
    try:
        tokens = db.write_sync(write)
        db.maintain()
        return tokens
    finally:
        db.close()


def _copy(conn: Connection, mark: str) -> None:
    """The first items once more, under ids that end with a mark of two characters."""
    for table, key in _COPIED.items():
        columns = list(next(conn.execute(f"SELECT * FROM {table} LIMIT 1").mappings()))
        values = ", ".join(f"{name} || '{mark}'" if name in _IDS else name for name in columns)
        conn.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE substr({key}, -2, 1) <> 'x'"
        )


class PairsDone(NamedTuple):
    """`pairs` a second, and how long 99 of 100 requests took at most."""

    pairs: float
    p99_ms: float


async def work_over_http(port: int, tokens: list[str], one_request: bool) -> PairsDone:
    """What these people get done together. One alone works half as long: the limit of a person's rate is near."""
    seconds = SECONDS if len(tokens) > 1 else SECONDS / 2
    end, waits = time.monotonic() + seconds, list[float]()
    done = await asyncio.gather(*[_work(port, token, end, one_request, waits) for token in tokens])
    return PairsDone(sum(done) / seconds, sorted(waits)[int(len(waits) * 0.99)] * 1000)


async def _work(port: int, token: str, end: float, one_request: bool, waits: list[float]) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    client, done = f"page-{uuid4().hex[:12]}", 0

    async def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        raw = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        began = time.monotonic()
        writer.write(head.encode() + raw)
        head_of_answer = await reader.readuntil(b"\r\n\r\n")
        length = int(head_of_answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        said = await reader.readexactly(length)
        waits.append(time.monotonic() - began)
        if not head_of_answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"{path} was answered with {head_of_answer.splitlines()[0]!r} {said[:300]!r}.")
        found: dict[str, Any] = json.loads(said)
        return found

    asked = {"client": client}
    given: dict[str, Any] | None = None
    while time.monotonic() < end:
        given = given or await post("/api/tasks/next", asked)
        (task,) = given["tasks"]
        work = {"fence": task["lease"]["fence"], "submit": str(uuid4()), "documents": task["prelabels"]}
        more = {"next": asked} if one_request else {}
        answer = await post(f"/api/tasks/{task['id']}/submit", {**work, **more, "opened_at": given["now"]})
        given = answer.get("next")
        done += 1
    if given is not None:
        await post(f"/api/tasks/{given['tasks'][0]['id']}/return", {"fence": given["tasks"][0]["lease"]["fence"]})
    writer.close()
    return done


def pairs_in_sqlite(database: Path, group: int) -> float:
    """Pairs a second of SQLite alone, so many in each transaction, on the rows that the collector has left open."""
    with closing(sqlite3.connect(database, isolation_level=None)) as conn:
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("PRAGMA synchronous=FULL")
        person = conn.execute("SELECT id FROM person").fetchone()[0]
        done, began = 0, time.monotonic()
        while time.monotonic() - began < SECONDS / 2:
            leased: list[tuple[str, int]] = []
            _together(conn, lambda leased=leased: _lease(conn, person, group, leased))  # type: ignore[misc]
            _together(conn, lambda leased=leased: _finish_all(conn, person, leased))  # type: ignore[misc]
            done += len(leased)
            if not leased:
                break
        return done / (time.monotonic() - began)


def _together(conn: sqlite3.Connection, work: Callable[[], object]) -> None:
    conn.execute("BEGIN IMMEDIATE")
    work()
    conn.execute("COMMIT")


def _run(conn: sqlite3.Connection, statement: Statement, values: dict[str, Any]) -> Any:
    return conn.execute(*statement.filled(values)).fetchone()


def _lease(conn: sqlite3.Connection, person: str, group: int, leased: list[tuple[str, int]]) -> None:
    at = {
        "person": person,
        "client": "alone",
        "now": "2026-12-01",
        "expires": "2026-12-02",
        "studies": None,
    }
    first = sql.statements_of(frozenset({"boxes"}), is_limited=False).lanes["priority"].first
    for _ in range(group):
        found = _run(conn, first, at)
        if found is None:
            return
        task = found[0]
        fence = _run(conn, _FENCE, {"task": task})[0] + 1
        _run(conn, sql.LEASE, {**at, "task": task, "fence": fence})
        _run(
            conn,
            sql.REMEMBER_LEASE,
            {**at, "task": task, "fence": fence, "lane": "priority", "probability": 0.9, "why": None},
        )
        leased.append((task, fence))


def _finish_all(conn: sqlite3.Connection, person: str, leased: list[tuple[str, int]]) -> None:
    for task, fence in leased:
        _finish(conn, person, task, fence)


def _finish(conn: sqlite3.Connection, person: str, task: str, fence: int) -> None:
    body = '[{"schema":1}]' * 30
    values = {
        "id": f"rev-{uuid4().hex}", "task": task, "number": 1, "person": person, "submit": str(uuid4()), "fence": fence,
        "now": "2026-12-01", "opened_at": "2026-12-01", "first_input_at": None, "active_ms": 0, "documents": body,
        "diff": body, "reply": body, "reason_kind": "age", "probability": 0.9, "instruction_version": 1,
        "script_sha256": "c" * 64, "instruction_sha256": "d" * 64, "shown": "[]", "told": "[]", "page": None,
        "correction": None, "study_version": 1,
    }  # fmt: skip
    _run(conn, sql.ADD_REVISION, values)
    _run(conn, sql.DONE, {"task": task, "revision": values["id"], "now": "2026-12-01"})
    _run(conn, sql.END_LEASE, {"task": task, "fence": fence, "how": "submitted", "now": "2026-12-01"})


if __name__ == "__main__":
    for figure in measure(int(sys.argv[1]) if len(sys.argv) > 1 else OPEN_ITEMS):
        print(f"{figure.name}: {figure.shown} ({figure.compared_with})")
