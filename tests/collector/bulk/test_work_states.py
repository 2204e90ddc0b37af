"""What can be done with a piece of bulk work, state by state."""

from __future__ import annotations

from typing import get_args

import pytest

from collector.bulk.work_states import NOTHING_LEFT, WorkState, WorkVerb, shown_state, state_after

TABLE: dict[WorkVerb, dict[WorkState, WorkState | None]] = {
    "pause": {"queued": "paused", "running": "paused", "paused": "paused", "cancelled": None, "done": None},
    "resume": {"queued": "queued", "running": "running", "paused": "running", "cancelled": None, "done": None},
    "cancel": {
        "queued": "cancelled",
        "running": "cancelled",
        "paused": "cancelled",
        "cancelled": "cancelled",
        "done": None,
    },
}


@pytest.mark.parametrize("verb", get_args(WorkVerb))
@pytest.mark.parametrize("state", get_args(WorkState))
def test_every_verb_in_every_state(verb: WorkVerb, state: WorkState) -> None:
    assert state_after(verb, state) == TABLE[verb][state]
    with_failures = state_after(verb, state, has_failures=True)
    assert with_failures == ("running" if (verb, state) == ("resume", "done") else TABLE[verb][state])
    assert verb in NOTHING_LEFT


def test_what_nobody_does_yet_is_queued() -> None:
    assert shown_state("running", None) == "queued" and shown_state("running", "proc-1") == "running"
    assert shown_state("paused", None) == "paused"
