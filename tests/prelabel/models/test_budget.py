"""Time budgets: which one holds on which board, and what happens over it."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from prelabel.models import catalogue
from prelabel.models.budget import ModelTooSlow, allowed_ms, board_name, check_budget
from tests.prelabel import graphs
from tests.prelabel.command import prelabel


@pytest.mark.parametrize(
    ("board", "allowed"),
    [
        ("Raspberry Pi 5 Model B Rev 1.0", 100),
        ("Raspberry Pi 4 Model B Rev 1.5", 400),
        ("Raspberry Pi 400 Rev 1.0", 450),
        ("Raspberry Pi Zero 2 W", 2000),
        ("x86_64", None),
        ("", None),
    ],
)
def test_the_longest_beginning_counts(board: str, allowed: float | None) -> None:
    budget = {"Raspberry Pi": 2000, "Raspberry Pi 4": 400, "Raspberry Pi 400": 450, "Raspberry Pi 5": 100}
    assert allowed_ms(budget, board) == allowed


def test_the_name_of_the_board(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert board_name(tmp_path / "model") == "Raspberry Pi 5 Model B Rev 1.0"
    (tmp_path / "model").write_bytes(b"\0")
    assert board_name(tmp_path / "model") == platform.machine() == board_name(tmp_path / "nothing")


def test_over_and_within() -> None:
    check_budget("m", "picture of 640 x 360", 100.0, 100.0, "Raspberry Pi 5")
    with pytest.raises(ModelTooSlow, match=r"m takes 100\.1 ms for a picture .* 100 ms are allowed") as caught:
        check_budget("m", "picture of 640 x 360", 100.1, 100.0, "Raspberry Pi 5")
    assert caught.value.facts == {"measured_ms": 100.1, "allowed_ms": 100.0, "board": "Raspberry Pi 5"}


def test_the_catalogue_states_budgets_for_the_boards_it_is_for() -> None:
    stated = {item.name: item.table.get("budget", {}) for item in catalogue.items() if item.kind == "model"}
    for name in ("silero-vad", "centerface", "yunet", "yolox-nano"):
        assert allowed_ms(stated[name], "Raspberry Pi 5 Model B") and allowed_ms(stated[name], "Raspberry Pi 4 Model B")


def test_check_holds_a_model_to_its_budget(tmp_path: Path) -> None:
    toml = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person"])
    folder = graphs.save_package(tmp_path / "own", graphs.yolox(64, 96, graphs.yolox_rows(64, 96, 1)), toml)
    run = prelabel("check", str(folder))
    assert run.returncode == 0 and f"budget: none stated ({board_name()})" in run.stdout
    assert json.loads(prelabel("check", str(folder), "--json", "--budget-ms", "60000").stdout)["budget_ms"] == 60000
    over = prelabel("check", str(folder), "--budget-ms", "0.001")
    assert over.returncode == 1 and over.stderr.rstrip().endswith("[model-too-slow]")
    manifest = folder / "model.toml"
    manifest.write_text(manifest.read_text() + f'[budget]\n"{board_name()[:6]}" = 0.001\n')
    assert prelabel("check", str(folder)).returncode == 1
    assert prelabel("check", str(folder), "--budget-ms", "60000").returncode == 0
