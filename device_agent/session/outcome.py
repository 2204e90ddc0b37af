"""What a run of the agent came to: takes, totals, and what the collector has not confirmed."""

from __future__ import annotations

from dataclasses import dataclass

from device_agent.session.runner import SessionRunner
from device_agent.spool.spool import Spool
from device_agent.takes.maker import TakeTotals


@dataclass(frozen=True)
class RunOutcome:
    """As `gleaner agent run --json` prints it.

    `lost`: closed takes of which a capture is not confirmed by the collector. `playing_seconds`: what countdowns and
    recordings asked for.
    """

    session: str
    state: str
    takes: int
    captures: int
    bytes: int
    prelabels: dict[str, int]
    lost: int
    playing_seconds: float
    frames_dropped: int


def outcome_of(runner: SessionRunner, spool: Spool) -> RunOutcome:
    folded = runner.replayed
    closed = [take for take in folded.takes if take.state == "closed"]
    totals = runner.maker.totals if runner.maker is not None else TakeTotals()
    return RunOutcome(
        session=folded.header.session,
        state=folded.record.state if folded.record is not None else "refused",
        takes=len(closed),
        captures=totals.captures,
        bytes=totals.bytes,
        prelabels=dict(totals.prelabels),
        lost=sum(any(spool.state_of(one.capture) != "confirmed" for one in take.captures) for take in closed),
        playing_seconds=round(runner.playing_seconds, 3),
        frames_dropped=totals.frames_dropped,
    )
