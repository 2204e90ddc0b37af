"""docs/asvs.md: every requirement of levels 1 and 2 has a row with a state, and every named test exists."""

from __future__ import annotations

import re
from collections import Counter

from tests.needs import ROOT

PAGE = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (V\d+\.\d+\.\d+) \| (.+?) \| (.+?) \| (.+) \|$", PAGE, re.M)
STATES = ("pass", "manual", "not applicable", "planned", "open")
# How many requirements of levels 1 and 2 version 5.0.0 of the standard has in each chapter.
CHAPTERS = {
    "V1": 27, "V2": 11, "V3": 19, "V4": 10, "V5": 9, "V6": 35, "V7": 18, "V8": 7, "V9": 7,
    "V10": 29, "V11": 14, "V12": 9, "V13": 13, "V14": 9, "V15": 13, "V16": 16, "V17": 7,
}  # fmt: skip


def test_every_requirement_has_one_row() -> None:
    names = [row[0] for row in ROWS]
    assert len(set(names)) == len(names)
    assert Counter(name.partition(".")[0] for name in names) == CHAPTERS


def test_every_row_has_a_state_and_what_shows_it() -> None:
    wrong = [name for name, _, state, how in ROWS if state not in STATES or len(how) < 15]
    wrong += [name for name, _, state, how in ROWS if state == "pass" and "`tests/" not in how]
    assert wrong == []
    for state in STATES:
        assert f"**{state}** ({sum(row[2] == state for row in ROWS)})" in PAGE


def test_named_tests_exist() -> None:
    named = re.findall(r"`(tests/[\w/.]+\.py)::(\w+)`", PAGE)
    assert len(named) > 100
    assert [
        f"{path}::{name}"
        for path, name in sorted(set(named))
        if not (ROOT / path).is_file() or f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")
    ] == []
