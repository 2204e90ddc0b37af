"""The docs say what the code says: error codes, routes, settings, the README's commands."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

import gleaner
from collector.review.codes import CorrectionCode, SkipCode
from collector.review.rules import ReasonKind
from tests.test_house import RANKS
from wire.errors import GleanerError
from wire.session import SessionRecord, TakeRecord
from wire.tasks import TaskState

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
TODAY = [page for page in PAGES if "decisions" not in page.parts]  # decisions are records of their day
MADE_LATER = {"benchmarks/results/latest.json"}
OPTIONAL = {"picamera2", "libcamera", "psycopg"}
GLOSSARY = ROOT / "docs" / "glossary.md"


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


def test_the_docs_have_the_hint_of_every_class() -> None:
    """Word for word; a code that two programs share has one row for both of their hints."""
    text = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z0-9-]+)` \|.*\| (.+) \|$", text, re.M))
    classes: dict[str, list[type[GleanerError]]] = defaultdict(list)
    for kind in every_class():
        classes[kind.code].append(kind)
    missing = {
        code: kinds[0].hint
        for code, kinds in classes.items()
        if len(kinds) == 1 and kinds[0].hint.rstrip(".") not in rows[code]
    }
    assert missing == {}


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


def without_code(text: str) -> str:
    """A page without its fenced and indented blocks, in which `#` begins a comment."""
    return re.sub(r"^(```.*?^```$|    .*?$)", "", text, flags=re.M | re.S)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", without_code(page.read_text(encoding="utf-8")), re.M):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = 0
        while (anchor := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(anchor)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8"))):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", TODAY, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_in_the_docs_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:wire|prelabel|scripts|device_agent|collector|hardware|tests|benchmarks|docs)/[\w/.-]+)`",
        page.read_text(encoding="utf-8"),
    )
    assert [name for name in named if name not in MADE_LATER and not (ROOT / name).exists()] == []


def test_every_route_is_in_the_docs() -> None:
    from tests.support.routes import documented_routes

    text = (ROOT / "docs/http-api.md").read_text(encoding="utf-8")
    written = set(re.findall(r"`(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (/[^`]*)`", text))
    names = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in written}
    for method, path in documented_routes():
        assert (method, re.sub(r"\{\w+(:\w+)?\}", "{}", path)) in names, f"{method} {path} is not in docs/http-api.md"


def glossary_words() -> list[tuple[str, str, str | None]]:
    """Each word of the glossary with the file that its row names and, where there is one, the class in it."""
    row = re.compile(r"^\| ([a-z][a-z -]+) \| .+ \| `([\w/.]+)`(?: `(\w+)`)? \|$", re.M)
    return row.findall(GLOSSARY.read_text(encoding="utf-8"))


def test_words_of_the_glossary_name_files_and_classes_that_exist() -> None:
    words = glossary_words()
    assert len(words) > 50
    assert len({word for word, _, _ in words}) == len(words), "a word has two meanings"
    wrong = []
    for word, name, symbol in words:
        path = ROOT / name
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if not text or (symbol and not re.search(rf"^(?:class {symbol}\b|{symbol}\b.* = )", text, re.M)):
            wrong.append(f"{word}: {name} {symbol}")
    assert wrong == []


def test_words_of_the_glossary_are_in_use() -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in PAGES if page != GLOSSARY).lower()
    pages = re.sub(r"\s+", " ", pages)
    unused = [word for word, _, _ in glossary_words() if not re.search(rf"\b{word}(?:e?s)?\b", pages)]
    assert unused == []


@pytest.mark.parametrize(
    ("heading", "values"),
    [
        ("A session", SessionRecord.model_fields["state"].annotation),
        ("A take", TakeRecord.model_fields["state"].annotation),
        ("A task", TaskState),
        ("Why a task was chosen", ReasonKind),
        ("Why a task was skipped", SkipCode),
        ("What was wrong with the work of somebody else", CorrectionCode),
    ],
)
def test_states_and_codes_are_all_in_the_glossary(heading: str, values: Any) -> None:
    table = GLOSSARY.read_text(encoding="utf-8").split(f"\n{heading} (", 1)[1].split("\n\n")[1]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", table, re.M)) == set(get_args(values))


def commands_in(page: Path) -> Iterator[str]:
    """Every `gleaner …` command that a page shows, in a block or inside a sentence."""
    text = page.read_text(encoding="utf-8").replace(" \\\n", " ")
    for block in re.findall(r"^ {4,}(?:\$ )?(?:.* && )?(gleaner .+)$", text, re.M):
        yield re.split(r"\s{2,}|\s#\s|\s>", block)[0]
    for inline in re.findall(r"`(?:\.venv/bin/)?(gleaner [^`]+)`", text):
        yield re.split(r"\s\|\s|…", " ".join(inline.split()))[0]


def unknown_in(command: str) -> str | None:
    """The first word of a command that is neither a verb nor an option of `gleaner`."""
    verb, *words = shlex.split(command)[1:]
    if verb.startswith("-"):
        return None if verb in ("--version", "--help", "-h") else f"{verb} is no option of gleaner"
    if verb not in gleaner.VERBS:
        return f"{verb} is no verb of gleaner"
    here: Any = typer.main.get_command(importlib.import_module(gleaner.VERBS[verb][0]).app)
    for word in words:
        if word.startswith("-"):
            names = {name for option in here.params for name in (*option.opts, *option.secondary_opts)}
            if word.split("=")[0] not in names | {"--help", "-h"}:
                return f"{word} is no option of {here.name}"
        elif verbs := getattr(here, "commands", None):
            if word not in verbs:
                return f"{word} is no verb of {here.name}"
            here = verbs[word]
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_the_docs_exist(page: Path) -> None:
    wrong = {command: why for command in commands_in(page) if (why := unknown_in(command)) is not None}
    assert wrong == {}
