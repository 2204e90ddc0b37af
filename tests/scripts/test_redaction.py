"""`redaction:` in a script: what is written is what the device masks by; each mistake has its place and code."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts import load
from scripts.cli import app
from tests.support.scripts import GOOD, findings_of, written
from wire.canonical import canonical_json
from wire.script import Plan, Redaction

# Lines 1 to 10 of GOOD stay; the redaction begins in line 11. The step `walk` is sound that nobody was asked for.
BLOCK = """\
redaction:
  faces: bystanders
  zone: [0.25, 0, 0.5, 1]
  speech: outside-prompts
  method: mosaic
  sound: noise
  margin_seconds: 1.5
"""
WALK = """\
  - id: walk
    kind: do
    prompt: Walk.
    record: [video, audio]
"""


def script(block: str = BLOCK, steps: str = WALK) -> str:
    return GOOD.replace("steps:\n", block + "steps:\n" + steps)


def test_what_is_written_is_what_the_plan_says(tmp_path: Path) -> None:
    assert findings_of(tmp_path, script()) == []
    plan = load(written(tmp_path, script()))
    assert plan.redaction == Redaction(
        faces="bystanders", zone=(0.25, 0, 0.5, 1), speech="outside-prompts", method="mosaic", sound="noise",
        margin_seconds=1.5,
    )  # fmt: skip
    assert Plan.read(canonical_json(plan)) == plan


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    plan = load(written(tmp_path, script("redaction:\n  faces: everyone\n")))
    assert plan.redaction == Redaction(faces="everyone", method="solid", sound="zeros", margin_seconds=2.0)
    assert plan.redaction.speech is None and plan.redaction.zone is None


def test_a_redaction_changes_the_hash_and_none_does_not(tmp_path: Path) -> None:
    plain = load(written(tmp_path, script("")))
    masked = load(written(tmp_path, script()))
    assert plain.redaction is None and plain.ref.sha256 != masked.ref.sha256
    assert (plain.schema_number, masked.schema_number) == (1, 2)


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "code", "said"),
    [
        ("faces: bystanders", "faces: bystander", 12, 10, "unknown-word", "Did you mean bystanders?"),
        ("faces: bystanders", "faces: strangers", 12, 10, "unknown-word", "one of bystanders, everyone"),
        ("faces: bystanders", "faces: [bystanders]", 12, 10, "wrong-type", "expected text"),
        ("faces: bystanders", "face: bystanders", 12, 3, "unknown-field", "Did you mean faces?"),
        ("faces: bystanders", "faces:", 12, 3, "empty", "faces of redaction is empty"),
        ("speech: outside-prompts", "speech: always", 14, 11, "unknown-word", "outside-prompts"),
        ("method: mosaic", "method: blur", 15, 11, "unknown-word", "solid, mosaic"),
        ("sound: noise", "sound: quiet", 16, 10, "unknown-word", "zeros, noise"),
        ("margin_seconds: 1.5", "margin_seconds: 0.2", 17, 19, "out-of-range", "from 0.5 to 5"),
        ("margin_seconds: 1.5", "margin_seconds: 60", 17, 19, "out-of-range", "from 0.5 to 5"),
        ("margin_seconds: 1.5", "margin_seconds: .nan", 17, 19, "out-of-range", "from 0.5 to 5"),
        ("margin_seconds: 1.5", "margin_seconds: long", 17, 19, "wrong-type", "a number"),
        ("[0.25, 0, 0.5, 1]", "[0.25, 0, 0.5]", 13, 9, "wrong-type", "a list of 4 numbers"),
        ("[0.25, 0, 0.5, 1]", "left", 13, 9, "wrong-type", "a list of 4 numbers"),
        ("[0.25, 0, 0.5, 1]", "[0.25, 0, half, 1]", 13, 19, "wrong-type", "a number from 0 to 1"),
        ("[0.25, 0, 0.5, 1]", "[0.25, -0.1, 0.5, 1]", 13, 16, "out-of-range", "from 0 to 1"),
        ("[0.25, 0, 0.5, 1]", "[320, 0, 640, 720]", 13, 10, "out-of-range", "from 0 to 1"),
        ("[0.25, 0, 0.5, 1]", "[0.6, 0, 0.5, 1]", 13, 9, "out-of-range", "not inside the picture"),
        ("[0.25, 0, 0.5, 1]", "[0.25, 0, 0, 1]", 13, 9, "out-of-range", "not inside the picture"),
        ("faces: bystanders", "faces: everyone", 13, 3, "field-not-used", "without faces: bystanders"),
        ("  faces: bystanders\n", "", 12, 3, "field-not-used", "does not use zone"),
        ("  speech: outside-prompts\n", "", 15, 3, "field-not-used", "without speech does not use sound"),
        ("  zone: [0.25, 0, 0.5, 1]\n", "", 12, 10, "zone-missing", "the participant too"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_place_and_code(
    tmp_path: Path, old: str, new: str, line: int, column: int, code: str, said: str
) -> None:
    assert BLOCK.count(old) == 1
    rows = findings_of(tmp_path, script(BLOCK.replace(old, new)))
    hit = [row for row in rows if row.code == code and said in row.message]
    assert hit, [str(row) for row in rows]
    assert (hit[0].place.line, hit[0].place.column) == (line, column), str(hit[0])


@pytest.mark.parametrize(
    ("block", "code", "severity", "line"),
    [
        ("redaction: {}\n", "empty", "error", 11),
        ("redaction:\n", "empty", "error", 11),
        ("redaction: bystanders\n", "wrong-type", "error", 11),
        ("redaction:\n  margin_seconds: 2\n", "empty", "error", 12),
        ("redaction:\n  faces: everyone\n  method: solid\n", None, None, 0),
        ("redaction:\n  speech: outside-prompts\n  sound: zeros\n", None, None, 0),
        ("redaction:\n  speech: outside-prompts\n  method: solid\n", "field-not-used", "error", 13),
        ("redaction:\n  faces: bystanders\n  zone: [0.1, 0.1, 0.9, 0.9]\n", None, None, 0),
    ],
)
def test_a_redaction_has_to_mask_something(
    tmp_path: Path, block: str, code: str | None, severity: str | None, line: int
) -> None:
    rows = [(row.code, row.severity, row.place.line) for row in findings_of(tmp_path, script(block))]
    assert rows == ([] if code is None else [(code, severity, line)])


def test_what_no_step_records_need_not_be_masked(tmp_path: Path) -> None:
    text = script("redaction:\n  speech: outside-prompts\n", "")
    (row,) = findings_of(tmp_path, text)
    assert (row.code, row.severity, row.place.line) == ("redaction-not-needed", "warning", 12)
    silent = GOOD[: GOOD.index("  - id: greet")] + GOOD[GOOD.index("  - id: drink") :]
    silent = silent.replace("steps:\n", "redaction:\n  faces: everyone\nsteps:\n")
    assert ("redaction-not-needed", 12) in [(row.code, row.place.line) for row in findings_of(tmp_path, silent)]


def test_show_says_what_is_masked(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["show", str(written(tmp_path, script()))], env={"COLUMNS": "200"}).stdout
    assert (
        "masks faces of bystanders (mosaic, zone 0.25 0 0.5 1); speech outside-prompts (noise); with 1.5 s before and"
        in shown
    )
    assert "masks" not in CliRunner().invoke(app, ["show", "kitchen-greeting"], env={"COLUMNS": "200"}).stdout
