"""What a sensor says of its own settings, as it goes into a manifest.

A driver may say anything. What a manifest has no place for is left out: no setting may cost a recording.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from wire.capture import MAX_FACT, SETTING_NAME_PATTERN, SensorSettings

MAX_LIST = 16
MAX_SETTINGS = 64
_DECIMALS = 6


@runtime_checkable
class ReportsSettings(Protocol):
    """A camera or microphone that knows how it is set."""

    def settings(self) -> Mapping[str, Any]:
        """Names (a-z, 0-9, _) with numbers, texts, booleans or lists of them; from any thread, without waiting."""
        ...


def settings_of(sensor: object) -> SensorSettings | None:
    """What a sensor says, cleaned; None where it says nothing."""
    return cleaned(sensor.settings()) or None if isinstance(sensor, ReportsSettings) else None


def cleaned(reported: Mapping[str, Any]) -> SensorSettings:
    """The settings that a manifest has a place for; numbers to six decimals, texts to 200 characters."""
    found: SensorSettings = {}
    for name, value in reported.items():
        kept = _list(value) if isinstance(value, list | tuple) else _one(value)
        if kept is not None and re.fullmatch(SETTING_NAME_PATTERN, name) and len(found) < MAX_SETTINGS:
            found[name] = kept
    return found


def _list(values: list[Any] | tuple[Any, ...]) -> list[bool | int | float | str] | None:
    kept = [one for one in map(_one, values) if one is not None]
    return kept if 0 < len(kept) == len(values) <= MAX_LIST else None


def _one(value: Any) -> bool | int | float | str | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < 2**53 else None
    if isinstance(value, float):
        return round(float(value), _DECIMALS) if math.isfinite(value) else None
    if isinstance(value, str):
        return value[:MAX_FACT].encode(errors="replace").decode() or None
    return None
