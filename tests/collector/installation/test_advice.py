"""What is wrong, and in which order people read it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collector.installation.advice import SilentDevice, State, advise

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WELL = State(
    now=NOW,
    disks={"data": 0.5},
    queue_seconds=3,
    backup_at=NOW - timedelta(hours=20),
    has_captures=True,
    log_bytes=4096,
)


def test_nothing_is_said_of_what_is_well() -> None:
    assert advise(WELL) == []
    assert advise(replace(WELL, backup_at=None, has_captures=False)) == []  # nothing to lose yet


@pytest.mark.parametrize(
    ("change", "urgency", "words"),
    [
        ({"problem": "A lane of jobs has ended."}, "now", "A lane of jobs has ended."),
        ({"disks": {"blobs": 0.04}}, "now", "folder blobs has 4% free"),
        ({"disks": {"blobs": 0.1}}, "soon", "folder blobs has 10% free"),
        ({"failed_jobs": {"open": 1}}, "now", "1 job failed: checks of what arrived"),
        ({"failed_jobs": {"derive": 1200}}, "now", "1,200 jobs failed: conversions"),
        ({"queue_seconds": 1800}, "now", "waited for 30 minutes"),
        ({"queue_seconds": 10800}, "now", "waited for 3.0 hours"),
        ({"conflicts": 2}, "soon", "2 captures came with two manifests"),
        ({"bad_captures": 1}, "soon", "1 capture cannot be read"),
        ({"backup_at": None}, "soon", "There is no backup"),
        ({"backup_at": NOW - timedelta(days=3)}, "soon", "last backup is from 2026-11-20"),
        ({"log_bytes": 3 << 30}, "soon", "grown to 3.0 GiB"),
        ({"infected": 2}, "now", "The virus scanner set aside 2 captures."),
        ({"scanner_problem": "The virus scanner x does not answer."}, "now", "The virus scanner x does not answer."),
        ({"security_log_problem": "It has not reached x."}, "soon", "It has not reached x."),
        (
            {"silent": (SilentDevice("kitchen", 3, NOW - timedelta(days=2)),)},
            "soon",
            "kitchen reported last on 2026-11-21, and 3 captures waited on it",
        ),
    ],
)
def test_each_thing_that_is_wrong_has_one_sentence_and_what_to_do(
    change: dict[str, Any], urgency: str, words: str
) -> None:
    (found,) = advise(replace(WELL, **change))
    assert found.urgency == urgency and words in found.what and len(found.todo) > 20


def test_the_most_urgent_comes_first() -> None:
    found = advise(replace(WELL, backup_at=None, conflicts=1, failed_jobs={"tasks": 1}, disks={"a": 0.1, "b": 0.01}))
    assert [one.urgency for one in found] == ["now", "now", "soon", "soon", "soon"]
    assert "folder b" in found[0].what
