"""Before a migration the database is copied; the copy can be put back, and nothing is lost without a word."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.cli import app
from collector.people.accounts import add_user
from collector.store import upgrade_copies
from collector.store.blobs import DiskFull
from collector.store.database import DatabaseDamaged
from collector.store.lock import DataInUse, lock_folder
from collector.store.open import open_database
from collector.store.schema import newest_schema, schema_of
from collector.store.upgrade_copies import RowsSinceUpgrade, UpgradeCopyMissing, copy_before_upgrade, go_back

DUMP = Path(__file__).with_name("data") / "before_0005.sql"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """One that the version before migration 0005 left."""
    path = tmp_path / "collector.db"
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.executescript(DUMP.read_text(encoding="utf-8"))
        base.execute("PRAGMA journal_mode=WAL").fetchall()
    return path


def everything(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as base:
        return list(base.iterdump())


def copies(database: Path) -> list[Path]:
    return sorted((database.parent / "upgrades").glob("*"))


def upgraded(database: Path) -> None:
    open_database(database.parent).close()


def test_an_older_database_is_copied_before_it_is_migrated(database: Path) -> None:
    before = everything(database)
    upgraded(database)
    assert schema_of(database) == newest_schema()
    [copy] = copies(database)
    assert copy.name.startswith("0004-") and everything(copy) == before
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.parent.stat().st_mode & 0o777 == 0o700


def test_a_database_of_this_version_and_a_new_one_are_not_copied(tmp_path: Path) -> None:
    for _ in range(2):
        open_database(tmp_path).close()
    assert not (tmp_path / "upgrades").exists()


def test_without_room_for_the_copy_nothing_is_migrated(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade_copies, "SPARE_BYTES", 2**60)
    before = everything(database)
    with pytest.raises(DiskFull, match="Nothing was changed"):
        open_database(database.parent)
    assert everything(database) == before and schema_of(database) == "0004"


def test_the_newest_copies_stay(database: Path) -> None:
    for day in range(1, 6):
        copied = copy_before_upgrade(database)
        assert copied is not None
        copied.rename(copied.with_name(f"0004-2025010{day}T000000Z.db"))
    copy_before_upgrade(database)
    assert len(copies(database)) == upgrade_copies.MAX_COPIES
    assert copies(database)[0].name == "0004-20250104T000000Z.db"


def test_the_way_back_is_free_while_nothing_was_written(database: Path) -> None:
    before = everything(database)
    upgraded(database)
    copy, schema = go_back(database)
    assert schema == "0004" == schema_of(database) and everything(database) == before
    assert copy in copies(database)
    [left] = (database.parent / "upgrades").glob("*.left.db")
    assert schema_of(left) == newest_schema()
    assert not list(database.parent.glob("collector.db-*")) and not list(database.parent.glob(".*.part"))
    upgraded(database)
    assert schema_of(database) == newest_schema()


def test_rows_since_the_upgrade_are_counted_and_not_lost_without_being_asked(database: Path) -> None:
    upgraded(database)
    opened = open_database(database.parent)
    opened.write_sync(lambda conn: [add_user(conn, name, "annotator") for name in ("new", "newer")])
    opened.close()
    with pytest.raises(RowsSinceUpgrade, match="2 of person") as caught:
        go_back(database)
    assert caught.value.facts["rows"] == {"person": 2}
    assert schema_of(database) == newest_schema()
    go_back(database, discard=True)
    assert schema_of(database) == "0004"
    [left] = (database.parent / "upgrades").glob("*.left.db")
    with contextlib.closing(sqlite3.connect(left)) as base:
        assert base.execute("SELECT count(*) FROM person WHERE name LIKE 'new%'").fetchone() == (2,)


def test_the_version_of_then_goes_back_from_a_schema_that_it_does_not_know(database: Path) -> None:
    upgraded(database)
    with contextlib.closing(sqlite3.connect(database)) as base:
        base.execute("UPDATE alembic_version SET version_num = '9999'")
        base.commit()
    done = CliRunner().invoke(app, ["migrate", "--data", str(database.parent)])
    assert done.exit_code != 0 and "gleaner collector migrate --back" in str(done.exception)
    done = CliRunner().invoke(app, ["migrate", "--back", "--data", str(database.parent)])
    assert done.exit_code == 0 and "at schema 0004 again" in done.stdout
    assert schema_of(database) == "0004"


def test_a_lost_database_comes_back_from_its_copy(database: Path) -> None:
    upgraded(database)
    database.unlink()
    go_back(database)
    assert schema_of(database) == "0004"


def test_there_is_no_way_back_without_a_copy_or_beside_a_service(database: Path) -> None:
    with pytest.raises(UpgradeCopyMissing):
        go_back(database)
    upgraded(database)
    held = lock_folder(database.parent)
    try:
        with pytest.raises(DataInUse):
            go_back(database)
    finally:
        os.close(held)
    for copy in copies(database):
        copy.write_bytes(b"not a database")
    with pytest.raises(UpgradeCopyMissing):
        go_back(database)


def test_a_damaged_database_goes_back_only_when_asked_and_stays_with_its_log(database: Path) -> None:
    upgraded(database)
    damaged = b"certainly no database" * 100
    database.write_bytes(damaged)
    log = database.with_name("collector.db-wal")
    log.write_bytes(b"a log that must not get into the copy")
    with pytest.raises(DatabaseDamaged, match="--discard"):
        go_back(database)
    assert database.read_bytes() == damaged
    go_back(database, discard=True)
    assert schema_of(database) == "0004" and not log.exists()
    [left] = (database.parent / "upgrades").glob("damaged-*.left.db")
    assert left.read_bytes() == damaged


def test_the_log_of_a_lost_database_does_not_get_into_the_copy(database: Path) -> None:
    before = everything(database)
    upgraded(database)
    log = database.with_name("collector.db-wal")
    with contextlib.closing(sqlite3.connect(database)) as base:
        base.execute("INSERT INTO service_state (name, value) VALUES ('later', '1')")
        base.commit()
        unwritten = log.read_bytes()
    database.unlink()
    log.write_bytes(unwritten)
    go_back(database)
    assert everything(database) == before and not log.exists()
