"""The checks of `gleaner hardware check`, one thing on the bench a file."""

from hardware.checks.camera import camera_check
from hardware.checks.model import model_check

__all__ = ["camera_check", "model_check"]
