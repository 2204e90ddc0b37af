"""The thread of a sensor: started, asked to stop, its failure reported once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from device_agent.sensors.base import Failed, SensorLost
from device_agent.sensors.clock import monotonic_us
from wire.errors import GleanerError

STOP_SECONDS = 5.0


class SensorThread:
    """Runs `work` in one thread a start. `work` looks at `stopping` often, or sleeps in `sleep_until`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def start(self, work: Callable[[], None], failed: Failed) -> None:
        """Raises RuntimeError when it runs already: a caller's mistake."""
        if self._thread is not None:
            raise RuntimeError(f"{self._name} was started twice")
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, args=(work, failed), name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Return after the last delivery. Called from the thread itself it only asks for the end."""
        self._stop.set()
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        thread.join(STOP_SECONDS)
        self._thread = None

    def sleep_until(self, moment_us: int) -> bool:
        """Wait for a moment of the device's clock; False when the sensor is asked to stop first."""
        return not self._stop.wait(max(0.0, (moment_us - monotonic_us()) / 1_000_000))

    def _run(self, work: Callable[[], None], failed: Failed) -> None:
        try:
            work()
        except GleanerError as error:
            failed(error)
        except Exception as error:  # noqa: BLE001 - the end of a thread: what a driver raises must reach the session
            failed(SensorLost(f"{self._name} stopped: {str(error).strip() or type(error).__name__}."))
