"""Live rows that are compared with a backup: a flipped bit of a value is found, new rows are no problem."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.backup.comparison import PRUNED, UNCHANGING, compare_with_backup, differences
from collector.backup.problems import SchemaDiffers
from collector.backup.restore import newest_snapshot
from collector.store.tables import metadata
from tests.collector.backup.saving import furnish, gleaner, opened, save
from tests.collector.review.filled import Filled
from tests.needs import ROOT
from tests.support.trials import rounds


def compared(filled: Filled, repository: Path) -> list[tuple[str, str]]:
    with opened(repository) as found:
        faults = compare_with_backup(found, newest_snapshot(found), filled.db)
    return [(fault.kind, fault.place) for fault in faults]


def test_work_since_the_backup_is_no_problem(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    save(filled, tmp_path / "r")
    bea = filled.person("bea")
    task = filled.tasks(type="speech")[0].id
    captures = filled.rows("SELECT capture_id FROM task_capture WHERE task_id = :t AND role = 'labelled'", t=task)
    filled.submit(bea, task, {row.capture_id: [] for row in captures})
    assert compared(filled, tmp_path / "r") == []


@pytest.mark.soak
def test_a_flipped_bit_of_a_value_is_found(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    save(filled, tmp_path / "r")
    chance = random.Random(4)
    row = filled.rows("SELECT id, documents FROM revision")[0]
    for _ in range(rounds(5, 50)):
        place = chance.randrange(len(row.documents))
        flipped = chr(ord(row.documents[place]) ^ (1 << chance.randrange(6)))
        changed = row.documents[:place] + flipped + row.documents[place + 1 :]
        filled.execute("UPDATE revision SET documents = :changed WHERE id = :id", changed=changed, id=row.id)
        assert compared(filled, tmp_path / "r") == [("row-changed", f"revision {row.id}")]
    filled.execute("UPDATE revision SET documents = :before WHERE id = :id", before=row.documents, id=row.id)
    assert compared(filled, tmp_path / "r") == []


def test_a_removed_row_is_found_and_a_pruned_one_is_not(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    capture, person = filled.rows("SELECT id FROM capture")[0].id, filled.rows("SELECT id FROM person")[0].id
    look = "INSERT INTO look (person_id, capture_id, at, why) VALUES (:person, :capture, '2026', 'review')"
    filled.execute(look, person=person, capture=capture)
    save(filled, tmp_path / "r")
    filled.execute("DELETE FROM look")
    assert compared(filled, tmp_path / "r") == []
    number = filled.rows("SELECT min(id) AS id FROM task_reason")[0].id
    filled.execute("DELETE FROM task_reason WHERE id = :id", id=number)
    assert compared(filled, tmp_path / "r") == [("row-missing", f"task_reason {number}")]


def test_a_backup_of_another_schema_is_refused(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    older = save(filled, tmp_path / "r").snapshot.model_copy(update={"data_schema": "0010"})
    with opened(tmp_path / "r") as repository, pytest.raises(SchemaDiffers):
        compare_with_backup(repository, older, filled.db)


def test_no_statement_changes_the_tables_that_are_compared() -> None:
    assert set(UNCHANGING + PRUNED) <= set(metadata.tables)
    changes = re.compile(r"\b(?:UPDATE|DELETE FROM) \"?(\w+)\"? ?(?:SET|WHERE|\")")
    files = [path for path in (ROOT / "collector").rglob("*.py") if "versions" not in path.parts]
    changed = {table for path in files for table in changes.findall(path.read_text(encoding="utf-8"))}
    assert {"task", "capture"} <= changed
    assert changed & set(UNCHANGING) == set()


ROWS = st.dictionaries(st.integers(0, 20), st.integers(0, 3))


@given(before=ROWS, now=ROWS)
def test_differences_are_those_of_two_dictionaries(before: dict[int, int], now: dict[int, int]) -> None:
    expected = [
        ([key], "row-missing" if key not in now else "row-changed")
        for key in sorted(before)
        if now.get(key) != before[key]
    ]
    assert list(differences(sorted(before.items()), iter(sorted(now.items())), [0])) == expected


def test_the_command_compares_when_it_is_asked_to(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    save(filled, tmp_path / "r")
    filled.execute("UPDATE revision SET active_ms = active_ms + 1")
    filled.db.close()
    words = ["verify", "--data", str(filled.folder), "--json"]
    assert gleaner(filled.folder, *words).returncode == 0
    done = gleaner(filled.folder, *words, "--backup", str(tmp_path / "r"))
    assert done.returncode == 1 and done.stdout.count('"row-changed"') == 2
