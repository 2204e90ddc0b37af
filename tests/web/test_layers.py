"""The page's sources: imports go to lower layers only, never in a circle; class names are unique, files are short."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

from tests.needs import ROOT

SRC = ROOT / "collector" / "web" / "src"
# `testing` has what the page's own tests share; nothing that is shipped imports it.
LAYERS = ("api", "model", "state", "ui", "media", "views", "main")
MAX_LINES = 400
GENERATED = "api/schema.d.ts"
IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["'](\.[^"']*)["']""")


def sources() -> dict[str, str]:
    """The text of every source that is shipped, by its path below src/."""
    paths = [path for path in SRC.rglob("*.ts*") if not re.search(r"\.test\.tsx?$", path.name)]
    texts = {path.relative_to(SRC).as_posix(): path.read_text(encoding="utf-8") for path in sorted(paths)}
    return {name: text for name, text in texts.items() if not name.startswith("testing/")}


def target(name: str, imported: str, known: set[str]) -> str | None:
    """The source that an import names; None for a style sheet."""
    if imported.endswith(".css"):
        return None
    path = (SRC / name).parent.joinpath(imported).resolve().relative_to(SRC).as_posix()
    found = [f"{path}{ending}" for ending in (".ts", ".tsx", ".d.ts") if f"{path}{ending}" in known]
    assert found, f"{name} imports {imported}, which is no source of the page"
    return found[0]


def arrows() -> dict[str, set[str]]:
    texts = sources()
    found = {name: {target(name, each, set(texts)) for each in IMPORT.findall(text)} for name, text in texts.items()}
    return {name: {each for each in targets if each is not None} for name, targets in found.items()}


def layer(name: str) -> int:
    return LAYERS.index(Path(name).parts[0].removesuffix(".tsx"))


def test_imports_go_to_lower_layers_only() -> None:
    crossed = [
        f"{name} imports {each}" for name, targets in arrows().items() for each in targets if layer(each) > layer(name)
    ]
    assert crossed == []


def test_no_imports_in_a_circle() -> None:
    TopologicalSorter(arrows()).prepare()


def test_class_names_are_unique() -> None:
    names = [
        name for text in sources().values() for name in re.findall(r"^(?:export )?class (\w+)", text, re.MULTILINE)
    ]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_files_are_short() -> None:
    long = {name: text.count("\n") for name, text in sources().items() if text.count("\n") >= MAX_LINES}
    assert set(long) == {GENERATED}
