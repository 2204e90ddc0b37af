"""Takes without devices: a camera and a microphone worked by hand, before a real spool, labeller and maker of takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from device_agent.labelling.labeller import Labeller
from device_agent.labelling.models import Models
from device_agent.sensors.base import AudioBlock, Frame
from device_agent.sensors.clock import monotonic_us
from device_agent.spool.spool import Spool
from device_agent.takes.maker import Origin, TakeMaker
from device_agent.takes.masking import Masking
from device_agent.takes.streams import AudioStream, VideoStream
from tests.support.waiting import until
from wire.capture import CaptureManifest, DeviceFacts, Medium
from wire.errors import GleanerError
from wire.script import PlanStep, ScriptRef
from wire.session import TakeRecord

ORIGIN = Origin("ses-1", "kitchen", "dev-1", "con-1", ScriptRef(id="greet", version="1", sha256="a" * 64), "en-GB")


class HandCamera:
    """A camera whose frames come when a test says so."""

    name = "hand"
    frame_rate = 25.0
    dropped = 0

    def __init__(self, width: int = 64, height: int = 48) -> None:
        self.width, self.height = width, height
        self.lores_width, self.lores_height = width // 2, height // 2
        self.index = 0
        self.at_us = monotonic_us()

    started = 0

    def start(self, deliver: Callable[[Frame], None], failed: Callable[[GleanerError], None]) -> None:
        self.started += 1

    def stop(self) -> None: ...

    def settings(self) -> dict[str, object]:
        return {"exposure_us": 10_000 * self.index, "driver": object(), "gain": float("nan")}

    def frame(self, *, now: bool = True) -> Frame:
        """The next one, stamped with this moment, or just 40 ms after the one before however late it is made."""
        self.index += 1
        self.at_us = max(self.at_us + 40_000, monotonic_us() if now else 0)
        noise = np.random.default_rng(self.index)
        main = noise.integers(0, 255, (self.height * 3 // 2, self.width), dtype=np.uint8)
        lores = np.zeros((self.lores_height * 3 // 2, self.lores_width), dtype=np.uint8)
        return Frame(self.index, self.at_us, main, lores)


class HandMicrophone:
    """Says nothing of its settings."""

    name = "hand"
    sample_rate, channels, overruns = 16_000, 1, 0

    def __init__(self) -> None:
        self.sample = 0

    def start(self, deliver: Callable[[AudioBlock], None], failed: Callable[[GleanerError], None]) -> None: ...

    def stop(self) -> None: ...

    def block(self) -> AudioBlock:
        first, self.sample = self.sample, self.sample + 1600
        samples = np.full((1600, 1), 1000, dtype=np.int16)
        return AudioBlock(first, 1_000_000 + first * 1_000_000 // 16_000, samples, False)


class Bench:
    def __init__(
        self,
        root: Path,
        quota_bytes: int | None = None,
        *,
        camera: HandCamera | None = None,
        models: Models | None = None,
        masking: Masking | None = None,
        device_facts: DeviceFacts | None = None,
    ) -> None:
        self.troubles: list[GleanerError] = []
        self.journal: list[TakeRecord] = []
        self.spool = Spool(root / "spool", quota_bytes=quota_bytes, reserve_bytes=0)
        self.mentions: list[GleanerError] = []
        self.labeller = Labeller(models or Models(), self.mentions.append)
        self.camera, self.microphone = camera or HandCamera(), HandMicrophone()
        self.video = VideoStream(self.camera, self.labeller.push_frame, self.troubles.append)
        self.audio = AudioStream(self.microphone, self.labeller.push_audio, self.troubles.append)
        self.labeller.set_sample_rate(self.microphone.sample_rate)
        self.maker = TakeMaker(
            self.spool, self.labeller, self.video, self.audio, ORIGIN, self.mentions.append, masking,
            device_facts=device_facts,
        )  # fmt: skip

    def open(self, kind: str, *media: Medium, attempt: int = 1) -> TakeRecord:
        step = PlanStep(id="step", kind=kind, title="Step", prompt="Do it", expected="it", record=list(media))  # type: ignore[arg-type]
        return self.maker.open(f"take-{attempt}", step, attempt, tuple(media), self.journal.append)

    def manifests(self) -> dict[str, CaptureManifest]:
        found = [CaptureManifest.read(row.manifest) for row in self.spool.pending() if row.manifest is not None]
        return {manifest.medium: manifest for manifest in found}

    def settle(self) -> None:
        """Wait until the encoder of the video waits for more, and what it gave away is in the files of the spool."""
        waiting = self.video._queue
        until(lambda: not waiting.qsize() and waiting.not_empty._waiters)  # type: ignore[attr-defined]
        self.spool._writer.call(lambda: None, "waiting")

    def film_to_be_seen(self, looks: int) -> None:
        """Deliver so many frames, 200 ms apart by their stamps; each waits until the model has looked at it."""
        for number in range(looks):
            before = self.labeller._next_detection
            self.camera.at_us += 160_000
            self.video.deliver(self.camera.frame(now=number == 0))
            until(lambda before=before: self.labeller._next_detection > before)  # type: ignore[misc]
            self.settle()

    def close(self) -> None:
        self.video.close()
        self.audio.close()
        self.labeller.close()
        self.spool.close()
