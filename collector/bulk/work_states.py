"""What a person can do with a piece of bulk work: pause it, resume it, cancel it. Pure.

Its row says `running` as soon as it is started; until a process does it, people see `queued`.
"""

from __future__ import annotations

from typing import Literal

WorkState = Literal["queued", "running", "paused", "cancelled", "done"]
WorkVerb = Literal["pause", "resume", "cancel"]
NOTHING_LEFT: dict[WorkVerb, str] = {
    "pause": "there is nothing to pause",
    "resume": "there is nothing left to do",
    "cancel": "there is nothing to cancel",
}
_TO: dict[WorkVerb, WorkState] = {"pause": "paused", "resume": "running", "cancel": "cancelled"}


def shown_state(state: WorkState, owner: str | None) -> WorkState:
    """As people see it."""
    return "queued" if state == "running" and owner is None else state


def state_after(verb: WorkVerb, state: WorkState, *, has_failures: bool = False) -> WorkState | None:
    """The state that the work is in then; None: there is nothing left of it to do that with.

    Args:
        has_failures: some items of it failed, which resuming tries again.
    """
    match verb, state:
        case "pause", "cancelled" | "done":
            return None
        case "resume", "cancelled":
            return None
        case "resume", "done" if not has_failures:
            return None
        case "resume", "queued" | "running":
            return state
        case "cancel", "done":
            return None
        case _:
            return _TO[verb]
