"""docs/architecture.md: its picture and tables are those of the code, and the walks name what exists."""

from __future__ import annotations

import re

import pytest

from tests.architecture import PAGE, PICTURE, drawn, page, reduced
from tests.needs import ROOT
from tests.test_house import RANKS

AGAIN = "make architecture draws it again"
FOLDERS = "|".join(name for name in (*RANKS, "tests") if name != "gleaner")
NAMED = re.compile(rf"`((?:{FOLDERS})/[\w/.-]+|gleaner\.py)`(?:(?: \(|, )`(\w+)`)?")


def test_the_picture_is_that_of_the_imports() -> None:
    assert PICTURE.read_text(encoding="utf-8") == drawn(), AGAIN


def test_the_tables_have_every_folder() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), AGAIN


def test_the_walks_name_files_and_names_that_exist() -> None:
    found = NAMED.findall(" ".join(PAGE.read_text(encoding="utf-8").split()))
    assert len(found) > 40
    wrong = []
    for name, symbol in found:
        path = ROOT / name
        if not path.exists():
            wrong.append(name)
        elif symbol and not re.search(rf"\b(?:class|def|function|const) {symbol}\b", path.read_text(encoding="utf-8")):
            wrong.append(f"{name} has no {symbol}")
    assert wrong == []


@pytest.mark.parametrize(
    ("arrows", "left"),
    [
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, {"a": {"b"}, "b": {"c"}, "c": set()}),
        ({"a": {"b", "c"}, "b": set(), "c": set()}, {"a": {"b", "c"}, "b": set(), "c": set()}),
    ],
)
def test_arrows_that_follow_from_others_are_left_out(arrows: dict[str, set[str]], left: dict[str, set[str]]) -> None:
    assert reduced(arrows) == left
