"""What happens in a session (Event), what is to be done about it (Command), and what may be seen of it (Snapshot).

The page, the clock, the sensors and the simulated participant post events; only the session's pure `step`
changes state; the page and the participant read snapshots and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from wire.capture import Medium
from wire.script import PlanStep

State = Literal[
    "consent", "ready", "countdown", "recording", "answering", "saving", "paused", "finished", "stopped", "refused"
]
ENDED: tuple[State, ...] = ("finished", "stopped", "refused")


# ------------------------------------------------------------------ events
@dataclass(frozen=True)
class ConsentAnswered:
    """The participant's answer, use by use. No use granted means no session."""

    granted: tuple[Medium, ...]
    refused: tuple[Medium, ...]
    given_by: str


@dataclass(frozen=True)
class Start:
    """The participant is ready for the step that is shown."""


@dataclass(frozen=True)
class Done:
    """The participant ends the recording before its limit, `after_seconds` of it (None: not known)."""

    after_seconds: float | None = None


@dataclass(frozen=True)
class Answered:
    text: str


@dataclass(frozen=True)
class Pause:
    pass


@dataclass(frozen=True)
class Resume:
    pass


@dataclass(frozen=True)
class Stop:
    """End the session now. What was recorded stays."""


@dataclass(frozen=True)
class TimerFired:
    name: Literal["countdown", "recording"]
    token: int


@dataclass(frozen=True)
class TakeOpened:
    """Every recorder of the take runs; its first sample is at `opened_us` (device monotonic microseconds)."""

    take: str
    opened_us: int


@dataclass(frozen=True)
class TakeClosed:
    """Every capture of the take is durable in the spool with its manifest."""

    take: str
    closed_us: int


@dataclass(frozen=True)
class TakeFailed:
    """A sensor, an encoder, a mask or the disk gave up: the attempt is kept as torn and the step waits to be run again.

    `code`: the stable code of the error, for readers of the record.
    """

    take: str
    message: str
    code: str | None = None


@dataclass(frozen=True)
class Restarted:
    """The agent came back after it was interrupted; an open take is torn and its step waits to be run again."""


@dataclass(frozen=True)
class Trouble:
    """Something a person should know that ends nothing. `code`: as in TakeFailed."""

    message: str
    code: str | None = None


Event = (
    ConsentAnswered
    | Start
    | Done
    | Answered
    | Pause
    | Resume
    | Stop
    | TimerFired
    | TakeOpened
    | TakeClosed
    | TakeFailed
    | Restarted
    | Trouble
)
Post = Callable[[Event], None]


# ------------------------------------------------------------------ commands
@dataclass(frozen=True)
class RecordConsent:
    granted: tuple[Medium, ...]
    refused: tuple[Medium, ...]
    given_by: str


@dataclass(frozen=True)
class OpenSensors:
    media: tuple[Medium, ...]


@dataclass(frozen=True)
class SetTimer:
    name: Literal["countdown", "recording"]
    seconds: float
    token: int


@dataclass(frozen=True)
class OpenTake:
    take: str
    step: str
    attempt: int  # takes begun at this step; 1 or more while `ready` means: once more
    media: tuple[Medium, ...]


@dataclass(frozen=True)
class CloseTake:
    take: str
    text: str | None = None


@dataclass(frozen=True)
class TearTake:
    """End the take as an attempt that does not count."""

    take: str
    reason: str


@dataclass(frozen=True)
class EndSession:
    state: Literal["finished", "stopped", "refused"]


Command = RecordConsent | OpenSensors | SetTimer | OpenTake | CloseTake | TearTake | EndSession


# ------------------------------------------------------------------ snapshot
@dataclass(frozen=True)
class PreviewBox:
    """A box of the newest model answer, in fractions 0..1 of the picture, for the preview only."""

    x: float
    y: float
    width: float
    height: float
    label: str
    score: float


@dataclass(frozen=True)
class Failure:
    """Why the agent ends before its session does, in the words for operators."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True)
class Snapshot:
    """Everything the session page and the participant may know. JSON through `dataclasses.asdict`."""

    session: str
    state: State
    title: str
    language: str
    participant: str
    step_number: int  # 1-based; 0 before the first step
    step_count: int
    step: PlanStep | None
    attempt: int
    remaining_seconds: float  # of the countdown or the recording
    elapsed_seconds: float  # of the recording
    level_dbfs: float | None  # of the newest 100 ms, -90..0; None without a microphone
    speaking: bool | None  # the voice activity model's newest word; None without one
    detections: tuple[PreviewBox, ...]
    preview: bool  # a preview picture can be had
    consent_text: str
    consent_uses: tuple[Medium, ...]
    granted: tuple[Medium, ...]
    takes_closed: int
    uploads_pending: int
    collector_reachable: bool | None  # None: not tried yet
    message: str | None = None  # one sentence for the people in the room
    failure: Failure | None = None  # the agent ends, and the session waits for the next one
    controls: bool = True  # whether the screen that reads this runs the session, or only watches
    facts: dict[str, Any] = field(default_factory=dict)
