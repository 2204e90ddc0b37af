"""The checks of `gleaner hardware check`, one thing on the bench a file."""

from hardware.checks.camera import Wanted, camera_check
from hardware.checks.model import model_check
from hardware.checks.work import work_check

__all__ = ["Wanted", "camera_check", "model_check", "work_check"]
