"""Values that can be worked out again: saved beside the database, dropped with their version, and never in the way."""

from __future__ import annotations

import stat
from contextlib import closing
from pathlib import Path

from collector.store.derived_rows import FILE, DerivedRow, DerivedRows

ROWS = [DerivedRow("a", "1", "x"), DerivedRow("b", "1", "y")]


def test_rows_are_there_again_and_those_of_another_version_are_not(tmp_path: Path) -> None:
    with closing(DerivedRows(tmp_path, ["one", "two"])) as rows:
        rows.save("one", ROWS)
        rows.save("two", ROWS[:1])
        rows.save("one", [DerivedRow("a", "2", "z")])
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    with closing(DerivedRows(tmp_path, ["one"])) as rows:
        assert rows.find("one", ["a", "c"]) == {"a": DerivedRow("a", "2", "z")}
        assert rows.all("two") == []
        rows.remove_others("one", ["b"])
        assert rows.all("one") == ROWS[1:]


def test_two_processes_may_save_at_once(tmp_path: Path) -> None:
    with closing(DerivedRows(tmp_path, ["one"])) as first, closing(DerivedRows(tmp_path, ["one"])) as second:
        first.save("one", ROWS[:1])
        second.save("one", ROWS[1:])
        assert first.all("one") == second.all("one") == ROWS


def test_a_damaged_file_begins_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all, however long it is" * 200)
    with closing(DerivedRows(tmp_path, ["one"])) as rows:
        rows.save("one", ROWS)
    body = bytearray((tmp_path / FILE).read_bytes())
    body[4096:] = b"\xff" * (len(body) - 4096)  # the pages behind the first
    (tmp_path / FILE).write_bytes(body)
    with closing(DerivedRows(tmp_path, ["one"])) as rows:
        assert rows.find("one", ["a"]) == {}
        rows.save("one", ROWS)
        assert rows.all("one") == ROWS


def test_where_no_file_can_be_made_rows_last_as_long_as_their_user(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with closing(DerivedRows(tmp_path, ["one"])) as rows:
        rows.save("one", ROWS)
        assert rows.all("one") == ROWS
    with closing(DerivedRows(tmp_path, ["one"])) as rows:
        assert rows.all("one") == []
