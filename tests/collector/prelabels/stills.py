"""A collector's data with stills for runs of a model, made as rows: thousands of them in seconds."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from collector.store.sql import Connection, text
from tests.collector.review.filled import Filled
from tests.support.other_model import SIZE


def jpeg(level: int = 128) -> bytes:
    """A still of the size that the model of tests/support/other_model.py takes."""
    done, data = cv2.imencode(".jpg", np.full((*SIZE, 3), level, np.uint8))
    assert done
    return bytes(data)


def add_stills(filled: Filled, count: int, levels: int = 4) -> list[str]:
    """So many stills of one session, of `levels` different pictures; returns their ids in order."""
    pictures = [jpeg(100 + 150 * n // levels) for n in range(levels)]
    likes = [filled.take("still", "show", {"image": picture}, ["boxes"])["image"] for picture in pictures]
    made = [f"cap-{number:024x}" for number in range(count)]

    def copy(conn: Connection) -> None:
        for place, like in enumerate(likes):
            row = next(iter(conn.execute(text("SELECT * FROM capture WHERE id = :id"), {"id": like}).mappings()))
            original = text("SELECT * FROM derived WHERE capture_id = :id AND kind = 'original'")
            media = next(iter(conn.execute(original, {"id": like}).mappings()))
            conn.execute(_insert("capture", row), [{**row, "id": capture} for capture in made[place::levels]])
            conn.execute(_insert("derived", media), [{**media, "capture_id": one} for one in made[place::levels]])
            conn.execute(text("DELETE FROM derived WHERE capture_id = :id"), {"id": like})
            conn.execute(text("DELETE FROM task_capture WHERE capture_id = :id"), {"id": like})
            conn.execute(text("DELETE FROM capture WHERE id = :id"), {"id": like})

    filled.db.write_sync(copy)
    return made


def answers(filled: Filled) -> dict[str, tuple[str, str, bool]]:
    """What the model said of each capture: name, hash without the time it took, and whether it is shown."""
    rows = filled.rows("SELECT capture_id, name, raw_sha256, shown FROM labels_document ORDER BY capture_id, name")
    found = {row.capture_id: (row.name, row.raw_sha256, bool(row.shown)) for row in rows}
    assert len(found) == len(rows), "one document per capture"
    return found


def _insert(table: str, row: dict[str, Any]) -> Any:
    return text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})")
