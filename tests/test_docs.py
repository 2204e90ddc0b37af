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


def every_class() -> list[type[GleanerError]]:
    """Every error class of every module, also where several share a code."""
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
    found: list[type[GleanerError]] = []

    def walk(kind: type[GleanerError]) -> None:
        for child in kind.__subclasses__():
            found.append(child)
            walk(child)

    walk(GleanerError)
    return [kind for kind in dict.fromkeys(found) if kind.__module__.split(".")[0] in RANKS]


def every_error() -> dict[str, type[GleanerError]]:
    return {kind.code: kind for kind in every_class()}


def test_every_error_code_is_in_the_docs_and_nothing_else() -> None:
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \|", (ROOT / "docs/errors.md").read_text(encoding="utf-8"), re.M))
    assert listed == set(every_error())


@pytest.mark.parametrize("code", sorted(every_error()))
def test_every_error_says_what_it_is(code: str) -> None:
    kind = every_error()[code]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
    assert 400 <= kind.status < 600 and kind.exit_code in (1, 2, 3)


def test_the_docs_have_status_exit_and_retry_of_every_class() -> None:
    """Every class is compared, also where two classes share a code: a dict by code would hide one of them."""
    row = re.compile(r"^\| `([a-z0-9-]+)` \| (\d+) \| (\d) \| (yes|no) \|", re.M)
    text = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    rows: dict[str, tuple[int, int, bool]] = {}
    for code, status, exit_code, again in row.findall(text):
        assert code not in rows, f"{code} has two rows"
        rows[code] = (int(status), int(exit_code), again == "yes")
    wrong = {
        f"{kind.__module__}.{kind.__name__}": (kind.status, kind.exit_code, kind.retryable)
        for kind in every_class()
        if rows[kind.code] != (kind.status, kind.exit_code, kind.retryable)
    }
    assert wrong == {}


def test_a_code_has_one_class_per_program() -> None:
    seen: dict[tuple[str, str], list[str]] = {}
    for kind in every_class():
        program = kind.__module__.split(".")[0]
        seen.setdefault((program, kind.code), []).append(kind.__qualname__)
    assert {key: names for key, names in seen.items() if len(names) > 1} == {}


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
