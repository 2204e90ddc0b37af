"""The words of pages and messages: "per" after a number, and none of the project's old private words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import ROOT
from tests.test_house import modules

# Decisions and the tables of faults are records of their day.
PAGES = [
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "people").glob("*.md")),
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
]
UNITS = (
    "second|minute|hour|day|week|session|step|take|capture|medium|source|task|item|label|file|line|frame|video|still|"
    "picture|block|word|class|kind|model|lane|worker|person|device|camera|microphone|use|role|verb|look|request|row"
)
BETWEEN = "of|in|for|to|and|or|is|has|at|on|with|by|as|that|while|during"  # a new thought begins there
PER = re.compile(
    r"\b(?:one|two|three|four|five|six|ten|many|\d[\d.,]*)\b"
    rf"(?: (?!(?:{BETWEEN})\b)[\w-]+){{0,3}} an? (?:{UNITS})\b"
)
# Each with what to write in its place.
OLD_WORDS = {
    r"\bbeside\b": "next to, alongside, besides",
    r"(?<!person )(?<!participant )\b(?:stands|stood)\b(?! still)": "is, was",
    r"\bby (?:itself|themselves)\b": "automatically, alone",
    r"\bforg(?:et|ets|ot|otten)\b": "delete",
    r"\b(?:tells|told)\b": "show, report, distinguish",
    r"\bhush": "dismiss",
    r"\b(?:going|goes|went|gone|go) on\b": "continue, resume",
    r"\bheld against\b": "compared with",
    r"\bgives? back\b": "release, return",
    r"\bbring (?:here|it here|the models here)\b": "download",
    r"\bnetworks?\b(?= of \d| runs?\b)": "model",
    r"\bcosts? (?:at most|nothing|its)\b": "loses, needs",
}

# Of names, each with a better word. `say` and `look` are a kind of step and the rate of a model, and stay.
OLD_NAMES = {
    "keep": "save", "keeps": "save", "kept": "saved", "remember": "save", "remembers": "save",
    "tell": "report", "tells": "report", "told": "reported", "said": "the noun", "says": "the noun",
    "mention": "report", "introduce": "print", "hush": "dismiss", "forget": "delete", "forgets": "delete",
    "bring": "download, scale", "brings": "download, scale", "brought": "downloaded, scaled",
    "hear": "process", "hears": "process", "heard": "found, recognised", "looker": "viewer", "lookers": "viewers",
    "settle": "finish, set", "settles": "finish, set", "settled": "finished", "sweep": "remove",
    "shut": "suspend, lock",
    "judge": "evaluate", "judged": "evaluated", "beside": "next to", "twin": "duplicate", "twins": "duplicates",
    "desk": "context", "letter": "message", "house": "services",
}  # fmt: skip


def prose(page: Path) -> str:
    """A page without blocks, code and the names of links' targets."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^(?:```.*?^```$|    .*?$)", "", text, flags=re.M | re.S)
    return re.sub(r"`[^`]*`|\]\([^)]*\)", "…", text)


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """What people read of a module: texts that are raised, hints, and the help of options."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        value: ast.AST | None = None
        if isinstance(node, ast.Raise):
            value = node.exc
        elif (isinstance(node, ast.keyword) and node.arg in ("hint", "help")) or (
            isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["hint"]
        ):
            value = node.value
        for part in ast.walk(value) if value is not None else ():
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.lineno, part.value


def old_words(text: str) -> Iterator[str]:
    for match in PER.finditer(text):
        yield f'"{" ".join(match[0].split())}": write "per"'
    for pattern, better in OLD_WORDS.items():
        for match in re.finditer(pattern, text, re.I):
            yield f'"{match[0]}": {better}'


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_uses_plain_words(page: Path) -> None:
    text = prose(page)
    assert list(old_words(re.sub(r"\s+", " ", text))) == []


def test_messages_use_plain_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {fault}"
        for path in modules()
        for line, text in sorted(set(messages(path)))
        for fault in old_words(re.sub(r"`[^`]*`", "…", text))
    ]
    assert found == []


def words_of(name: str) -> list[str]:
    """`PageContext` and `page_context` are both page, context."""
    return re.findall(r"[a-z]+", re.sub(r"([A-Z])", r"_\1", name).lower())


def test_names_of_functions_and_classes_use_plain_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {word} is {OLD_NAMES[word]}"
        for path in modules()
        if "versions" not in path.parts  # migrations are records of their day
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for word in words_of(node.name)
        if word in OLD_NAMES
    ]
    assert found == []


PAGE_SOURCES = ROOT / "collector" / "web" / "src"
_DECLARED = re.compile(
    r"^\s*(?:export )?(?:function|class|interface|const(?= \w+ = (?:<\w+>)?\()) (\w+)"
    r"|^  (?:private |async |static )*(?!if|for|while|switch|return)(\w+)\([^;]*\{$",
    re.M,
)


def test_names_of_the_pages_functions_and_classes_use_plain_words() -> None:
    sources = [
        path for path in PAGE_SOURCES.rglob("*.ts*") if ".test." not in path.name and "testing" not in path.parts
    ]
    declared = [(path, one or other) for path in sources for one, other in _DECLARED.findall(path.read_text("utf-8"))]
    assert len(declared) > 500
    found = [
        f"{path.relative_to(ROOT)}: {name}: {word} is {OLD_NAMES[word]}"
        for path, name in declared
        for word in words_of(name)
        if word in OLD_NAMES and name != "letterOf"  # of a key
    ]
    assert found == []
