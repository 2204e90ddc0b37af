"""What engines write differently is written in collector/store/ alone."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

from collector.store.dialects import (
    in_json_list,
    joined,
    json_array_of,
    json_member,
    json_rows,
    postgres_text,
)
from tests.needs import ROOT

DIALECT = re.compile(
    r"\b(json_(?!array_of|member|rows)\w+\(|jsonb_|group_concat|string_agg|strftime\(|julianday|datetime\('|INSERT OR"
    r"|rowid|PRAGMA|sqlite_\w+|pg_\w+|ifnull|iif\(|GLOB|printf\(|ILIKE|SKIP LOCKED|total\(|last_insert|changes\(\))"
    r"|::\w|->>|\b(min|max)\([^()]*,|\b(shown|is_short|control|complete|visible|playing|input) = [01]\b",
    re.IGNORECASE,
)
IN_SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE FROM|WHERE|SET|FROM|AND|GROUP BY|ORDER BY|PRAGMA)\b")


def found_in(source: str) -> list[str]:
    """Dialect words in the strings of a program that hold SQL."""
    words = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.STRING and IN_SQL.search(token.string):
            words += [f"line {token.start[0]}: {match[0]}" for match in DIALECT.finditer(token.string)]
    return words


def files_outside() -> list[Path]:
    """The collector's, but for those of the store."""
    files = [path.relative_to(ROOT) for path in (ROOT / "collector").rglob("*.py")]
    return [path for path in files if "store" not in path.parts]


def test_no_statement_outside_the_store_holds_a_word_of_one_engine() -> None:
    files = files_outside()
    wrong = {str(path): found_in((ROOT / path).read_text(encoding="utf-8")) for path in files}
    assert len(files) > 100 and {path: words for path, words in wrong.items() if words} == {}


def test_nobody_outside_the_store_uses_a_driver() -> None:
    uses = re.compile(r"^\s*(import|from) (sqlite3|psycopg)", re.MULTILINE)
    assert [str(path) for path in files_outside() if uses.search((ROOT / path).read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "source",
    [
        "X = text(\"SELECT json_extract(a, '$.b') FROM t\")",
        'X = text("INSERT OR REPLACE INTO t VALUES (1)")',
        'X = "SELECT a FROM t WHERE b >= min(:c, :d)"',
        'X = "UPDATE t SET shown = 0"',
        'X = "SELECT a::text FROM t"',
    ],
)
def test_a_dialect_word_is_found(source: str) -> None:
    assert len(found_in(source)) == 1


def test_each_case_has_its_words_on_postgresql() -> None:
    within = f"(:studies IS NULL OR {in_json_list('task.study', 'studies')})"
    sql = f"SELECT {json_member('body', 'a')} FROM {json_rows('studies', 'seen')} WHERE {within}"
    assert postgres_text(sql) == (
        "SELECT CAST(body AS json) ->> 'a' FROM json_array_elements_text(CAST(:studies AS json)) AS seen(value) WHERE"
        " (:studies IS NULL OR task.study IN (SELECT json_array_elements_text(CAST(:studies AS json))))"
    )
    assert postgres_text(f"SELECT {json_array_of('a')}") == "SELECT coalesce(CAST(json_agg(a) AS text), '[]')"


def test_cases_may_be_inside_each_other() -> None:
    inner = joined("id || 'x'", " ")
    outer = joined(f"coalesce((SELECT {inner} FROM a), '-')", "; ")
    assert "group_concat" not in postgres_text(f"SELECT {outer} FROM b") and outer.count("group_concat") == 2
