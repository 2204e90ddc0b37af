"""The record of a session is read where it is saved, and nowhere else: what others need of it are columns and rows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.needs import ROOT

OWNER = "collector/catalogue/sessions.py"
_QUALIFIED = re.compile(r"\bsession\s*\.\s*record\b", re.IGNORECASE)
_TABLE = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+\"?session\"?\b", re.IGNORECASE)
_RENAMED = re.compile(
    r"\b(?:FROM|JOIN)\s+\"?session\"?\s+(?:AS\s+)?(?!ON\b|WHERE\b|LEFT\b|JOIN\b|ORDER\b|GROUP\b)(\w+)"
)
_COLUMN = re.compile(r"(?<![.\w])record\b|(?<![(.\w])\*(?!\))", re.IGNORECASE)


def reads_record(sql: str) -> bool:
    """Whether an SQL text reads or writes the column `record` of the table `session`, under any name of the table."""
    if _QUALIFIED.search(sql):
        return True
    if not _TABLE.search(sql):
        return False
    names = {"session", *_RENAMED.findall(sql)}
    return bool(_COLUMN.search(sql)) or any(re.search(rf"\b{name}\.(record\b|\*)", sql) for name in names)


def texts(source: str) -> Iterator[str]:
    """Every string of a module, an f-string with `x` where its values stand."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            yield "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def test_only_one_module_reads_the_record() -> None:
    found = set()
    for path in (ROOT / "collector").rglob("*.py"):
        name = path.relative_to(ROOT).as_posix()
        if "migrations" not in name and any(map(reads_record, texts(path.read_text(encoding="utf-8")))):
            found.add(name)
    assert found == {OWNER}


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ('ONE = text("SELECT session.record FROM task JOIN session ON session.id = task.session_id")', True),
        ('ONE = text("SELECT id,"\n " record FROM session WHERE id = :id")', True),
        ('ONE = text("SELECT * FROM session WHERE id = :id")', True),
        ('ONE = text(f"SELECT id, record FROM session {x}")', True),
        ('ONE = text("SELECT s.record FROM task JOIN session AS s ON s.id = task.session_id")', True),
        ('ONE = text("UPDATE session SET record = :record")', True),
        ('ONE = text("SELECT take.record FROM take JOIN session ON session.id = take.session_id")', False),
        ('ONE = text("SELECT record FROM take WHERE session_id = :session")', False),
        ('ONE = text("SELECT count(*) FROM session")', False),
        ('ONE = "the record of a session"', False),
    ],
)
def test_a_reader_is_found(source: str, reads: bool) -> None:
    assert any(map(reads_record, texts(source))) is reads
