"""The faults found in 39b5c24: each has a test that exists, or a reason; and none of the list is missing."""

import ast
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TABLES = ROOT / "docs" / "decisions" / "0006-faults"
AREAS = ("front-door", "truth", "page", "device", "collector", "prelabel", "code")
ROW = re.compile(r"^\| ([A-Z]?\d+) \| (.+?) \| (.+) \|$")
TEST = re.compile(r"`(tests/[\w/.-]+\.(?:py|ts))(?:::(\w+))?`")
STATES = ("mended", "planned", "kept", "open")


def rows(area: str) -> dict[str, tuple[str, str]]:
    """The rows of one table: fault -> (what was wrong, what came of it)."""
    found: dict[str, tuple[str, str]] = {}
    for line in (TABLES / f"{area}.md").read_text().splitlines():
        if (match := ROW.match(line)) is not None:
            fault, what, outcome = match.groups()
            assert fault not in found, f"{area} {fault} has two rows"
            found[fault] = (what, outcome)
    return found


def functions(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("area", AREAS)
def test_every_fault_has_a_test_that_exists_or_a_reason(area: str) -> None:
    wrong = []
    for fault, (_, outcome) in rows(area).items():
        if not outcome.startswith(STATES):
            wrong.append(f"{fault}: neither mended, planned, kept nor open")
        tests = TEST.findall(outcome)
        if outcome.startswith("mended") and not tests:
            wrong.append(f"{fault}: no test is named")
        for name, function in tests:
            path = ROOT / name
            if not path.is_file():
                wrong.append(f"{fault}: {name} does not exist")
            elif function and function not in functions(path):
                wrong.append(f"{fault}: {name} has no {function}")
        if not outcome.startswith("mended") and len(outcome) < 30:
            wrong.append(f"{fault}: no reason is given")
    assert wrong == []


def listed(area: str, text: str) -> set[str]:
    """The faults of one list, by its own numbering."""
    match area:
        case "front-door":
            return set(re.findall(r"^### ([AB]\d+)", text, re.M)) | {"C1"}
        case "truth":
            return set(re.findall(r"^\*\*(T\d+) ", text, re.M))
        case "page":
            numbered = re.findall(r"^(\d+)\. ", text.split("## D.")[1].split("## E.")[0], re.M)
            return set(re.findall(r"^(A\d+) ", text, re.M)) | {f"D{n}" for n in numbered} | {"E1"}
        case "device":
            faults = re.findall(r"^\*\*(\d+)\. ", text, re.M)
            return {f"B{n}" for n in faults} | {"C1", "F1"}
        case "collector":
            return set(re.findall(r"^\*\*(F\d+)\. ", text, re.M)) | {"S1"}
        case "prelabel":
            return set(re.findall(r"^### (A\d+)", text, re.M)) | set(re.findall(r"^- (B\d+)\. ", text, re.M))
        case _:
            worst = text.split("## 2.")[1].split("## 3.")[0]
            return {f"W{n}" for n in re.findall(r"^ ?(\d+)\. ", worst, re.M)}


@pytest.mark.parametrize("area", AREAS)
def test_no_fault_of_the_list_is_missing(area: str) -> None:
    shared = Path(os.environ.get("GLEANER_FAULTS") or ROOT.parent / "shared" / "faults")
    if not shared.is_dir():
        pytest.skip("the lists of faults are not beside this checkout (GLEANER_FAULTS names their folder)")
    assert set(rows(area)) == listed(area, (shared / f"{area}.md").read_text())
