"""Studies as rows: made when the first session or plan of one comes, changed by leads and by commands."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from collector.store.clock import now_text
from collector.store.sql import Connection, text
from wire.base import Number, WireModel
from wire.errors import GleanerError

Share = Annotated[Number, Field(ge=0, le=1)]

_ENSURE = text(
    "INSERT INTO study (id, created_at, control_share) VALUES (:study, :now, :share) ON CONFLICT (id) DO NOTHING"
)
_SHARE = text("SELECT control_share FROM study WHERE id = :study")
_LIST = text("SELECT id, created_at, control_share FROM study ORDER BY id")
_ONE = text("SELECT id, created_at, control_share FROM study WHERE id = :study")
_CHANGE = text("UPDATE study SET control_share = :share WHERE id = :study")


class StudyUnknown(GleanerError):
    """No session of this study has come yet."""

    code = "study-unknown"
    status = 404
    hint = "`gleaner collector study list` shows those there are; the first session of a study makes it."


class StudyRow(WireModel):
    """`control_share`: of new tasks, drawn by chance, so many get no pre-labels."""

    id: str
    created_at: str
    control_share: float


class StudyRows(WireModel):
    studies: list[StudyRow]


class StudyChange(WireModel):
    control_share: Share


def ensure_study(conn: Connection, study: str, control_share: float) -> None:
    """Make a study that is new here, with this share; one that is known stays as it is."""
    conn.execute(_ENSURE, {"study": study, "now": now_text(), "share": control_share})


def control_share(conn: Connection, study: str) -> float:
    """The share of its new tasks that get no pre-labels; 0 for a study that is not known."""
    share: float | None = conn.execute(_SHARE, {"study": study}).scalar()
    return share or 0.0


def list_studies(conn: Connection) -> StudyRows:
    return StudyRows(studies=[StudyRow.model_validate(row) for row in conn.execute(_LIST).mappings()])


def change_study(conn: Connection, study: str, change: StudyChange) -> StudyRow:
    """Tasks that are here already stay as they were drawn. Raises StudyUnknown."""
    changed = conn.execute(_CHANGE, {"study": study, "share": change.control_share}).rowcount
    if not changed:
        raise StudyUnknown(f"There is no study {study} here.")
    return StudyRow.model_validate(next(iter(conn.execute(_ONE, {"study": study}).mappings())))
