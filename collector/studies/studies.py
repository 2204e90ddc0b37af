"""Studies as rows: made when the first session or plan of one comes, changed by leads and by commands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from collector.store.clock import now_text
from collector.store.sql import Connection, text
from collector.studies.label_schemas import read_schema
from collector.studies.scope import EVERYTHING, Scope, within
from wire.base import Number, Sha256, WireModel
from wire.errors import GleanerError
from wire.script import LabelSchema
from wire.tasks import TaskType

Share = Annotated[Number, Field(ge=0, le=1)]

_ENSURE = text(
    "INSERT INTO study (id, created_at, control_share) VALUES (:study, :now, :share) ON CONFLICT (id) DO NOTHING"
)
_SHARE = text("SELECT control_share FROM study WHERE id = :study")
_COLUMNS = "id, created_at, control_share, media_links"
_LIST = text(f"SELECT {_COLUMNS} FROM study WHERE {within('id')} ORDER BY id")
_ONE = text(f"SELECT {_COLUMNS} FROM study WHERE id = :study AND {within('id')}")
_VERSIONS = text(
    "SELECT id, number, study_version.sha256, made_at, origin, origin_id, label_schema, consent_text_sha256,"
    " consent_text.text AS consent_text FROM study_version LEFT JOIN consent_text"
    " ON consent_text.sha256 = study_version.consent_text_sha256 WHERE study = :study ORDER BY number DESC"
)
_INSTRUCTIONS = text(
    "SELECT study_version.id AS version_id, instruction.type, instruction.version, instruction.sha256, instruction.text"
    " FROM study_version JOIN study_version_instruction AS named ON named.study_version_id = study_version.id"
    " JOIN instruction ON instruction.type = named.type AND instruction.version = named.version"
    " WHERE study_version.study = :study ORDER BY study_version.id, instruction.type"
)
_CHANGE = text("UPDATE study SET control_share = :share, media_links = :links WHERE id = :study")
_ANY_LINKS = text("SELECT EXISTS (SELECT 1 FROM study WHERE media_links)")


class StudyUnknown(GleanerError):
    """No session of this study has come yet."""

    code = "study-unknown"
    status = 404
    hint = "`gleaner collector study list` shows those there are; the first session of a study makes it."


class StudyRow(WireModel):
    """`control_share`: of new tasks, drawn by chance, so many get no pre-labels.

    `media_links`: people get media from the S3 server by links that work for a minute, where they lie on one.
    """

    id: str
    created_at: str
    control_share: float
    media_links: bool


class StudyRows(WireModel):
    """`links_from`: the address below which browsers get media by links; null: this collector gives none."""

    studies: list[StudyRow]
    links_from: str | None


class StudyInstructions(WireModel):
    """What people are asked to do in tasks of a type; `sha256` is what revisions name."""

    type: TaskType
    version: int
    sha256: Sha256
    text: str


class StudyVersion(WireModel):
    """What a study was, for sessions, tasks and revisions that name this version. `sha256` is of all of it together.

    `origin`: the plan that defined it (`origin_id` is its sha256), or the record of a session that came without one.
    `consent_text` is null where only its hash is known: devices of an older version send no plans.
    """

    number: int
    sha256: Sha256
    made_at: str
    origin: Literal["plan", "session"]
    origin_id: str
    label_schema: LabelSchema
    consent_text_sha256: Sha256
    consent_text: str | None
    instructions: list[StudyInstructions]


class StudyDetail(StudyRow):
    """A study with its versions, the newest first."""

    versions: list[StudyVersion]


class StudyChange(WireModel):
    """What is left out stays as it is."""

    control_share: Share | None = None
    media_links: Annotated[bool, Field(strict=True)] | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set or any(getattr(self, name) is None for name in self.model_fields_set):
            raise ValueError("name what is to change, and what to")
        return self


def ensure_study(conn: Connection, study: str, control_share: float) -> None:
    """Make a study that is new here, with this share; one that is known stays as it is."""
    conn.execute(_ENSURE, {"study": study, "now": now_text(), "share": control_share})


def control_share(conn: Connection, study: str) -> float:
    """The share of its new tasks that get no pre-labels; 0 for a study that is not known."""
    share: float | None = conn.execute(_SHARE, {"study": study}).scalar()
    return share or 0.0


def list_studies(conn: Connection, links_from: str | None, scope: Scope = EVERYTHING) -> StudyRows:
    """`links_from`: see StudyRows."""
    rows = conn.execute(_LIST, scope.values).mappings()
    return StudyRows(studies=[_row(row) for row in rows], links_from=links_from)


def check_study(conn: Connection, study: str, scope: Scope = EVERYTHING) -> StudyRow:
    """The row of a study that may be seen. Raises StudyUnknown."""
    found = next(iter(conn.execute(_ONE, {"study": study, **scope.values}).mappings()), None)
    if found is None:
        raise StudyUnknown(f"There is no study {study[:64]} here.")
    return _row(found)


def _row(found: Mapping[str, Any]) -> StudyRow:
    return StudyRow(**{**found, "media_links": bool(found["media_links"])})


def study_detail(conn: Connection, study: str, scope: Scope = EVERYTHING) -> StudyDetail:
    """Raises StudyUnknown."""
    found = check_study(conn, study, scope)
    texts: dict[int, list[StudyInstructions]] = defaultdict(list)
    for row in conn.execute(_INSTRUCTIONS, {"study": study}).mappings():
        texts[row.pop("version_id")].append(StudyInstructions.model_validate(row))
    versions = []
    for row in conn.execute(_VERSIONS, {"study": study}).mappings():
        instructions, schema = texts[row.pop("id")], read_schema(row.pop("label_schema"))
        versions.append(StudyVersion(**row, label_schema=schema, instructions=instructions))
    return StudyDetail(**found.to_json(), versions=versions)


def change_study(conn: Connection, study: str, change: StudyChange, scope: Scope = EVERYTHING) -> StudyRow:
    """Tasks that are here already stay as they were drawn. Raises StudyUnknown."""
    made = check_study(conn, study, scope).model_copy(update=change.model_dump(exclude_unset=True))
    conn.execute(_CHANGE, {"study": study, "share": made.control_share, "links": made.media_links})
    return made


def any_media_links(conn: Connection) -> bool:
    """Whether any study allows them."""
    return bool(conn.execute(_ANY_LINKS).scalar())
