"""What an export is to hold: the options that the command, the page and programs have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from collector.exports.truth import Selection
from collector.studies.scope import EVERYTHING, Scope
from wire.base import WireModel
from wire.errors import GleanerError
from wire.tasks import TaskType

MAX_STEP = 1_000_000
ExportFormat = Literal["jsonl", "coco"]
_Word = Annotated[str, Field(max_length=200)]


class ExportOptionsInvalid(GleanerError):
    """Options of an export that cannot be, alone or together. `facts["option"]` names one of them."""

    code = "export-options-invalid"
    status = 422
    exit_code = 2
    hint = "docs/export.md describes every option."


class ExportAsked(WireModel):
    """`format`: jsonl, every label and the original media; coco, pictures and boxes.

    `study`, `type` and `since` (a time with its zone) leave out what is not of them. `frames`, of coco: which ones of
    videos, `keyframes`, `every`, or a number N for every N-th. `media`, of jsonl: false for labels alone. `licence`:
    under which the export may be used.
    """

    format: ExportFormat = "jsonl"
    study: _Word | None = None
    type: TaskType | None = None
    since: _Word | None = None
    frames: _Word = "keyframes"
    media: bool = True
    with_prelabels: bool = False
    licence: _Word | None = None

    def check(self) -> None:
        """Raises ExportOptionsInvalid."""
        if not self.media and self.format == "coco":
            raise ExportOptionsInvalid(
                "COCO needs its pictures: leave --no-media out, or use --format jsonl.", option="no-media"
            )
        self.step()
        self._since()

    def step(self) -> int | None:
        """The distance between frames; None: those with a keyframe. Raises ExportOptionsInvalid."""
        if self.frames in ("keyframes", "every"):
            return 1 if self.frames == "every" else None
        first = self.frames[:10]
        if not self.frames.isascii() or not self.frames.isdigit() or not 1 <= int(first) <= MAX_STEP:
            raise ExportOptionsInvalid("Give keyframes, every, or a number from 1 on.", option="frames")
        return int(first)

    def selection(self, scope: Scope = EVERYTHING) -> Selection:
        """Raises ExportOptionsInvalid."""
        return Selection(self.study, self.type, self._since(), scope)

    def _since(self) -> datetime | None:
        """A time without a zone would mean another moment on another machine."""
        if self.since is None:
            return None
        try:
            moment = datetime.fromisoformat(self.since)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise ExportOptionsInvalid(
                "Give a date and time with its zone, such as 2026-11-29T12:00+01:00.", option="since"
            )
        return moment

    @property
    def options(self) -> dict[str, Any]:
        """Those that its format has, for `about.json`."""
        names = ("with_prelabels", "study", "type", "since", "licence", "frames" if self.format == "coco" else "media")
        return {name: getattr(self, name) for name in names}
