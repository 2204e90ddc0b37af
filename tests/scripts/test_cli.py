"""`gleaner scripts` as a person and as a program use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts import load
from scripts.cli import OutputFailed, ScriptExists, app
from tests.support.scripts import GOOD
from wire.script import Plan

run = CliRunner().invoke


def test_check_prints_place_and_code_and_exits_1(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(GOOD.replace("kind: say", "kind: sya"), encoding="utf-8")
    done = run(app, ["check", str(path), "kitchen-greeting"])
    assert done.exit_code == 1
    expected = (
        f"{path}:13:11 unknown-kind kind of step greet is sya; expected one of say, do, show, answer. Did you mean say?"
    )
    assert done.stdout.splitlines() == [expected]


def test_check_of_a_good_script_prints_nothing_to_standard_output() -> None:
    done = run(app, ["check", "kitchen-greeting"])
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no errors" in done.stderr


def test_check_as_json(tmp_path: Path) -> None:
    done = run(app, ["check", "--json", str(tmp_path / "none.yaml")])
    assert done.exit_code == 1
    (row,) = json.loads(done.stdout)
    assert (row["code"], row["line"], row["column"], row["severity"]) == ("file-missing", 1, 1, "error")


def test_show_names_steps_and_hash() -> None:
    done = run(app, ["show", "kitchen-greeting"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    plan = load("kitchen-greeting")
    assert plan.ref.sha256 in done.stdout
    assert all(step.id in done.stdout for step in plan.steps)


def test_show_as_json_is_the_canonical_plan() -> None:
    done = run(app, ["show", "kitchen-greeting", "--json"])
    assert Plan.read(done.stdout).ref == load("kitchen-greeting").ref


def test_list_as_json() -> None:
    rows = json.loads(run(app, ["list", "--json"]).stdout)
    assert [row["id"] for row in rows] == ["kitchen-greeting"]
    assert "Kitchen greeting" in run(app, ["list"], env={"COLUMNS": "200"}).stdout


def test_compile_writes_the_plan_whole(tmp_path: Path) -> None:
    target = tmp_path / "plan.json"
    done = run(app, ["compile", "kitchen-greeting", "-o", str(target)])
    assert done.exit_code == 0
    assert load(target) == load("kitchen-greeting")
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_compile_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputFailed) as caught:
        run(app, ["compile", "kitchen-greeting", "-o", str(tmp_path / "no" / "plan.json")], catch_exceptions=False)
    assert "cannot be written" in str(caught.value)


@pytest.mark.parametrize("name", ["garden.yaml", "12 homes, north.yaml", "küche.yaml", "___.yaml"])
def test_a_new_script_has_no_finding_and_every_kind_of_step(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    done = CliRunner().invoke(app, ["new", str(path)])
    assert done.exit_code == 0, done.output
    checked = CliRunner().invoke(app, ["check", str(path)])
    assert checked.exit_code == 0 and checked.stdout == "", checked.stdout
    plan = load(str(path))
    assert {step.kind for step in plan.steps} == {"say", "do", "show", "answer"}
    assert plan.study == plan.id


def test_a_new_script_is_named_for_its_file(tmp_path: Path) -> None:
    CliRunner().invoke(app, ["new", str(tmp_path / "garden.yaml")])
    assert load(str(tmp_path / "garden.yaml")).id == "garden"


def test_a_new_script_never_writes_over_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("id: mine\n")
    done = CliRunner().invoke(app, ["new", str(path)])
    assert isinstance(done.exception, ScriptExists)
    assert path.read_text() == "id: mine\n"
