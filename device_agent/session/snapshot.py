"""What may be seen of a session right now, put together from the threads that know a part of it."""

from __future__ import annotations

import time

from device_agent.events import Failure, PreviewBox, Snapshot, State
from device_agent.session.machine import MAX_FAILURES
from device_agent.session.record import Fold
from device_agent.session.runner import Deadline
from device_agent.session.sentences import plain
from device_agent.uplink.uplink import UplinkState


def snapshot_of(
    replayed: Fold,
    phase: State,
    deadline: Deadline | None,
    uplink: UplinkState,
    *,
    pending: int,
    set_aside: int,
    level_dbfs: float | None = None,
    speaking: bool | None = None,
    detections: tuple[PreviewBox, ...] = (),
    preview: bool = False,
    failure: Failure | None = None,
) -> Snapshot:
    """A Snapshot. `phase` is what people read, `pending` and `set_aside` are the spool's counts of captures right now.

    Reads only values that are replaced whole, so it may be called from any thread.
    """
    deadline = deadline if phase != "saving" and failure is None else None
    state, header = replayed.state, replayed.header
    now = time.monotonic()
    step = state.step if phase != "consent" else None
    return Snapshot(
        session=header.session,
        state=phase,
        title=header.plan.title,
        language=header.plan.language,
        participant=header.participant,
        step_number=min(state.index + 1, len(header.plan.steps)) if step is not None else 0,
        step_count=len(header.plan.steps),
        step=step,
        attempt=state.attempt if step is not None else 0,
        remaining_seconds=max(0.0, deadline.at - now) if deadline is not None else 0.0,
        elapsed_seconds=now - deadline.began if deadline is not None and deadline.name == "recording" else 0.0,
        level_dbfs=level_dbfs,
        speaking=speaking,
        detections=detections,
        preview=preview,
        consent_text=header.plan.consent.text,
        consent_uses=tuple(header.plan.consent.uses),
        granted=state.granted,
        takes_closed=state.takes_closed,
        uploads_pending=pending,
        collector_reachable=uplink.reachable,
        message=plain(state.message, state.code) or plain(uplink.message, uplink.code),
        facts={
            "gave_up": state.failures >= MAX_FAILURES,
            "set_aside": set_aside,
            "operator_message": state.message if state.code is not None else uplink.message,
            "operator_code": state.code or uplink.code,
        },
        failure=failure,
    )
