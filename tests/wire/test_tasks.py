"""The table of task types agrees with the documents, and nobody keeps another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from wire.capture import Medium
from wire.labels import Label
from wire.script import LabelSchema
from wire.tasks import TASK_RULES, TaskType

ROOT = Path(__file__).parents[2]
PROGRAMS = ("collector", "device_agent", "hardware", "http_shell", "prelabel", "scripts", "wire")
KINDS = {kind for model in get_args(get_args(Label)[0]) for kind in get_args(model.model_fields["kind"].annotation)}


def test_every_type_has_its_rules_and_its_words() -> None:
    assert list(TASK_RULES) == list(get_args(TaskType)) == list(LabelSchema.model_fields)


@pytest.mark.parametrize("kind", TASK_RULES)
def test_rules_name_media_and_labels_that_there_are(kind: str) -> None:
    rules = TASK_RULES[kind]
    assert rules.labelled and {*rules.labelled, *rules.beside} <= set(get_args(Medium))
    assert not {*rules.labelled} & {*rules.beside}
    assert rules.main in rules.kinds <= KINDS


def test_every_medium_and_every_kind_of_label_is_somebodys_work() -> None:
    assert {medium for rules in TASK_RULES.values() for medium in rules.labelled} == set(get_args(Medium))
    assert {kind for rules in TASK_RULES.values() for kind in rules.kinds} == KINDS


@pytest.mark.parametrize(
    ("listed", "owner"),
    [
        (r'\[\s*"boxes",\s*"tracks",\s*"speech",\s*"text"', "wire/tasks.py"),
        (r'\[\s*"open",\s*"leased",\s*"done"', "wire/tasks.py"),
        (r'\[\s*"video",\s*"audio",\s*"image",\s*"text"', "wire/capture.py"),
    ],
)
def test_types_states_and_media_are_listed_once(listed: str, owner: str) -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for program in PROGRAMS
        for path in (ROOT / program).rglob("*.py")
        if "node_modules" not in path.parts and re.search(listed, path.read_text(encoding="utf-8"))
    ]
    assert found == [owner]
