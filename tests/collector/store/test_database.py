"""The contract of a database, on both engines: serial durable writes in groups, and an fn leaves all or nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.store import write_queue
from collector.store.database import Along, Database, DatabaseFailed, ReadTooLong, notify, require_thread
from collector.store.dialects import NAMES_OF_TABLES
from collector.store.lock import DataInUse
from collector.store.open import UnknownDatabase, database_file, open_database
from collector.store.sql import Connection, text
from tests.collector.running import ROOT
from tests.support.database_fns import ADD, Refused, names, writer
from tests.support.databases import ENGINES, Engine, address_of, new_database, reader, reopened


def sign_of(answer: object) -> object:
    """What came of a write: its value, "duplicate", or the class of another exception."""
    if not isinstance(answer, Exception):
        return answer
    return "duplicate" if type(answer).__name__ in ("IntegrityError", "UniqueViolation") else type(answer)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.param
    return found


@pytest.fixture
def db(tmp_path: Path, engine: Engine) -> Iterator[Database]:
    database = new_database(tmp_path, engine)
    yield database
    database.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.lists(st.sampled_from("abcdefgh"), max_size=3, unique=True), st.booleans()), max_size=40))
def test_a_group_keeps_exactly_the_fns_that_did_not_raise(db: Database, plan: list[tuple[list[str], bool]]) -> None:
    """Against a model: a fn adds all its names and none when one is there already or it raises."""
    db.write_sync(lambda conn: conn.execute(text("DELETE FROM person")).rowcount)
    model: set[str] = set()
    expected: list[object] = []
    for wanted, fails in plan:
        if model & set(wanted):
            expected.append("duplicate")
        elif fails:
            expected.append(Refused)
        else:
            model |= set(wanted)
            expected.append(len(wanted))

    async def all_at_once() -> list[object]:
        writes = [db.write(writer(wanted, fails=fails)) for wanted, fails in plan]
        return list(await asyncio.gather(*writes, return_exceptions=True))

    answers = asyncio.run(all_at_once())
    assert [sign_of(answer) for answer in answers] == expected
    assert names(db) == sorted(model)


@pytest.mark.parametrize("quick", [True, False])
def test_an_fn_that_fails_after_writing_runs_the_group_again_and_alone_is_left_out(
    db: Database, quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GROUP_SECONDS", "QUICK_GROUP_SECONDS"):
        monkeypatch.setattr(write_queue, name, 600)
    runs: list[str] = []
    told: list[str] = []
    db.subscribe("people", lambda: told.append("people"))

    def fn_of(name: str, steps: list[Callable[[Connection], object]]) -> Callable[[Connection], str]:
        def fn(conn: Connection) -> str:
            runs.append(name)
            notify(conn, "people")
            for step in steps:
                step(conn)
            return name

        return fn

    def fails(_conn: Connection) -> None:
        raise Refused

    def add(name: str) -> Callable[[Connection], object]:
        return lambda conn: conn.execute(ADD, {"id": name})

    def adds_a_table(conn: Connection) -> None:
        conn.exec_driver_sql("CREATE TABLE nobodys (id INTEGER)")

    plan = [
        ("a", [add("a")]),
        ("b", [add("b"), fails]),
        ("c", [add("c")]),
        ("d", [adds_a_table, fails]),
        ("e", [fails, add("e")]),
    ]

    async def group() -> list[object]:
        # Behind one that takes until all of them wait they are in one group.
        at, gate = threading.Event(), threading.Event()
        first = asyncio.create_task(db.write(lambda _conn: (at.set(), gate.wait())))
        await asyncio.to_thread(at.wait)
        rest = [asyncio.create_task(db.write(fn_of(name, steps), quick=quick)) for name, steps in plan]
        await asyncio.sleep(0)
        gate.set()
        await first
        return list(await asyncio.gather(*rest, return_exceptions=True))

    found = asyncio.run(group())
    assert [type(one) if isinstance(one, Exception) else one for one in found] == ["a", Refused, "c", Refused, Refused]
    assert names(db) == ["a", "c"]
    tables = db.read_sync(lambda conn: set(conn.execute(NAMES_OF_TABLES).scalars()))
    assert "person" in tables and "nobodys" not in tables
    assert runs == ["a", "b", "a", "b", "c", "d", "e"] and told == ["people"]


def lasting(conn: Connection) -> list[str]:
    return sorted(conn.lasting)


def test_what_an_fn_leaves_for_the_next_is_gone_with_a_transaction_that_is_given_up(db: Database) -> None:
    def leave(name: str, *, fails: bool = False) -> Callable[[Connection], None]:
        def fn(conn: Connection) -> None:
            conn.execute(ADD, {"id": name})
            conn.lasting[name] = True
            if fails:
                raise Refused

        return fn

    db.write_sync(leave("kept"))
    assert db.write_sync(lasting) == ["kept"]
    with pytest.raises(Refused):
        db.write_sync(leave("undone", fails=True))
    assert db.write_sync(lasting) == []
    assert names(db) == ["kept"]


def read_names(conn: Connection, before: list[str]) -> list[str]:
    return [*before, *conn.execute(text("SELECT id FROM person ORDER BY id")).scalars()]


def fails_to_read(conn: Connection, before: list[str]) -> list[str]:
    conn.ahead([(text("SELECT id FROM person"), {})])
    conn.execute(text("SELECT nothing FROM nowhere")).all()
    return before


def takes_long(conn: Connection, before: list[str]) -> list[str]:
    require_thread(conn)
    return before


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize(
    ("along", "read"), [(read_names, ["a", "b"]), (fails_to_read, []), (takes_long, []), (None, [])]
)
def test_what_is_read_along_belongs_to_the_answer_and_never_spoils_it(
    db: Database, along: Along[list[str]] | None, read: list[str], quick: bool
) -> None:
    def add(name: str) -> Callable[[Connection], list[str]]:
        def fn(conn: Connection) -> list[str]:
            conn.execute(ADD, {"id": name})
            return [f"made {name}"]

        return fn

    async def one_by_one() -> list[list[str]]:
        await db.read(lambda conn: None)  # a database behind a network finds out how far that is
        return [await db.write(add(name), quick=quick, along=along if name == "b" else None) for name in "abc"]

    assert asyncio.run(one_by_one()) == [["made a"], ["made b", *read], ["made c"]]
    assert names(db) == ["a", "b", "c"]


def test_a_quick_write_behind_one_that_reads_along_is_still_held_to_that(db: Database) -> None:
    def long_one(conn: Connection) -> str:
        require_thread(conn)
        return threading.current_thread().name

    async def together() -> list[object]:
        await db.read(lambda conn: None)
        pairs = [(db.write(writer([f"p{n}"], fails=False), quick=True, along=lambda conn, value: value),
                  db.write(long_one, quick=True)) for n in range(20)]  # fmt: skip
        return await asyncio.gather(*[write for pair in pairs for write in pair])

    answers = asyncio.run(together())
    assert answers[::2] == [1] * 20
    assert set(answers[1::2]) == {"db-write"}


def test_nothing_is_read_along_for_a_write_that_fails(db: Database) -> None:
    asked: list[object] = []

    def along(conn: Connection, value: int) -> int:
        asked.append(value)
        return value

    with pytest.raises(Refused):
        asyncio.run(db.write(writer(["a"], fails=True), quick=True, along=along))
    assert asyncio.run(db.write(writer(["a"], fails=False), quick=True, along=along)) == 1
    assert asked == [1]


def test_writes_of_many_threads_all_count(db: Database) -> None:
    db.write_sync(lambda conn: conn.execute(text("INSERT INTO person VALUES ('n', '0', 'lead', '', NULL)")).rowcount)

    def count(conn: Connection) -> None:
        now = int(conn.execute(text("SELECT name FROM person WHERE id = 'n'")).scalar_one())
        conn.execute(text("UPDATE person SET name = :name WHERE id = 'n'"), {"name": str(now + 1)})

    threads = [threading.Thread(target=lambda: [db.write_sync(count) for _ in range(25)]) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.read_sync(lambda conn: conn.execute(text("SELECT name FROM person")).scalar()) == "500"


def test_topics_are_told_after_a_commit_and_only_then(db: Database) -> None:
    heard: list[list[str]] = []
    db.subscribe("people", lambda: heard.append(names(db)))
    with pytest.raises(Refused):
        db.write_sync(writer(["a"], fails=True))
    assert heard == []
    db.write_sync(writer(["b"], fails=False))
    assert heard == [["b"]]


def test_readers_cannot_write(db: Database) -> None:
    with pytest.raises(DatabaseFailed):
        db.read_sync(lambda conn: conn.execute(ADD, {"id": "x"}).rowcount)


def test_a_read_sees_one_moment(db: Database) -> None:
    def read(conn: Connection) -> tuple[int, int]:
        first = conn.execute(text("SELECT count(*) FROM person")).scalar_one()
        db.write_sync(writer(["a"], fails=False))
        return first, conn.execute(text("SELECT count(*) FROM person")).scalar_one()

    assert db.read_sync(read) == (0, 0)
    assert names(db) == ["a"]


def test_a_second_process_is_told_in_one_sentence(tmp_path: Path, engine: Engine) -> None:
    db = new_database(tmp_path, engine)
    with pytest.raises(DataInUse):
        reopened(tmp_path)
    beside = reader(tmp_path)
    assert names(beside) == []
    with pytest.raises(DatabaseFailed):
        beside.write_sync(lambda conn: None)
    beside.close()
    db.close()
    reopened(tmp_path).close()


def test_what_is_closed_takes_nothing_more_but_finishes_what_it_took(tmp_path: Path, engine: Engine) -> None:
    db = new_database(tmp_path, engine)
    threads = [threading.Thread(target=lambda n=n: db.write_sync(writer([f"p{n}"], fails=False))) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.close()
    db.close()
    with pytest.raises(DatabaseFailed):
        db.write_sync(lambda conn: None)
    again = reopened(tmp_path)
    assert len(names(again)) == 10
    again.close()


@pytest.mark.parametrize("address", ["oracle://host/name", "mysql://x"])
def test_other_engines_are_refused_by_name(tmp_path: Path, address: str) -> None:
    with pytest.raises(UnknownDatabase):
        database_file(address)
    with pytest.raises(UnknownDatabase):
        open_database(tmp_path, address)


def test_a_commit_survives_kill_nine(tmp_path: Path, engine: Engine) -> None:
    new_database(tmp_path, engine).close()
    program = (
        "import sys, itertools\n"
        "from collector.store.sql import text\n"
        "from collector.store.open import open_database\n"
        f"db = open_database({str(tmp_path)!r}, {address_of(tmp_path)!r})\n"
        "for n in itertools.count():\n"
        "    db.write_sync(lambda conn: conn.execute(text(\"INSERT INTO person VALUES (:i, :i, 'lead', '', NULL)\"),"
        " {'i': str(n)}))\n"
        "    print(n, flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    said = [int(child.stdout.readline()) for _ in range(40)]
    child.kill()
    said += [int(line) for line in child.stdout.read().split()]
    child.wait()
    db = reopened(tmp_path)
    assert {str(n) for n in said} <= set(names(db))
    db.close()


def test_long_reads_hold_up_no_short_one(db: Database) -> None:
    gate = threading.Event()

    async def both() -> int:
        slow = [asyncio.create_task(db.read_long(lambda conn: gate.wait(60))) for _ in range(20)]
        await asyncio.sleep(0)
        try:
            return await db.read(lambda conn: conn.execute(text("SELECT 7")).scalar_one())
        finally:
            gate.set()
            assert all(await asyncio.gather(*slow))

    assert asyncio.run(both()) == 7


def test_a_read_that_takes_too_long_is_given_up(db: Database, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
    module = "postgres" if engine == "postgresql" else "sqlite"
    monkeypatch.setattr(f"collector.store.{module}.MAX_READ_SECONDS", 0.1)
    with pytest.raises(ReadTooLong):
        asyncio.run(db.read_long(lambda conn: conn.execute(endless).scalar()))
    monkeypatch.undo()
    assert asyncio.run(db.read_long(lambda conn: conn.execute(text("SELECT 7")).scalar())) == 7
