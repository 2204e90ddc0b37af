"""The plans that sessions in the spool ran, which their records name by hash: the collector gets them first."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from device_agent.spool.signal import ChangeSignal
from device_agent.spool.writer import SpoolWriter
from wire.canonical import canonical_json, document_hash
from wire.errors import GleanerError
from wire.files import write_whole
from wire.script import Plan


class SessionPlans:
    """SHA256.json is a plan. Which of them the collector has is known until this process ends: twice does no harm."""

    def __init__(self, folder: Path, writer: SpoolWriter, changes: ChangeSignal) -> None:
        self._folder, self._writer, self._changes = folder, writer, changes
        self._waiting: dict[str, Plan] = {}
        self._sent: set[str] = set()

    def load(self, named: Collection[str]) -> list[str]:
        """Read the plans that session records still name; others are deleted.

        Returns a sentence for each file that cannot be read; it is kept.
        """
        problems = []
        for path in sorted(self._folder.glob("*.json")):
            if path.stem not in named:
                path.unlink(missing_ok=True)
                continue
            try:
                plan = Plan.read(path.read_bytes())
            except (GleanerError, OSError) as error:
                problems.append(f"plans/{path.name} in the spool cannot be read: {error}.")
                continue
            self._waiting[document_hash(plan)] = plan
        return problems

    def put(self, plan: Plan) -> None:
        """Save the plan of a session; durable on return."""
        key = document_hash(plan)
        with self._changes:
            if key in self._waiting or key in self._sent:
                return
        path = self._folder / f"{key}.json"
        self._writer.call(lambda: write_whole(path, canonical_json(plan)), "writing the plan of the session")
        with self._changes:
            self._waiting[key] = plan
        self._changes.notify()

    def to_send(self) -> dict[str, Plan]:
        """The plans that the collector was not sent since this process began, by sha256."""
        with self._changes:
            return dict(self._waiting)

    def sent(self, sha256: str) -> None:
        with self._changes:
            self._waiting.pop(sha256, None)
            self._sent.add(sha256)
