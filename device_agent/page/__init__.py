"""The session page: what a participant reads and presses. It reads snapshots, posts events and knows nothing else."""

from device_agent.page.guard import new_key
from device_agent.page.server import PageServer

__all__ = ["PageServer", "new_key"]
