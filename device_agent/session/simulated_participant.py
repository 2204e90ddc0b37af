"""The simulated participant: reads snapshots and posts events, as a person in front of the session page would.

With a simulated room it also acts: says the prompt, walks through the picture, holds up the object.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from device_agent.events import ENDED, Answered, ConsentAnswered, Post, Snapshot, Start, Stop, Trouble
from device_agent.sensors.simulated.room import SimulatedRoom
from wire.errors import GleanerError

THINKING_SECONDS = 0.2
TYPING_SECONDS = 0.8
LOOK_SECONDS = 0.03
ANSWER = "Coffee, with a little milk."


class SimulatedParticipant:
    """One thread; ends by itself when the session has.

    Begins once `watched` says that somebody has the session page open, or after `wait_seconds`.
    """

    def __init__(
        self,
        read: Callable[[], Snapshot],
        post: Post,
        room: SimulatedRoom | None,
        *,
        watched: Callable[[], bool] = lambda: True,
        wait_seconds: float = 0.0,
    ) -> None:
        self._watched = watched
        self._wait_seconds = wait_seconds
        self._read = read
        self._post = post
        self._room = room
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, name="participant", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(2)

    def _live(self) -> None:
        until = time.monotonic() + self._wait_seconds
        while time.monotonic() < until and not self._watched() and not self._stopping.wait(LOOK_SECONDS):
            pass
        answered: tuple[object, ...] | None = None
        while not self._stopping.is_set():
            seen = self._read()
            if seen.state in ENDED:
                return
            situation = (seen.state, seen.step_number, seen.attempt, seen.message)
            if situation != answered:
                answered = situation
                self._act(seen)
            self._stopping.wait(LOOK_SECONDS)

    def _act(self, seen: Snapshot) -> None:
        match seen.state:
            case "consent":
                self._post(ConsentAnswered(seen.consent_uses, (), "simulated participant"))
            case "ready":
                self._stopping.wait(THINKING_SECONDS)
                self._post(Start())
            case "countdown" | "recording":
                self._perform(seen)
            case "answering":
                self._stopping.wait(TYPING_SECONDS)
                self._post(Answered(ANSWER))
            case "paused":
                # The agent has given up on a step: there is nobody here to mend it. Any other pause is a person's.
                if seen.facts.get("gave_up"):
                    self._post(Stop())

    def _perform(self, seen: Snapshot) -> None:
        if self._room is None or seen.step is None:
            return
        if seen.step.kind == "show" and seen.state == "countdown":
            self._room.hold_up(seen.step.objects[0] if seen.step.objects else "cup")
        elif seen.step.kind in ("say", "answer"):
            text = ANSWER if seen.step.kind == "answer" else seen.step.expected or seen.step.prompt
            try:
                if seen.state == "countdown":
                    self._room.rehearse(text)
                else:
                    self._room.say(text)
            except GleanerError as error:
                self._post(Trouble(str(error), error.code))
        elif seen.step.kind == "do" and seen.state == "recording":
            self._room.walk(seen.step.seconds)
