"""What an export says of itself: `about.json`, and the record of it at the collector."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from collector.exports.sums import SUMS
from collector.exports.truth import Item
from collector.store.sql import Connection, text
from wire.base import format_utc, new_id
from wire.files import file_sha256
from wire.version import installed_version

ABOUT = "about.json"


@dataclass
class Contents:
    """What has been exported so far, for `about.json`.

    `sessions` has the consent of each session with its grants, and under `uses` the media of it that are exported or
    labelled; `delete_after` is the earliest end of a consent to
    something in the export, None where none ends.
    """

    revisions: int = 0
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    delete_after: str | None = None
    _digest: Any = field(default_factory=hashlib.sha256, repr=False)

    def add(self, item: Item) -> None:
        """An item of which something is in the export."""
        if item.revision is not None:
            self.revisions += 1
            self._digest.update(f"{item.task} {item.revision}\n".encode())
        session = item.origin["session"]
        entry = self.sessions.setdefault(
            session, {"consent": item.origin["consent"], "grants": item.grants, "uses": []}
        )
        entry["uses"] = sorted({*entry["uses"], *item.uses})
        ends = [media.consent_until for media in item.media.values() if media.consent_until is not None]
        self.delete_after = min([*ends, *filter(None, [self.delete_after])], default=None)

    @property
    def revisions_sha256(self) -> str:
        """Of one line `TASK REVISION` for each, in the order of the export."""
        return str(self._digest.hexdigest())


def write_about(
    folder: Path, contents: Contents, counts: dict[str, int], form: str, options: dict[str, Any]
) -> dict[str, Any]:
    """Write `about.json` into a filled folder; returns what it says."""
    about = {
        "schema": 1,
        "export": new_id("export"),
        "made_at": format_utc(datetime.now(UTC)),
        "gleaner": installed_version(),
        "format": form,
        "options": options,
        "counts": counts,
        "revisions": contents.revisions,
        "revisions_sha256": contents.revisions_sha256,
        "sums_sha256": file_sha256(folder / SUMS),
        "delete_after": contents.delete_after,
        "sessions": contents.sessions,
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return about


def save_export(conn: Connection, about: dict[str, Any]) -> None:
    """The record of an export: which revisions and whose sessions left, and when. Repeating is harmless."""
    conn.execute(
        text(
            "INSERT INTO export (id, made_at, format, body) VALUES (:id, :made_at, :format, :body)"
            " ON CONFLICT DO NOTHING"
        ),
        {
            "id": about["export"],
            "made_at": about["made_at"],
            "format": about["format"],
            "body": json.dumps(about, ensure_ascii=False, separators=(",", ":")),
        },
    )
