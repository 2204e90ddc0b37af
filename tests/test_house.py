"""The house: imports go to lower ranks only, equals never import each other (design.md, section 3)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_FUNCTION_LINES = 60
RANKS = {
    "wire": 0,
    "http_shell": 1, "prelabel": 1, "scripts": 1,
    "device_agent": 2, "collector": 2,
    "hardware": 3,
    "gleaner": 4,
}  # fmt: skip
INSIDE_COLLECTOR = {
    "store": 0, "security": 0, "metrics": 0, "keys": 0, "settings": 0, "http": 0, "services": 0, "processes": 0,
    "shared_keys": 0, "setting_tables": 0, "master_key": 0, "key_folder": 0, "names": 0,
    "people": 1, "jobs": 1, "consent": 1, "bulk": 1,
    "studies": 2,
    "devices": 3, "catalogue": 3,
    "ingest": 4, "review": 4, "audits": 4, "portal": 4,
    "reports": 5, "exports": 5, "prelabels": 5, "withdrawal": 5,
    "backup": 5, "move": 6,
    "page": 5, "readiness": 5, "users": 5,
    "installation": 6, "verbs": 7, "tls": 6, "watchdog": 6, "admin": 8, "health": 6, "openapi": 6,
    "app": 8, "cli": 8, "client": 8, "local_service": 8,
}  # fmt: skip

INSIDE_PRELABEL = {
    "models": 0, "media": 0, "geometry": 0,
    "tracking": 1, "quality": 1,
    "image": 2, "audio": 2, "text": 2, "triage": 2,
    "labelling": 3,
    "checks": 4, "redaction": 4,
    "cli": 5,
}  # fmt: skip

INSIDE_DEVICE_AGENT = {
    "events": 0, "settings": 0, "state_files": 0, "sensors": 0, "record": 0,
    "clock": 1, "spool": 1, "labelling": 1, "page": 1,
    "takes": 2, "uplink": 2,
    "session": 3,
    "agent": 4, "delivery": 4, "join": 4, "failed_start": 4,
    "cli": 5,
}  # fmt: skip

# Tests that stand beside no module of their name, and why.
BEHAVIOURS = {
    "media on S3": ("collector/test_on_s3",),
    "kill -9": ("collector/ingest/test_kill", "device_agent/spool/test_kill"),
    "a page of docs/": (
        "collector/client/test_docs", "collector/client/test_notebook",
        "prelabel/test_docs", "prelabel/redaction/test_docs", "prelabel/text/test_docs",
    ),
    "every reader of input": (
        "collector/test_inputs", "collector/ingest/test_limits", "collector/test_worker_limits",
        "collector/prelabels/test_bad_labels", "collector/review/test_out_of_bounds",
        "wire/test_documents", "wire/test_strict_numbers",
    ),
    "the protocol tus": ("collector/ingest/test_tus_clients", "collector/ingest/test_tus_conformance"),
    "from upload to receipt, and on": ("collector/ingest/test_receipt", "collector/review/test_whole_line"),
    "every door": ("collector/review/test_consent", "collector/review/test_control", "collector/review/test_fence"),
    "what reviews are good for": ("collector/prelabels/test_quality",),
    "the database as a whole": (
        "collector/store/test_old_data", "collector/store/test_postgres_migrations",
        "collector/store/test_query_plans", "collector/store/test_session_records",
    ),
    "a page in a browser": (
        "device_agent/page/test_looks", "device_agent/page/test_page", "device_agent/page/test_rehearsal",
    ),
    "several sensors": ("device_agent/sensors/test_files_together", "device_agent/sensors/test_live"),
    "the simulation and real models": ("device_agent/sensors/test_models_see_it",),
    "cost": ("device_agent/session/test_long_sessions",),
    "masks from camera to collector": (
        "scripts/test_redaction", "device_agent/test_masked_session", "device_agent/takes/test_masking_labels",
        "collector/ingest/test_redaction",
    ),
    "people in films": (
        "prelabel/redaction/test_everyone", "prelabel/redaction/test_known_faces",
        "prelabel/labelling/test_video_people",
    ),
    "the line to a collector": ("device_agent/uplink/test_faults", "device_agent/uplink/test_with_collector"),
    "models that lie": ("prelabel/models/test_refusals", "prelabel/image/test_boxes_fit"),
    "one model": ("prelabel/image/test_ssd_mobilenet",),
    "first commands": ("hardware/test_front_door",),
    "backups of a running service": ("collector/backup/test_under_load",),
    "several collectors at once": ("collector/test_several_processes",),
    "a running service whose data moves": ("collector/move/test_while_serving",),
}  # fmt: skip


def modules() -> list[Path]:
    found = [ROOT / "gleaner.py"]
    for room in RANKS:
        found += [path for path in (ROOT / room).rglob("*.py") if "node_modules" not in path.parts]
    return found


def imports_of(path: Path) -> list[tuple[int, str]]:
    rows: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            rows += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            rows.append((node.lineno, node.module))
            rows += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return rows


def test_imports_go_to_lower_ranks_only() -> None:
    crossed = []
    for path in modules():
        owner = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for line, name in imports_of(path):
            target = name.split(".")[0]
            if target in RANKS and target != owner and RANKS[target] >= RANKS[owner]:
                crossed.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
            assert target != "tests", f"{path}:{line} imports from the tests"
    assert crossed == []


def test_rooms_of_the_collector_keep_their_ranks() -> None:
    crossed = []
    for path in (ROOT / "collector").rglob("*.py"):
        parts = path.relative_to(ROOT / "collector").parts
        owner = parts[0].removesuffix(".py")
        if owner in ("web", "__init__"):
            continue
        assert owner in INSIDE_COLLECTOR, f"collector/{owner} has no rank: give it one in this test and in house.md"
        for line, name in imports_of(path):
            pieces = name.split(".")
            if pieces[0] != "collector" or len(pieces) < 2 or pieces[1] == owner:
                continue
            target = pieces[1]
            if INSIDE_COLLECTOR[target] > INSIDE_COLLECTOR[owner] or (
                INSIDE_COLLECTOR[target] == INSIDE_COLLECTOR[owner] >= 1 and owner not in ("app", "cli", "client")
            ):
                crossed.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert crossed == []


@pytest.mark.parametrize(("package", "ranks"), [("prelabel", INSIDE_PRELABEL), ("device_agent", INSIDE_DEVICE_AGENT)])
def test_parts_of_a_package_import_lower_ranks_only(package: str, ranks: dict[str, int]) -> None:
    crossed = []
    for path in (ROOT / package).rglob("*.py"):
        owner = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
        if owner == "__init__":
            continue
        assert owner in ranks, f"{package}/{owner} has no rank: give it one in this test (docs/decisions/0012-rooms.md)"
        for line, name in imports_of(path):
            pieces = name.split(".")
            if pieces[0] != package or len(pieces) < 2 or pieces[1] == owner:
                continue
            if ranks[pieces[1]] >= ranks[owner]:
                crossed.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert crossed == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Late imports count, too: a circle that only works because one import waits is still one to understand."""
    names = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in modules()
    }
    graph = {
        name: {target for _, target in imports_of(path) if target in names and target != name}
        for name, path in names.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_class_names_are_unique() -> None:
    """A class name means one thing in the whole project."""
    places: dict[str, list[str]] = {}
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_test_files_are_named_for_their_sources() -> None:
    """tests/x/test_y.py stands for the module or folder x/y; the others are listed with their reason."""
    others = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        name = path.relative_to(ROOT / "tests")
        source = ROOT / name.with_name(name.name.removeprefix("test_"))
        if name.parts[0] in RANKS and not source.exists() and not source.with_suffix("").is_dir():
            others.add(name.with_suffix("").as_posix())
    assert others == {name for names in BEHAVIOURS.values() for name in names}


def test_what_several_test_files_want_is_in_no_test_file() -> None:
    """It is in a module beside them or in tests/support; the rules of this file alone are read by others."""
    taken = []
    for path in (ROOT / "tests").rglob("*.py"):
        for line, name in imports_of(path):
            if name.startswith("tests.") and ".test_" in name and not name.startswith("tests.test_house"):
                taken.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert taken == []


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("device_agent.cli", {"sqlalchemy", "alembic", "httptools", "fastapi", "collector"}),
        ("prelabel.cli", {"onnxruntime", "cv2", "av", "httpx", "numpy"}),
        ("scripts.cli", {"sqlalchemy", "onnxruntime", "cv2", "av"}),
        ("gleaner", {"sqlalchemy", "onnxruntime", "cv2", "av", "fastapi"}),
    ],
)
def test_a_verb_loads_only_what_it_needs(module: str, unwanted: set[str]) -> None:
    program = f"import sys, {module}; print(' '.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert unwanted & set(loaded) == set()


def used_names(tree: ast.AST) -> Iterator[str]:
    """Every name that a module reads, imports, or writes in a short text (workers are called by the names in texts)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 100:
            yield from re.findall(r"\w+", node.value)


def defined_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Functions, classes and constants of a module, and properties of its classes; not what a decorator registers."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not node.decorator_list or isinstance(node, ast.ClassDef):
                yield node.lineno, node.name
        elif isinstance(node, ast.Assign):
            yield from ((node.lineno, target.id) for target in node.targets if isinstance(target, ast.Name))
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and "property" in map(ast.unparse, member.decorator_list):
                    yield member.lineno, member.name


def parsed() -> dict[Path, ast.Module]:
    """Every module of the programs and of the benchmarks."""
    paths = [*modules(), *(ROOT / "benchmarks").rglob("*.py")]
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def test_functions_are_short() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {length} lines"
        for path, tree in parsed().items()
        if "versions" not in path.parts  # a migration is a list of tables
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert found == []


def test_nothing_is_defined_that_no_program_uses() -> None:
    """What only tests use belongs to the tests."""
    trees = parsed()
    used = {name for tree in trees.values() for name in used_names(tree)}
    unused = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path, tree in trees.items()
        if not {"tables", "migrations"} & set(path.parts)  # read by Alembic
        for line, name in defined_names(tree)
        if name not in used and not name.startswith("__")
    ]
    assert unused == []


def test_no_file_names_the_folder_it_was_written_in() -> None:
    """What a tool leaves behind, committed by mistake, has the paths of one machine in it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    paths = [ROOT / name for name in listed.decode().split("\0") if name]
    assert len(paths) > 500
    assert [str(path) for path in paths if path.is_file() and str(ROOT).encode() in path.read_bytes()] == []
