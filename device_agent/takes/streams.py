"""Between a sensor and its recorder: the sensor's thread stamps and hands on, an encoder thread of its own writes.

A sensor runs for the whole session once consent is there; a recording is a stretch of it. The bounded queue keeps the
sensor's thread from ever waiting: a full one is a counted drop. Where a study masks, the encoder thread masks before it
encodes: what waits to be masked is in memory alone and is let go when it cannot be.
"""

from __future__ import annotations

import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np

from device_agent.record.audio import AudioRecorder
from device_agent.record.recorded import Recorded, RecorderFailed
from device_agent.record.video import VideoRecorder
from device_agent.sensors.base import AudioBlock, Camera, Frame, Microphone
from device_agent.spool.capture import SpoolCapture
from device_agent.takes.masking import Masker, Safe
from wire.capture import Counts
from wire.errors import GleanerError
from wire.redaction import MaskRecord

MAX_QUEUED_FRAMES = 22  # under the pool of the camera (MAX_FRAMES_IN_USE), so a slow encoder meets our count first
MAX_QUEUED_BLOCKS = 400
MAX_CLOSE_SECONDS = 10.0
SILENCE_DBFS = -90.0
LOOK_SECONDS = 0.01
MAX_MISSING_US = 2_000_000  # at the end of a take that ran to its limit; a frame or two are nothing, seconds are

Failed = Callable[[GleanerError], None]
Item = TypeVar("Item", Frame, AudioBlock)


class EncoderStuck(GleanerError):
    """An encoder thread did not end its recording in time."""

    code = "encoder-stuck"
    hint = "The attempt is kept as torn; run the step again."


class TakeInterrupted(GleanerError):
    """A take ran to its limit and a sensor delivered nothing for the last seconds of it: the device stood still."""

    code = "take-interrupted"
    status = 503
    retryable = True
    hint = "The attempt is kept as torn; run the step again. Check what else the device was doing."


class Recorder(Protocol):
    def write(self, data: np.ndarray, stamp_us: int) -> object: ...

    def close(self) -> Recorded: ...

    def abandon(self) -> None: ...


@dataclass
class Recording(Generic[Item]):
    """One stretch of a stream on its way into one capture."""

    capture: SpoolCapture
    recorder: Recorder
    lost_before: int
    masker: Masker[Item] | None = None
    until_us: int | None = None  # nothing later belongs to it
    last_us: int | None = None  # stamp of the newest item of it
    dropped: int = 0
    written: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    recorded: Recorded | None = None
    error: GleanerError | None = None
    masked: MaskRecord | None = None  # of all that reached the recorder, once that has ended

    def check_lasted(self, ended_us: int) -> None:
        """Raises TakeInterrupted: the limit has passed, and seconds before it are missing."""
        if self.until_us is None or self.last_us is None or ended_us < self.until_us:
            return
        missing = self.until_us - self.last_us
        if missing > MAX_MISSING_US:
            raise TakeInterrupted(
                f"{self.capture.header.sensor} delivered nothing for the last {missing / 1e6:.1f} s of the take."
            )


class SensorStream(ABC, Generic[Item]):
    """The shared half of the two streams: begin, write on the encoder thread, end."""

    def __init__(self, name: str, depth: int, failed: Failed) -> None:
        self._queue: queue.Queue[tuple[Recording[Item], Item | None] | None] = queue.Queue(depth + 1)
        self._depth = depth
        self._failed = failed
        self.lost = False
        self._suspending = threading.Lock()
        self._suspended = False
        self._recording: Recording[Item] | None = None  # where the sensor's items go
        self._unended: Recording[Item] | None = None  # whose recorder is open
        self._thread = threading.Thread(target=self._encode, name=f"encoder-{name}", daemon=True)
        self._thread.start()

    def _begin(self, recording: Recording[Item]) -> Recording[Item]:
        with self._suspending:
            self._unended = recording
            if not self._suspended:
                self._recording = recording
        return recording

    @property
    def suspended(self) -> bool:
        """Whether what the sensor gives is dropped: neither recorded nor shown, measured or looked at."""
        return self._suspended

    def suspend(self) -> None:
        """Drop what the sensor gives from now on. Returns at once, touches no disk, from any thread."""
        with self._suspending:
            self._suspended = True
            self._recording = None

    def resume(self) -> None:
        """The opposite of `suspend`; a recording that was cut off stays cut off."""
        self._suspended = False

    def detach(self) -> None:
        """Cut the recording off from its sensor. Returns at once, touches no disk; `end` or `abandon` follows."""
        with self._suspending:
            self._recording = None

    def limit(self, until_us: int) -> None:
        """Record nothing that is stamped later than this device time."""
        recording = self._recording
        if recording is not None:
            recording.until_us = until_us

    def sensor_failed(self, error: GleanerError) -> None:
        """The sensor gave up by itself; it is started again when the next take wants it."""
        self.lost = True
        self._failed(error)

    def _start_again(self, stop: Callable[[], None], start: Callable[[], None]) -> None:
        stop()
        self.lost = False  # before the start: a sensor that fails at once reports that from its own thread
        try:
            start()
        except BaseException:
            self.lost = True
            raise

    def _offer(self, item: Item) -> bool:
        """Called by the sensor's thread. True: the item is on its way into a recording."""
        recording = self._recording
        if recording is None or (recording.until_us is not None and item.stamp_us > recording.until_us):
            return False
        if self._queue.qsize() >= self._depth:
            recording.dropped += 1
            return False
        recording.last_us = item.stamp_us
        self._queue.put_nowait((recording, item))
        return True

    def end(self) -> Recording[Item]:
        """Stop recording and wait until the recorder is closed and its bytes are durable.

        Raises:
            GleanerError: what the recorder or the spool met; EncoderStuck after ten seconds.
        """
        self.detach()
        recording, self._unended = self._unended, None
        assert recording is not None
        if not self._put((recording, None)) or not recording.ended.wait(MAX_CLOSE_SECONDS):
            raise EncoderStuck(f"The recording of {recording.capture.header.sensor} did not end in time.")
        if recording.error is not None:
            raise recording.error
        return recording

    @property
    def recording(self) -> bool:
        """Whether a recorder is open, cut off from its sensor or not."""
        return self._unended is not None

    def abandon(self) -> None:
        """Stop recording before its time: what was taken in is written to its end, the caller tears the capture."""
        self.detach()
        recording, self._unended = self._unended, None
        if recording is not None and self._put((recording, None)):
            recording.ended.wait(MAX_CLOSE_SECONDS)

    def close(self) -> None:
        self.suspend()
        if self._put(None):
            self._thread.join(MAX_CLOSE_SECONDS)

    def _put(self, entry: tuple[Recording[Item], Item | None] | None) -> bool:
        """False: the encoder is stuck and its queue stays full."""
        try:
            self._queue.put(entry, timeout=MAX_CLOSE_SECONDS)
        except queue.Full:
            return False
        return True

    def _encode(self) -> None:
        while (entry := self._queue.get()) is not None:
            recording, item = entry
            try:
                if item is None and recording.error is not None:
                    recording.recorder.abandon()
                elif item is None:
                    self._close(recording)
                elif recording.error is None and not recording.ended.is_set():
                    safe = [self._raw(item)] if recording.masker is None else recording.masker.push(item)
                    self._write(recording, safe)
            except GleanerError as error:
                self._fail(recording, error)
            except Exception as error:  # noqa: BLE001 - a codec's own error ends this recording, never the thread
                self._fail(recording, RecorderFailed(f"The recorder failed: {type(error).__name__}: {error}."))
            finally:
                if item is None:
                    recording.ended.set()

    def _close(self, recording: Recording[Item]) -> None:
        if recording.masker is not None:
            try:
                self._write(recording, recording.masker.finish())
            except Exception:
                recording.recorder.abandon()
                raise
            recording.masked = recording.masker.masked()
        recording.recorded = recording.recorder.close()

    def _write(self, recording: Recording[Item], safe: Safe) -> None:
        for data, stamp_us in safe:
            recording.recorder.write(data, stamp_us)
            recording.written += 1

    def _fail(self, recording: Recording[Item], error: GleanerError) -> None:
        masker, recording.masker = recording.masker, None  # with what waits in it
        if recording.error is None:
            recording.error = error
            recording.masked = masker.masked() if masker is not None else None
            self._failed(error)

    @abstractmethod
    def revive(self) -> None:
        """Start a sensor again that was lost. Raises what its start raises."""

    @abstractmethod
    def begin(self, capture: SpoolCapture, masker: Masker[Item] | None = None) -> Recording[Item]:
        """Record into a capture from now on. Raises GleanerError: the spool opens no file."""

    @abstractmethod
    def counts(self, recording: Recording[Item]) -> Counts:
        """What was lost of a recording."""

    @abstractmethod
    def _raw(self, item: Item) -> tuple[np.ndarray, int]:
        """What an encoder takes of an item, and its stamp in microseconds of device time."""


class VideoStream(SensorStream[Frame]):
    """A camera's frames: the newest one for preview and stills, every one for the recording."""

    def __init__(self, camera: Camera, seen: Callable[[Frame, bool], None], failed: Failed) -> None:
        self.camera = camera
        self.newest: Frame | None = None
        self._seen = seen
        super().__init__("video", MAX_QUEUED_FRAMES, failed)

    def deliver(self, frame: Frame) -> None:
        if self._suspended:
            return
        self.newest = frame
        self._seen(frame, self._offer(frame))

    def revive(self) -> None:
        if self.lost:
            self._start_again(self.camera.stop, lambda: self.camera.start(self.deliver, self.sensor_failed))

    def begin(self, capture: SpoolCapture, masker: Masker[Frame] | None = None) -> Recording[Frame]:
        camera = self.camera
        recorder = VideoRecorder(
            capture.sink("media"), camera.width, camera.height, camera.frame_rate, times=capture.sink("times")
        )
        return self._begin(Recording(capture, recorder, camera.dropped, masker))

    def counts(self, recording: Recording[Frame]) -> Counts:
        lost = recording.dropped + self.camera.dropped - recording.lost_before
        return Counts(frames_dropped=lost)

    def frames_from(self, min_us: int, length_us: int, seconds: float) -> list[Frame]:
        """The newest frame from `min_us` on, and those of the next `length_us` that arrive within `seconds`."""
        found: list[Frame] = []
        until = time.monotonic() + seconds
        while time.monotonic() < until and not (found and found[-1].stamp_us - found[0].stamp_us >= length_us):
            frame = self.newest
            if frame is not None and frame.stamp_us >= min_us and (not found or frame is not found[-1]):
                found.append(frame)
            time.sleep(LOOK_SECONDS)
        return found

    def _raw(self, item: Frame) -> tuple[np.ndarray, int]:
        return item.main, item.stamp_us


class AudioStream(SensorStream[AudioBlock]):
    """A microphone's samples: the level of the newest block, every block for the recording."""

    def __init__(self, microphone: Microphone, heard: Callable[[AudioBlock, bool], None], failed: Failed) -> None:
        self.microphone = microphone
        self.newest_us: int | None = None
        self.level_dbfs = SILENCE_DBFS
        self._heard = heard
        super().__init__("audio", MAX_QUEUED_BLOCKS, failed)

    def deliver(self, block: AudioBlock) -> None:
        if self._suspended:
            return
        self.newest_us = block.stamp_us
        self.level_dbfs = level_dbfs(block.samples)
        self._heard(block, self._offer(block))

    def revive(self) -> None:
        if self.lost:
            self._start_again(self.microphone.stop, lambda: self.microphone.start(self.deliver, self.sensor_failed))

    def begin(self, capture: SpoolCapture, masker: Masker[AudioBlock] | None = None) -> Recording[AudioBlock]:
        microphone = self.microphone
        recorder = AudioRecorder(
            capture.sink("media"), microphone.sample_rate, microphone.channels, times=capture.sink("times")
        )
        return self._begin(Recording(capture, recorder, microphone.overruns, masker))

    def counts(self, recording: Recording[AudioBlock]) -> Counts:
        lost = recording.dropped + self.microphone.overruns - recording.lost_before
        return Counts(audio_overruns=lost)

    def _raw(self, item: AudioBlock) -> tuple[np.ndarray, int]:
        return item.samples, item.stamp_us


def level_dbfs(samples: np.ndarray) -> float:
    """Root mean square of int16 samples in dB of full scale, at least -90."""
    if samples.size == 0:
        return SILENCE_DBFS
    power = float(np.mean(np.square(samples.astype(np.float32) / 32768.0)))
    return max(SILENCE_DBFS, 10 * float(np.log10(power))) if power > 0 else SILENCE_DBFS
