"""The simulated camera: composes the room's picture at each deadline."""

from __future__ import annotations

from typing import Any

from device_agent.sensors.base import DeliverFrame, Failed, Frame
from device_agent.sensors.due import due
from device_agent.sensors.pictures import planes, shrink
from device_agent.sensors.ring import FramePool, lores_size, sealed
from device_agent.sensors.simulated.room import SimulatedRoom
from device_agent.sensors.worker import SensorThread


class SimulatedCamera:
    """A `Camera` that looks into a `SimulatedRoom`.

    Raises (building):
        the catalogue's errors when the photographs of the scene are not here and cannot be fetched.
    """

    def __init__(self, room: SimulatedRoom) -> None:
        self.name = "simulated"
        self.room = room
        self.width, self.height, self.frame_rate = room.width, room.height, room.frame_rate
        self.lores_width, self.lores_height = lores_size(room.width, room.height)
        self.dropped = 0
        self._next_index = 0
        self._scene = room.scene
        self._pool = FramePool((self.width, self.height), (self.lores_width, self.lores_height))
        self._thread = SensorThread("camera simulated")

    def start(self, deliver: DeliverFrame, failed: Failed) -> None:
        self._thread.start(lambda: self._watch(deliver), failed)

    def stop(self) -> None:
        self._thread.stop()

    def settings(self) -> dict[str, Any]:
        return {"seed": self.room.seed, "width": self.width, "height": self.height, "frame_rate": self.frame_rate}

    def _watch(self, deliver: DeliverFrame) -> None:
        started, first = self.room.now(), self._next_index
        while not self._thread.stopping:
            turn = due(self.room.now(), started, self.frame_rate, self._next_index - first)
            if turn.wait_us > 0:
                self._thread.sleep_until(turn.stamp_us)
                continue
            self.dropped += turn.skipped
            self._next_index = first + turn.number
            self._expose(turn.stamp_us, deliver)
            self._next_index += 1

    def _expose(self, stamp_us: int, deliver: DeliverFrame) -> None:
        pair = self._pool.take()
        if pair is None:
            self.dropped += 1
            return
        target = planes(pair[0], self.width, self.height)
        self.room.compose(stamp_us, self._next_index, target)
        shrink(target, planes(pair[1], self.lores_width, self.lores_height))
        self.room.note_seen(stamp_us)
        deliver(Frame(self._next_index, stamp_us, *sealed(pair)))
