"""Microphones through PortAudio."""

from __future__ import annotations

import threading
from typing import Any

from device_agent.sensors.base import (
    AudioBlock,
    DeliverBlock,
    Failed,
    SensorLibraryMissing,
    SensorLost,
    SensorMissing,
)
from device_agent.sensors.clock import monotonic_us
from device_agent.sensors.sampleclock import SampleClock
from device_agent.sensors.worker import SensorThread

WANTED_RATE = 16_000
BLOCKS_PER_SECOND = 20
# Longer without a block and the microphone is gone: an unplugged one often just falls silent.
MAX_SILENT_US = 5_000_000
LOOK_US = 250_000
# More than this and what the sound system says of its own latency is not believed.
MAX_LATENCY_US = 250_000


class SoundDeviceMicrophone:
    """A `Microphone` by `default`, by number, or by a part of its name. 16 kHz and one channel where it can.

    Raises (opening):
        SensorLibraryMissing: PortAudio is not installed.
        SensorMissing: there is no such input, or it takes none of the formats tried.
    """

    def __init__(self, wanted: str) -> None:
        self._sd = _library()
        self._device, reported = _find(self._sd, wanted)
        self.name = f"sounddevice:{reported['name']}"
        self.sample_rate, self.channels = _format(self._sd, self._device, reported)
        self.overruns = 0
        self._settings = {
            "host_api": _host_api(self._sd, reported), "device": reported["name"], "sample_rate": self.sample_rate,
            "channels": self.channels, "block_samples": self.sample_rate // BLOCKS_PER_SECOND,
        }  # fmt: skip
        self._first_sample = 0
        self._thread = SensorThread(f"microphone {self.name}")

    def start(self, deliver: DeliverBlock, failed: Failed) -> None:
        self._thread.start(lambda: self._listen(deliver), failed)

    def stop(self) -> None:
        self._thread.stop()

    def settings(self) -> dict[str, Any]:
        """With the latency that the sound system promised, once it listens."""
        return self._settings

    def _listen(self, deliver: DeliverBlock) -> None:
        clock = SampleClock(self.sample_rate)
        opened_sample = self._first_sample
        newest, finished = [monotonic_us()], threading.Event()

        def on_block(samples: Any, count: int, time: Any, status: Any) -> None:
            now = monotonic_us()
            newest[0] = now
            stamp, lost = clock.arrived(now - _latency_us(time, count, self.sample_rate), count)
            overflow = lost or bool(status.input_overflow)
            self.overruns += overflow
            block = samples.copy()
            block.flags.writeable = False
            first = opened_sample + clock.count - count
            self._first_sample = first + count
            deliver(AudioBlock(first, stamp, block, overflow))

        try:
            with self._sd.InputStream(
                device=self._device,
                samplerate=self.sample_rate,
                channels=self.channels,
                dtype="int16",
                blocksize=self.sample_rate // BLOCKS_PER_SECOND,
                callback=on_block,
                finished_callback=finished.set,
            ) as stream:
                self._settings = {**self._settings, "latency_s": round(float(stream.latency), 6)}
                self._guard(newest, finished)
        except self._sd.PortAudioError as error:
            raise SensorLost(f"Microphone {self.name} stopped: {_reason(error)}.") from error

    def _guard(self, newest: list[int], finished: threading.Event) -> None:
        """Until the sensor is stopped; a stream that ends or falls silent by itself is a loss."""
        while self._thread.sleep_until(monotonic_us() + LOOK_US):
            if finished.is_set():
                raise SensorLost(f"Microphone {self.name} was disconnected.")
            if monotonic_us() - newest[0] > MAX_SILENT_US:
                raise SensorLost(f"Microphone {self.name} stopped giving sound.")


def _library() -> Any:
    try:
        import sounddevice
    except OSError as error:
        raise SensorLibraryMissing(
            "The microphone needs PortAudio, which is not installed.", hint="apt-get install libportaudio2"
        ) from error
    except ImportError as error:
        raise SensorLibraryMissing(
            "The microphone needs the package sounddevice, which is not installed.", hint="pip install sounddevice"
        ) from error
    return sounddevice


def check_input(wanted: str) -> None:
    """Ask PortAudio for an input by name, without opening it. Raises SensorLibraryMissing, SensorMissing."""
    _find(_library(), wanted)


def _find(sd: Any, wanted: str) -> tuple[Any, dict[str, Any]]:
    """PortAudio's number (None: its default) and description of the input that is wanted."""
    device: int | str | None = None if wanted == "default" else int(wanted) if wanted.isdigit() else wanted
    try:
        return device, dict(sd.query_devices(device, "input"))
    except (ValueError, sd.PortAudioError) as error:
        inputs = [f"{row['index']} {row['name']}" for row in sd.query_devices() if row["max_input_channels"] > 0]
        if not inputs:
            raise SensorMissing(
                "There is no microphone on this machine.", hint="Plug one in, or use --microphone simulated."
            ) from error
        missing = "There is no default microphone." if device is None else f"There is no microphone {wanted}."
        raise SensorMissing(missing, hint=f"Microphones here: {', '.join(inputs)}.") from error


def _host_api(sd: Any, reported: dict[str, Any]) -> str | None:
    """The name of the sound system behind a device ("ALSA"), None where PortAudio does not know it."""
    try:
        return str(sd.query_hostapis(reported["hostapi"])["name"])
    except (KeyError, ValueError, sd.PortAudioError):
        return None


def _format(sd: Any, device: Any, reported: dict[str, Any]) -> tuple[int, int]:
    """(sample rate, channels): the first that the device takes, what speech needs before what it prefers."""
    own_rate = round(reported["default_samplerate"]) or WANTED_RATE
    most = max(1, int(reported["max_input_channels"]))
    reason = ""
    for channels in dict.fromkeys((1, min(2, most))):
        for rate in dict.fromkeys((WANTED_RATE, own_rate)):
            try:
                sd.check_input_settings(device=device, channels=channels, dtype="int16", samplerate=rate)
            except (ValueError, sd.PortAudioError) as error:
                reason = _reason(error)
            else:
                return rate, channels
    raise SensorMissing(
        f"Microphone {reported['name']} cannot be opened: {reason}.", hint="Close other programs that use it."
    )


def _latency_us(time: Any, count: int, rate: int) -> int:
    """How long before now the block's last sample was heard, as far as the sound system tells."""
    reported = (time.currentTime - time.inputBufferAdcTime) * 1_000_000 - count * 1_000_000 / rate
    if time.inputBufferAdcTime <= 0 or not 0 <= reported <= MAX_LATENCY_US:
        return 0
    return int(reported)


def _reason(error: Exception) -> str:
    return str(error.args[0] if error.args else error).rstrip(".")
