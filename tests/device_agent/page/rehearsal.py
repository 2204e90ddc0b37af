"""A session in which nothing is recorded: the real state machine behind the page, no sensor, no journal, no spool.

The page's tests press its keys. Its snapshots say that nothing is recorded.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from device_agent.events import (
    ENDED,
    CloseTake,
    Command,
    EndSession,
    Event,
    Failure,
    OpenTake,
    PreviewBox,
    SetTimer,
    Snapshot,
    TakeClosed,
    TakeOpened,
    TearTake,
    TimerFired,
)
from device_agent.session.machine import SessionState, step
from wire.base import new_id
from wire.script import Plan

NOTE = "This is a rehearsal: nothing is recorded."
OPENING_SECONDS = 0.15
SAVING_SECONDS = 0.4
UPLOAD_SECONDS = 1.2
WIDTH, HEIGHT = 640, 360


@dataclass(frozen=True)
class _Due:
    at: float
    event: Event


class Rehearsal:
    """Reads like an agent: `read`, `post`, `preview` are what a PageServer needs.

    Time passes only when somebody reads or posts; `clock` gives seconds that never fall. Safe from any thread.
    `picture` replaces the drawn room by JPEGs of one's own. `note` None says nothing, for pictures in documents.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        clock: Callable[[], float] = time.monotonic,
        picture: Callable[[], bytes | None] | None = None,
        note: str | None = NOTE,
        reachable: bool | None = True,
    ) -> None:
        self.plan = plan
        self.reachable = reachable
        self.events: list[Event] = []
        self._clock = clock
        self._picture = picture
        self._note = note
        self._lock = threading.RLock()
        self._state = SessionState(session=new_id("ses"), plan=plan)
        self._due: list[_Due] = []
        self._timer: tuple[float, float] | None = None
        self._uploads: list[float] = []
        self._taken = 0
        self.failure: Failure | None = None  # set by a test: the agent ends by it
        self.facts: dict[str, object] = {}

    # ---------------------------------------------------------------- the page's three doors
    def post(self, event: Event) -> None:
        with self._lock:
            self._advance()
            self.events.append(event)
            self._happen(event, self._clock())

    def read(self) -> Snapshot:
        with self._lock:
            self._advance()
            return self._snapshot()

    def preview(self) -> bytes | None:
        if self._picture is not None:
            return self._picture()
        return draw_room(self._person()) if self.read().preview else None

    # ---------------------------------------------------------------- time and the machine
    def _advance(self) -> None:
        now = self._clock()
        while due := min((row for row in self._due if row.at <= now), key=lambda row: row.at, default=None):
            self._due.remove(due)
            self._happen(due.event, due.at)

    def _happen(self, event: Event, at: float) -> None:
        before = self._state
        self._state, commands = step(before, event)
        if self._state.token != before.token:
            self._timer = None
        for command in commands:
            self._carry_out(command, at)

    def _carry_out(self, command: Command, at: float) -> None:
        match command:
            case SetTimer():
                self._timer = (at, command.seconds)
                self._due.append(_Due(at + command.seconds, TimerFired(command.name, command.token)))
            case OpenTake():
                self._due.append(_Due(at + OPENING_SECONDS, TakeOpened(command.take, opened_us=round(at * 1e6))))
                self._taken = len(command.media)
            case CloseTake():
                self._due.append(_Due(at + SAVING_SECONDS, TakeClosed(command.take, closed_us=round(at * 1e6))))
                self._uploads += [at + UPLOAD_SECONDS * (n + 1) for n in range(self._taken)]
            case TearTake() | EndSession():
                self._timer = None
            case _:  # consent and sensors need nothing here: nothing is kept and nothing is open
                pass

    # ---------------------------------------------------------------- what may be seen
    def _snapshot(self) -> Snapshot:
        now, state, plan = self._clock(), self._state, self.plan
        present = state.step
        began, seconds = self._timer or (now, 0.0)
        elapsed = min(now - began, seconds)
        running = state.phase not in ("consent", *ENDED)
        filmed = running and bool({"video", "image"} & set(state.granted))
        waiting = sum(1 for at in self._uploads if at > now or self.reachable is False)
        return Snapshot(
            session=state.session,
            state=state.phase,
            title=plan.title,
            language=plan.language,
            participant="P-rehearsal",
            step_number=min(state.index + 1, len(plan.steps)) if running else 0,
            step_count=len(plan.steps),
            step=present if running else None,
            attempt=state.attempt if running and present else 0,
            remaining_seconds=max(0.0, seconds - elapsed),
            elapsed_seconds=elapsed if state.phase == "recording" else 0.0,
            level_dbfs=self._level(now) if running and "audio" in state.granted else None,
            speaking=state.phase == "recording" if "audio" in state.granted else None,
            detections=(self._person(),) if filmed else (),
            preview=filmed,
            consent_text=plan.consent.text,
            consent_uses=tuple(plan.consent.uses),
            granted=state.granted,
            takes_closed=state.takes_closed,
            uploads_pending=waiting,
            collector_reachable=self.reachable,
            message=state.message or (self._note if running else None),
            failure=self.failure,
            facts=self.facts,
        )

    def _level(self, now: float) -> float:
        if self._state.phase != "recording":
            return -54 + 2 * math.sin(now * 3)
        return -24 + 12 * math.sin(now * 9) * math.sin(now * 2.3)

    def _person(self) -> PreviewBox:
        x = 0.5 + 0.25 * math.sin(self._clock() * 0.5)
        return PreviewBox(x - 0.11, 0.19, 0.22, 0.81, "person", 0.93)


def draw_room(person: PreviewBox) -> bytes:
    """A JPEG of 640x360: a plain kitchen with a drawn figure where `person` is."""
    rows = np.linspace(0, 1, HEIGHT)[:, None, None]
    image = (np.array([206, 214, 220]) * (1 - 0.18 * rows) * np.ones((1, WIDTH, 1))).astype(np.uint8)
    cv2.rectangle(image, (70, 50), (230, 160), (236, 222, 190), -1)
    cv2.rectangle(image, (70, 50), (230, 160), (250, 250, 250), 6)
    cv2.line(image, (150, 50), (150, 160), (250, 250, 250), 4)
    cv2.rectangle(image, (0, 262), (WIDTH, HEIGHT), (120, 136, 150), -1)
    cv2.rectangle(image, (0, 250), (WIDTH, 264), (84, 98, 112), -1)
    for left in range(20, WIDTH, 155):
        cv2.rectangle(image, (left, 278), (left + 135, HEIGHT - 10), (134, 150, 164), 2)
    centre = round((person.x + person.width / 2) * WIDTH)
    cv2.ellipse(image, (centre, HEIGHT), (66, 170), 0, 180, 360, (122, 84, 44), -1, cv2.LINE_AA)
    cv2.rectangle(image, (centre - 14, 150), (centre + 14, 205), (128, 160, 205), -1)
    cv2.ellipse(image, (centre, 120), (36, 46), 0, 0, 360, (142, 176, 222), -1, cv2.LINE_AA)
    cv2.ellipse(image, (centre, 108), (39, 40), 0, 180, 360, (38, 46, 60), -1, cv2.LINE_AA)
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert done
    return data.tobytes()
