"""The simulated microphone: hears the room in blocks of 50 ms."""

from __future__ import annotations

from typing import Any

from device_agent.sensors.base import AudioBlock, DeliverBlock, Failed
from device_agent.sensors.due import due
from device_agent.sensors.simulated.room import SimulatedRoom
from device_agent.sensors.simulated.speech import need_speech
from device_agent.sensors.worker import SensorThread

BLOCKS_PER_SECOND = 20
# A sound card's server keeps seconds of sound for a late reader; beyond that it is lost (reference: PulseAudio).
MAX_BLOCKS_BEHIND = 10 * BLOCKS_PER_SECOND


class SimulatedMicrophone:
    """A `Microphone` that listens in a `SimulatedRoom`.

    Raises (building):
        SensorLibraryMissing: nobody can speak in the room because espeak-ng is missing.
    """

    def __init__(self, room: SimulatedRoom) -> None:
        need_speech()
        self.name = "simulated"
        self.room = room
        self.sample_rate = room.sample_rate
        self.channels = 1
        self.overruns = 0
        self._block = room.sample_rate // BLOCKS_PER_SECOND
        self._next_sample = 0
        self._thread = SensorThread("microphone simulated")

    def start(self, deliver: DeliverBlock, failed: Failed) -> None:
        self._thread.start(lambda: self._listen(deliver), failed)

    def stop(self) -> None:
        self._thread.stop()

    def settings(self) -> dict[str, Any]:
        return {"seed": self.room.seed, "sample_rate": self.sample_rate, "channels": self.channels}

    def _listen(self, deliver: DeliverBlock) -> None:
        started, first = self.room.now(), self._next_sample
        # A block is there when its last sample is: block n is due when block n + 1 begins.
        number = 0
        while not self._thread.stopping:
            turn = due(self.room.now(), started, BLOCKS_PER_SECOND, number + 1, behind=MAX_BLOCKS_BEHIND)
            if turn.wait_us > 0:
                self._thread.sleep_until(turn.stamp_us)
                continue
            number = turn.number - 1
            self.overruns += turn.skipped > 0
            offset = number * self._block
            samples = self.room.sound.samples(offset, self._block, started, self.room.says)
            samples.flags.writeable = False
            stamp = started + round(offset * 1_000_000 / self.sample_rate)
            deliver(AudioBlock(first + offset, stamp, samples, overflow=turn.skipped > 0))
            number += 1
            self._next_sample = first + number * self._block
