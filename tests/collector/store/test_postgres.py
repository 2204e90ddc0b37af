"""What PostgreSQL alone can do to us: a server that goes, other processes, conflicts, and how it is reached."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from collector.settings import Settings, SettingsInvalid, load_settings
from collector.store import postgres_readers
from collector.store.database import Database, DatabaseDamaged, DatabaseFailed, TextUnusable, notify
from collector.store.lock import DataInUse
from collector.store.open import DriverMissing, UnknownDatabase, open_database
from collector.store.postgres_driver import PostgresConnection
from collector.store.postgres_readers import PostgresReaders
from collector.store.postgres_statements import CHANGED_BY_TRIGGERS
from collector.store.sql import Connection, text
from tests.collector.review.filled import Filled
from tests.collector.running import until
from tests.needs import ROOT
from tests.support import postgres
from tests.support.database_fns import Refused
from tests.support.databases import address_of, migrated, new_database, rows_of, share

ADD = text("INSERT INTO person (id, name, role, created_at) VALUES (:id, :id, 'lead', '')")
NAMES = text("SELECT id FROM person ORDER BY id")


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.own_server() as running:
        yield running


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = new_database(tmp_path, "postgresql")
    yield database
    database.close()


def names(db: Database) -> list[str]:
    return db.read_sync(lambda conn: list(conn.execute(NAMES).scalars()))


def add(*ids: str) -> object:
    def fn(conn: Connection) -> int:
        for one in ids:
            conn.execute(ADD, {"id": one})
        return len(ids)

    return fn


def test_a_server_that_dies_under_writes_leaves_no_half_and_comes_back(server: postgres.Server, tmp_path: Path) -> None:
    """Each fn adds two rows. What was answered is there, and nothing is there alone."""
    db = open_database(tmp_path, server.address.format(name=postgres.TEMPLATE))
    ending = threading.Event()
    answered: list[int] = []
    refused: list[BaseException] = []

    def write(first: int) -> None:
        number = first
        while not ending.is_set():
            number += 8
            try:
                db.write_sync(add(f"a{number}", f"b{number}"))  # type: ignore[arg-type]
                answered.append(number)
            except DatabaseFailed as error:
                refused.append(error)
                ending.wait(0.02)

    threads = [threading.Thread(target=write, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            count = len(answered)
            until(lambda count=count: len(answered) > count + 40)  # type: ignore[misc]
            server.stop("immediate")
            count = len(refused)
            until(lambda count=count: len(refused) > count)  # type: ignore[misc]
            with pytest.raises(DatabaseFailed) as caught:
                names(db)
            assert caught.value.retryable
            server.start()
        count = len(answered)
        until(lambda: len(answered) > count + 40)
    finally:
        ending.set()
        for thread in threads:
            thread.join()
    found = set(names(db))
    db.close()
    assert {f"{letter}{number}" for number in answered for letter in "ab"} <= found
    assert {name[1:] for name in found if name[0] == "a"} == {name[1:] for name in found if name[0] == "b"}


def test_reads_go_on_after_a_restart(server: postgres.Server, tmp_path: Path) -> None:
    db = open_database(tmp_path, server.address.format(name=postgres.TEMPLATE))
    try:
        before = names(db)
        server.stop("fast")
        server.start()
        assert names(db) == before, "the idle connections that the server closed are replaced"
    finally:
        db.close()


TOUCH = text("UPDATE person SET created_at = created_at || 'x' WHERE id = :id")
TIMES = text("SELECT created_at FROM person")


def test_a_deadlock_with_somebody_else_is_tried_again(
    db: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another session, such as an administrator's, locks two rows in the other order."""
    db.write_sync(add("a", "b"))  # type: ignore[arg-type]
    runs = []
    waits_patiently = threading.Event()
    may_go_on = threading.Event()

    def fn(conn: Connection) -> None:
        runs.append(1)
        assert conn.execute(TOUCH, {"id": "a"}).rowcount == 1
        if len(runs) == 2:
            waits_patiently.set()
            may_go_on.wait(60)
        conn.execute(TOUCH, {"id": "b"})

    with rows_of(tmp_path) as other:
        other.exec_driver_sql("BEGIN; SET deadlock_timeout = '1h'")
        assert other.execute(TOUCH, {"id": "b"}).rowcount == 1
        caplog.set_level(logging.INFO, "gleaner.store")
        ours = threading.Thread(target=lambda: db.write_sync(fn))
        ours.start()
        assert waits_patiently.wait(60)
        may_go_on.set()
        # It waits for us, we for it; the server ends ours, which looks for deadlocks sooner.
        assert other.execute(TOUCH, {"id": "a"}).rowcount == 1
        other.exec_driver_sql("COMMIT")
        ours.join(60)
    # Impatiently, patiently until the deadlock, and again: once more for each time that ours is back before the other.
    assert len(runs) >= 3
    assert "a group of writes is run again: deadlock detected" in caplog.text
    assert db.read_sync(lambda conn: set(conn.execute(TIMES).scalars())) == {"xx"}


def test_a_lock_of_somebody_else_does_not_hold_up_the_event_loop(db: Database, tmp_path: Path) -> None:
    db.write_sync(add("a"))  # type: ignore[arg-type]
    db.read_sync(lambda conn: conn.execute(NAMES).all())  # from here on it is known how near the server is
    threads: list[threading.Thread] = []

    def fn(conn: Connection) -> None:
        threads.append(threading.current_thread())
        conn.execute(TOUCH, {"id": "a"})

    async def meanwhile(other: PostgresConnection) -> None:
        write = asyncio.create_task(db.write(fn, quick=True))
        while len(threads) < 2:
            await asyncio.sleep(0)  # a quick read does not wait
            assert await db.read(lambda conn: list(conn.execute(NAMES).scalars()), quick=True) == ["a"]
        assert not write.done()
        other.exec_driver_sql("COMMIT")
        await write

    with rows_of(tmp_path) as other:
        assert isinstance(other, PostgresConnection)
        other.exec_driver_sql("BEGIN")
        assert other.execute(TOUCH, {"id": "a"}).rowcount == 1
        asyncio.run(meanwhile(other))
    assert threads[-1] is not threading.main_thread()
    assert db.read_sync(lambda conn: conn.execute(TIMES).scalar()) == "xx"


def test_statements_without_rows_travel_together_and_count_what_they_changed(db: Database) -> None:
    def fn(conn: Connection) -> list[int]:
        before = conn.execute(TOUCH, {"id": "a"})
        conn.execute(ADD, {"id": "a"})
        changed = conn.execute(TOUCH, [{"id": "a"}, {"id": "a"}, {"id": "b"}])
        assert conn.execute(NAMES).scalar() == "a", "a query sees what was written before it"
        after = conn.execute(TOUCH, {"id": "a"})
        return [before.rowcount, changed.rowcount, after.rowcount]

    assert db.write_sync(fn) == [0, 2, 1]
    assert db.read_sync(lambda conn: conn.execute(TIMES).scalar()) == "xxx"


def test_queries_asked_ahead_are_of_that_moment_unless_the_fn_changed_their_table(db: Database, tmp_path: Path) -> None:
    roles = text("SELECT count(*) FROM person WHERE role = :role")
    kinds = text("SELECT count(*) FROM token WHERE kind <> :kind")

    def fn(conn: Connection) -> list[object]:
        conn.execute(ADD, {"id": "a"})
        conn.ahead([(NAMES, {}), (roles, {"role": "lead"}), (kinds, {"kind": ""})])
        with rows_of(tmp_path) as other:
            other.execute(ADD, {"id": "b"})
        early = list(conn.execute(NAMES).scalars())
        late = list(conn.execute(NAMES).scalars())
        conn.execute(ADD, {"id": "c"})
        return [early, late, conn.execute(roles, {"role": "lead"}).scalar(), conn.execute(kinds, {"kind": ""}).scalar()]

    assert db.write_sync(fn) == [["a"], ["a", "b"], 3, 0]
    assert db.write_sync(lambda conn: list(conn.execute(NAMES).scalars())) == ["a", "b", "c"]


def test_a_query_asked_ahead_is_asked_again_after_a_trigger(tmp_path: Path) -> None:
    filled = Filled(tmp_path / "data", "postgresql")
    filled.make(filled.take("ask", "answer", {"text": b"yes"}, ["text"])["take"])
    waiting = text("SELECT coalesce(sum(tasks), 0) FROM waiting")

    def fn(conn: Connection) -> list[int]:
        conn.ahead([(waiting, {})])
        before = conn.execute(waiting).scalar_one()
        conn.ahead([(waiting, {})])
        conn.execute(text("UPDATE task SET state = 'done'"))
        return [before, conn.execute(waiting).scalar_one()]

    tables = "SELECT DISTINCT CAST(CAST(tgrelid AS regclass) AS text) FROM pg_trigger WHERE NOT tgisinternal"
    try:
        assert filled.db.write_sync(fn) == [1, 0]
        triggered = filled.db.read_sync(lambda conn: list(conn.exec_driver_sql(tables).scalars()))
        assert set(triggered) == set(CHANGED_BY_TRIGGERS)
    finally:
        filled.db.close()


def test_a_query_asked_ahead_by_one_fn_is_none_of_the_next(db: Database) -> None:
    found: list[list[str]] = []

    def asks(conn: Connection) -> None:
        conn.ahead([(NAMES, {})])

    def finds(conn: Connection) -> None:
        found.append(list(conn.execute(NAMES).scalars()))

    for name in ("a", "b"):
        db.write_sync(asks)
        db.write_sync(add(name))  # type: ignore[arg-type]
        db.write_sync(finds)
    assert found == [["a"], ["a", "b"]]


WAITS_FOR_DISK = text(
    "SELECT CAST(CAST(oid AS regprocedure) AS text) FROM pg_proc WHERE proname = 'pg_logical_emit_message'"
)
HERE = text("SELECT pg_current_wal_insert_lsn() - '0/0'")
ON_DISK = text("SELECT pg_current_wal_flush_lsn() - '0/0'")


@pytest.mark.parametrize("may_ask", [True, False], ids=["late", "at once"])
def test_a_quick_write_is_answered_when_it_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, may_ask: bool
) -> None:
    """The server's own writer of its log sleeps; a user who may not ask the server to wait commits as ever."""
    monkeypatch.setattr(postgres_readers, "NEAR_SECONDS", 60.0)
    with postgres.own_server(f"{postgres.CARELESS} -c wal_writer_delay=10s") as sleepy:
        address = sleepy.address.format(name=postgres.TEMPLATE)
        if not may_ask:
            postgres.as_admin(sleepy, "CREATE ROLE guest LOGIN")
            with contextlib.closing(PostgresConnection(address)) as admin:
                admin.exec_driver_sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO guest")
                for name in admin.execute(WAITS_FOR_DISK).scalars():
                    admin.exec_driver_sql(f"REVOKE EXECUTE ON FUNCTION {name} FROM public")
            address = re.sub("//[^@]+@", "//guest@", address)
        db = open_database(tmp_path, address)
        try:
            assert db.read_sync(lambda conn: conn.execute("SELECT 1").scalar()) == 1

            def fn(conn: Connection) -> int:
                conn.execute(ADD, {"id": "a"})
                conn.execute(NAMES).all()
                found: int = conn.execute(HERE).scalar()
                return found

            written = asyncio.run(db.write(fn, quick=True))
            assert db.read_sync(lambda conn: conn.execute(ON_DISK).scalar()) > written
            assert names(db) == ["a"]
        finally:
            db.close()


def test_a_server_that_was_near_once_stays_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later connection may be made while the process is busy, and then waits for its own turn."""
    migrated(tmp_path, "postgresql")
    readers = PostgresReaders(str(address_of(tmp_path)), 3)
    found = []

    def connect(*seconds: float) -> None:
        def while_in_use(_conn: Connection) -> None:
            found.append(readers.are_near)
            connect(*seconds[1:])

        if seconds:
            monkeypatch.setattr(postgres_readers, "NEAR_SECONDS", seconds[0])
            readers.read(while_in_use, ("BEGIN",))

    try:
        connect(0.0, 60.0, 0.0)
    finally:
        readers.close()
    assert found == [False, True, True]


def test_megabytes_travel_together(db: Database) -> None:
    people = [{"id": f"p{number}", "at": "x" * 100_000} for number in range(300)]
    add_long = text("INSERT INTO person (id, name, role, created_at) VALUES (:id, :id, 'lead', :at)")
    assert db.write_sync(lambda conn: conn.execute(add_long, people).rowcount) == 300
    assert len(names(db)) == 300


def test_the_first_statement_that_fails_is_the_error_whatever_comes_behind_it(db: Database) -> None:
    """It is known only when the statements are sent, with the query, at the end, or with those of the next fn."""
    db.write_sync(add("a"))  # type: ignore[arg-type]

    def twice(conn: Connection, then: str) -> None:
        conn.execute(ADD, {"id": "a"})
        if then == "query":
            conn.execute(NAMES).all()
        if then == "raise":
            raise Refused

    async def all_at_once() -> list[object]:
        writes = [db.write(lambda conn, then=then: twice(conn, then)) for then in ("", "query", "raise")]
        return list(await asyncio.gather(*writes, db.write(add("b")), return_exceptions=True))  # type: ignore[arg-type]

    *refused, added = asyncio.run(all_at_once())
    assert all(isinstance(error, psycopg.errors.UniqueViolation) for error in refused), refused
    assert added == 1 and names(db) == ["a", "b"]


def test_two_processes_write_in_turns(tmp_path: Path) -> None:
    """Each reads a number and writes the next one, which only serial writes do right."""
    one = new_database(tmp_path / "one", "postgresql")
    share(tmp_path / "one", tmp_path / "two")
    one.write_sync(lambda conn: conn.execute("INSERT INTO person VALUES ('n', '0', 'lead', '', NULL)").rowcount)
    program = (
        "from collector.store.open import open_database\n"
        f"db = open_database({str(tmp_path / 'two')!r}, {address_of(tmp_path / 'two')!r})\n"
        "def count(conn):\n"
        "    now = int(conn.execute(\"SELECT name FROM person WHERE id = 'n'\").scalar_one())\n"
        "    conn.execute(\"UPDATE person SET name = :name WHERE id = 'n'\", {'name': str(now + 1)})\n"
        "print('ready', flush=True)\n"
        "for _ in range(200): db.write_sync(count)\n"
        "db.close()\n"
    )
    other = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert other.stdout is not None and other.stdout.readline() == "ready\n"

    def count(conn: Connection) -> None:
        now = int(conn.execute("SELECT name FROM person WHERE id = 'n'").scalar_one())
        conn.execute("UPDATE person SET name = :name WHERE id = 'n'", {"name": str(now + 1)})

    threads = [threading.Thread(target=lambda: [one.write_sync(count) for _ in range(25)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other.wait(120) == 0
    assert one.read_sync(lambda conn: conn.execute("SELECT name FROM person").scalar()) == "400"
    one.close()


def test_a_commit_is_heard_of_in_another_process(tmp_path: Path) -> None:
    one = new_database(tmp_path / "one", "postgresql")
    share(tmp_path / "one", tmp_path / "two")
    two = open_database(tmp_path / "two", address_of(tmp_path / "two"))
    heard = threading.Event()
    two.subscribe("people", heard.set)
    try:
        with contextlib.suppress(ZeroDivisionError):
            one.write_sync(lambda conn: (notify(conn, "people"), 1 // 0))
        one.write_sync(lambda conn: notify(conn, "others"))
        assert not heard.wait(0.2)
        one.write_sync(lambda conn: notify(conn, "people"))
        assert heard.wait(60)
    finally:
        one.close()
        two.close()


def test_one_process_is_at_work_alone_or_several_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.store.postgres_topics.WAIT_SECONDS", 1)
    one = new_database(tmp_path / "one", "postgresql")
    one.close()
    share(tmp_path / "one", tmp_path / "two")
    address = address_of(tmp_path / "one")
    one = open_database(tmp_path / "one", address, work="alone")
    with pytest.raises(DataInUse, match="takes uploads"):
        open_database(tmp_path / "two", address, work="alone")
    beside = open_database(tmp_path / "two", address)
    assert names(beside) == []
    beside.close()
    with pytest.raises(DataInUse, match="takes uploads"):
        open_database(tmp_path / "two", address, work="together")
    one.close()
    one = open_database(tmp_path / "one", address, work="together")
    open_database(tmp_path / "two", address, work="together").close()
    with pytest.raises(DataInUse, match="takes uploads"):
        open_database(tmp_path / "two", address, work="alone")
    one.close()
    open_database(tmp_path / "two", address, work="alone").close()


def test_nothing_is_migrated_while_others_are_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.store.postgres_topics.WAIT_SECONDS", 1)
    monkeypatch.setattr("collector.store.open.newest_schema", lambda: "9999")  # as a later version has it
    migrated(tmp_path / "one", "postgresql")
    share(tmp_path / "one", tmp_path / "two")
    address = address_of(tmp_path / "one")
    one = open_database(tmp_path / "one", address, work="together", migrate=False)
    with pytest.raises(DataInUse, match=r"takes uploads.* Stop all collectors of this database before an upgrade\."):
        open_database(tmp_path / "two", address, work="together")
    one.close()
    open_database(tmp_path / "two", address, work="together").close()


def test_a_text_that_cannot_be_stored_is_refused_whole(db: Database) -> None:
    """libpq would take what stands before the character U+0000 for all of it."""
    with pytest.raises(TextUnusable):
        db.write_sync(add("good", "bad\0tail"))  # type: ignore[arg-type]
    assert names(db) == []


def test_values_come_back_as_they_went(db: Database) -> None:
    odd = ["", "'", '"', "\\", "{a,b}", "NULL", "ü😀", "%s %(a)s", ":name", "a\nb\t", "$1"]
    db.write_sync(add(*odd))  # type: ignore[arg-type]
    assert names(db) == sorted(odd, key=str.encode)
    find = text("SELECT id FROM person WHERE id IN :ids AND id NOT IN :others AND ':no' <> '::' ORDER BY id")
    found = db.read_sync(lambda conn: list(conn.execute(find, {"ids": odd, "others": odd[:3]}).scalars()))
    assert found == sorted(odd[3:], key=str.encode)
    numbers = text(
        "SELECT sum(a), min(b), count(*), max(c) FROM (VALUES (1, 0.5, true), (2, 0.25, false)) AS v(a, b, c)"
    )
    with pytest.raises(DatabaseFailed, match="max"):
        db.read_sync(lambda conn: conn.execute(numbers).one())
    assert tuple(db.read_sync(lambda conn: conn.execute("SELECT 9007199254740991, 0.5, true, NULL").one())) == (
        9007199254740991,
        0.5,
        True,
        None,
    )


def test_a_database_that_sorts_otherwise_is_refused(server: postgres.Server, tmp_path: Path) -> None:
    postgres.as_admin(server, "CREATE DATABASE latin TEMPLATE template0 ENCODING 'SQL_ASCII'")
    with pytest.raises(DatabaseFailed, match="UTF8 and C are needed"):
        open_database(tmp_path, server.address.format(name="latin"))


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ann:s3cret@127.0.0.1:1/db",
        "postgresql://ann:%zzs3cret@127.0.0.1:1/db",
        "postgresql://127.0.0.1:1/db?password=s3cret&user=ann",
        "postgresql://127.0.0.1:1/db?passwort=s3cret",
    ],
)
def test_no_error_repeats_the_password(tmp_path: Path, address: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises((DatabaseFailed, UnknownDatabase)) as caught:
        open_database(tmp_path, address)
    assert "s3cret" not in f"{caught.value} {caught.value.hint} {caught.value.facts}"
    if "passwort" not in address:
        settings = Settings(database=address)
        assert "s3cret" not in f"{settings!r} {settings.model_dump()} {settings.model_dump_json()}"
        with pytest.raises(SettingsInvalid, match="list of processes"):
            load_settings({"database": address})


def test_without_the_driver_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DriverMissing) as caught:
        open_database(tmp_path, "postgresql://ann@127.0.0.1/db")
    assert "gleaner-suite[postgres]" in str(caught.value.hint)


def test_a_second_collector_needs_postgresql() -> None:
    with pytest.raises(SettingsInvalid, match="review_only"):
        load_settings({"review_only": True})


@pytest.mark.parametrize("state", ["XX001", "XX002"])
def test_a_server_that_finds_a_damaged_page(tmp_path: Path, state: str) -> None:
    db = new_database(tmp_path, "postgresql")
    raised = f"DO $$ BEGIN RAISE EXCEPTION 'invalid page in block 7' USING ERRCODE = '{state}'; END $$"
    try:
        for ask in (db.read_sync, db.write_sync):
            with pytest.raises(DatabaseDamaged, match="invalid page in block 7"):
                ask(lambda conn: conn.exec_driver_sql(raised))
    finally:
        db.close()
