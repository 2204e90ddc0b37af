"""The docs say what the code says: error codes, routes, settings, the README's commands."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from tests.test_house import RANKS
from wire.errors import GleanerError

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
OPTIONAL = {"picamera2", "libcamera"}


def every_error() -> dict[str, type[GleanerError]]:
    for room in RANKS:
        if room == "gleaner":
            continue
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if ".install." in module.name or "versions" in module.name or module.name.endswith(".env"):
                continue
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                if error.name not in OPTIONAL:
                    raise
    found: dict[str, type[GleanerError]] = {}

    def walk(kind: type[GleanerError]) -> None:
        for child in kind.__subclasses__():
            found[child.code] = child
            walk(child)

    walk(GleanerError)
    return {code: kind for code, kind in found.items() if kind.__module__.split(".")[0] in RANKS}


def test_every_error_code_is_in_the_docs_and_nothing_else() -> None:
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \|", (ROOT / "docs/errors.md").read_text(encoding="utf-8"), re.M))
    assert listed == set(every_error())


@pytest.mark.parametrize("code", sorted(every_error()))
def test_every_error_says_what_it_is(code: str) -> None:
    kind = every_error()[code]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
    assert 400 <= kind.status < 600 and kind.exit_code in (1, 2, 3)


def test_the_readme_shows_what_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "    make demo\n" in readme and "    make test\n" in readme
    for line in ("make system", "make lint", "make test", 'make demo ARGS="--once"'):
        assert f"\n{line}\n" in ci


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_route_is_in_the_docs() -> None:
    from collector.app import documented_routes

    text = (ROOT / "docs/http-api.md").read_text(encoding="utf-8")
    written = set(re.findall(r"`(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (/[^`]*)`", text))
    names = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in written}
    for method, path in documented_routes():
        assert (method, re.sub(r"\{\w+(:\w+)?\}", "{}", path)) in names, f"{method} {path} is not in docs/http-api.md"
