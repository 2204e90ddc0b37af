"""The room: what the simulated participant does in it, what camera and microphone take of it, and the truth."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_agent.sensors.clock import monotonic_us
from device_agent.sensors.simulated import acts
from device_agent.sensors.simulated.photos import Fetch
from device_agent.sensors.simulated.scene import Box, SimulatedScene
from device_agent.sensors.simulated.sound import RoomSound
from device_agent.sensors.simulated.speech import Speaker
from prelabel.models.catalogue import fetch as fetch_from_catalogue

TRUTH_EVERY_US = 200_000
HOLD_SECONDS = 6.0


@dataclass(frozen=True)
class TruthBox:
    """Where a thing was at one moment, in pixels of the picture, cut off at its edge and at the counter."""

    at_us: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Truth:
    """One thing that happened. `start_us` and `end_us` are device monotonic microseconds.

    kind    say (`text`), walk, hold_up, or seen: a stretch in which `label` was in the picture
    label   person, face, cup; None for say
    boxes   every 200 ms, only while there is something to see
    """

    kind: str
    start_us: int
    end_us: int
    label: str | None = None
    text: str | None = None
    boxes: tuple[TruthBox, ...] = ()

    def to_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {"kind": self.kind, "start_us": self.start_us, "end_us": self.end_us}
        row |= {name: value for name, value in (("label", self.label), ("text", self.text)) if value is not None}
        if self.boxes:
            row["boxes"] = [[box.at_us, box.x, box.y, box.width, box.height] for box in self.boxes]
        return row


class SimulatedRoom:
    """One room for one simulated camera and one simulated microphone. Safe to use from any thread.

    Args:
        seed: of the tiles, the wood and every noise; the same seed is the same room.
        width, height: of the camera's picture, even; `frame_rate` in frames per second.
        sample_rate: of the microphone, samples per second.
        language: what voice speaks.
        fetch: brings the two photographs by catalogue name, when the camera is built.
        now: the clock.
    """

    def __init__(
        self,
        seed: int = 1,
        width: int = 1280,
        height: int = 720,
        frame_rate: float = 25.0,
        sample_rate: int = 16_000,
        *,
        language: str = "en-GB",
        fetch: Fetch = fetch_from_catalogue,
        now: Callable[[], int] = monotonic_us,
    ) -> None:
        self.seed = seed
        self.width, self.height, self.frame_rate = width, height, frame_rate
        self.sample_rate = sample_rate
        self.language = language
        self.sound = RoomSound(seed, sample_rate)
        self.now = now
        self._fetch = fetch
        self._speaker = Speaker(sample_rate)
        self._lock = threading.Lock()
        self._scene: SimulatedScene | None = None
        self._seen_us: tuple[int, int] | None = None
        # Replaced whole under the lock, so the sensors' threads read them without one.
        self.says: tuple[acts.Say, ...] = ()
        self.walks: tuple[acts.Walk, ...] = ()
        self.hold_ups: tuple[acts.HoldUp, ...] = ()

    @property
    def scene(self) -> SimulatedScene:
        """The painted room and its cut-outs, made at the first use.

        Raises:
            the catalogue's errors when a photograph is not here and cannot be fetched; PhotoUnusable.
        """
        with self._lock:
            if self._scene is None:
                self._scene = SimulatedScene(self.seed, self.width, self.height, self._fetch)
            return self._scene

    def rehearse(self, text: str) -> None:
        """Make the voice of a sentence, so that `say` begins at once.

        Raises:
            SensorLibraryMissing, SpeechFailed: this machine cannot speak.
        """
        self._speaker.speak(text, self.language)

    def say(self, text: str) -> acts.Say:
        """Say a sentence, about 0.4 s from now or after the one that is being said.

        Raises:
            SensorLibraryMissing, SpeechFailed: this machine cannot speak.
        """
        samples = self._speaker.speak(text, self.language)
        with self._lock:
            act = acts.next_say(self.says, self.now(), text, samples, self.sample_rate)
            self.says += (act,)
        return act

    def walk(self, seconds: float) -> acts.Walk:
        """Walk out of the picture at the other side, within `seconds`, and come back to stand there."""
        with self._lock:
            act = acts.next_walk(self.walks, self.now(), seconds)
            self.walks += (act,)
        return act

    def hold_up(self, thing: str = "cup", seconds: float = HOLD_SECONDS) -> acts.HoldUp:
        """Put an object on the counter, before the camera. The room has one cup, whatever is asked for."""
        with self._lock:
            act = acts.next_hold_up(self.hold_ups, self.now(), "cup", seconds, left=not acts.stands_left(self.walks))
            self.hold_ups += (act,)
        return act

    def boxes_at(self, at_us: int) -> dict[str, Box]:
        """What is to be seen at a moment: person, face, cup; in pixels."""
        return self.scene.boxes(acts.person_place(self.walks, at_us), acts.held_up(self.hold_ups, at_us))

    def note_seen(self, at_us: int) -> None:
        """The camera took a picture then."""
        self._seen_us = (at_us, at_us) if self._seen_us is None else (self._seen_us[0], at_us)

    def compose(self, at_us: int, number: int, target: Any) -> None:
        """The picture of a moment into planes of I420; `number` picks the sensor's noise."""
        person = acts.person_place(self.walks, at_us)
        self.scene.compose(person, acts.held_up(self.hold_ups, at_us), number, target)

    @property
    def truth(self) -> list[Truth]:
        """What has happened so far, by start time; an act that is still going on ends where it will end."""
        now = self.now()
        rows = [Truth("say", say.start_us, say.end_us, text=say.text) for say in self.says]
        rows += [self._shown("walk", "person", walk.start_us, walk.end_us) for walk in self.walks]
        rows += [self._shown("hold_up", act.thing, act.start_us, act.end_us) for act in self.hold_ups]
        if self._seen_us is not None:
            rows += [self._shown("seen", label, *self._seen_us) for label in ("person", "face")]
        return sorted((row for row in rows if row.start_us <= now), key=lambda row: (row.start_us, row.kind))

    def write_truth(self, path: Path) -> None:
        """`truth` as JSON lines."""
        lines = [json.dumps(row.to_json(), ensure_ascii=False) + "\n" for row in self.truth]
        path.write_text("".join(lines), encoding="utf-8")

    def _shown(self, kind: str, label: str, start_us: int, end_us: int) -> Truth:
        boxes = []
        if self._scene is not None:
            for at_us in range(start_us, end_us + 1, TRUTH_EVERY_US):
                box = self.boxes_at(at_us).get(label)
                if box is not None:
                    boxes.append(TruthBox(at_us, *(round(value, 1) for value in box)))
        return Truth(kind, start_us, end_us, label=label, boxes=tuple(boxes))
