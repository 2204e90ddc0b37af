"""The time a model may take on a board, and which board this is."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

from wire.errors import GleanerError


class ModelTooSlow(GleanerError):
    """A model takes longer than its budget for this board. `facts` has `measured_ms`, `allowed_ms`, `board`."""

    code = "model-too-slow"
    status = 422
    hint = "Take a smaller model or input, give it more threads, or look less often; raise [budget] if that is enough."


def board_name(device_tree: Path = Path("/proc/device-tree/model")) -> str:
    """What this machine calls itself, "Raspberry Pi 5 Model B Rev 1.0"; its architecture when it says nothing."""
    try:
        name = device_tree.read_bytes().rstrip(b"\0").decode(errors="replace").strip()
    except OSError:
        name = ""
    return name or platform.machine()


def allowed_ms(budget: Mapping[str, float], board: str) -> float | None:
    """The budget of the longest beginning of the board's name; None when nothing is stated for it."""
    fitting = [name for name in budget if board.startswith(name)]
    return budget[max(fitting, key=len)] if fitting else None


def check_budget(name: str, what: str, measured_ms: float, allowed: float, board: str) -> None:
    """Raise ModelTooSlow when a unit of work took longer than allowed."""
    if measured_ms > allowed:
        raise ModelTooSlow(
            f"{name} takes {measured_ms:.1f} ms for a {what} on {board}; {allowed:g} ms are allowed.",
            measured_ms=round(measured_ms, 2),
            allowed_ms=allowed,
            board=board,
        )
