"""What a person is asked to do, by task type: rows that each version of a study names, one per type.

The built-in texts are those that a new study begins with; a study that is here keeps its own. A change of a text raises
its version, and the text of every version that was in use stays in the table `instruction`.
"""

from __future__ import annotations

from pydantic import Field

from collector.store.clock import now_text
from collector.store.sql import Connection, text
from collector.studies.scope import EVERYTHING, Scope, within, within_task
from wire.base import Sha256, WireModel
from wire.canonical import sha256_hex
from wire.errors import GleanerError
from wire.tasks import TaskType

_BY_HASH = text(
    "SELECT version, sha256 FROM instruction WHERE type = :type AND sha256 = :sha256 ORDER BY version DESC LIMIT 1"
)
_FIND = text(
    "SELECT sha256, type, version, text, first_used_at FROM instruction WHERE sha256 = :sha256 AND (:studies IS NULL"
    " OR EXISTS (SELECT 1 FROM study_version JOIN study_version_instruction AS named"
    " ON named.study_version_id = study_version.id WHERE named.type = instruction.type"
    f" AND named.version = instruction.version AND {within('study_version.study')})"
    f" OR EXISTS (SELECT 1 FROM revision WHERE instruction_sha256 = :sha256 AND {within_task('revision.task_id')}))"
    " ORDER BY first_used_at LIMIT 1"
)
_BY_VERSION = text("SELECT version, sha256 FROM instruction WHERE type = :type AND version = :version")
_OF_STUDY_VERSION = text(
    "SELECT instruction.type, instruction.version, instruction.text, instruction.sha256 FROM study_version_instruction"
    " AS named JOIN instruction ON instruction.type = named.type AND instruction.version = named.version"
    " WHERE named.study_version_id = :version ORDER BY instruction.type"
)


class Instructions(WireModel):
    """`sha256` is of the text as UTF-8: what a page quotes when it submits."""

    version: int
    text: str
    sha256: Sha256 = Field(default_factory=lambda given: sha256_hex(given["text"].encode()))


class InstructionView(WireModel):
    sha256: Sha256
    type: TaskType
    version: int
    text: str
    first_used_at: str


class InstructionUnknown(GleanerError):
    """No instructions with this hash were ever shown here."""

    code = "instruction-unknown"
    status = 404
    hint = "Revisions name the sha256 of the words that were on the screen."


BUILT_IN: dict[TaskType, Instructions] = {
    "boxes": Instructions(
        version=2,
        text="Draw one box around each thing in the list, tight around the part you can see. If the picture cuts a"
        " thing off, draw its box up to the edge. If nothing is visible, submit with no boxes.",
    ),
    "tracks": Instructions(
        version=2,
        text="Make one track per person or thing, from the first frame you can see it to the last. Set a keyframe where"
        " the box no longer fits. Where it leaves the picture, hide the track. Where something covers it, mark it"
        " covered.",
    ),
    "speech": Instructions(
        version=2,
        text="Make one region per stretch of speech, from the first sound to the last; start a new one after a pause of"
        " half a second or more. Write what was really said, even if it differs from what was expected.",
    ),
    "text": Instructions(
        version=4,
        text="Typed answer: check it against the question; correct the spelling only where the meaning stays the same."
        " Spoken answer: write what was said, in the language that was spoken; leave it empty if nothing is usable."
        " Text in a picture: write it exactly as shown, one field per piece; reject what is not text.",
    ),
}


def instructions_of(conn: Connection, version: int) -> dict[TaskType, Instructions]:
    """Those of a version of a study, by its id."""
    rows = conn.execute(_OF_STUDY_VERSION, {"version": version})
    return {row.type: Instructions(version=row.version, text=row.text, sha256=row.sha256) for row in rows}


def save_instructions(conn: Connection) -> None:
    """Save the built-in texts of versions that are new here, before a study begins with them."""
    rows = [
        {"type": kind, "version": shown.version, "text": shown.text, "sha256": shown.sha256, "now": now_text()}
        for kind, shown in BUILT_IN.items()
    ]
    conn.execute(
        text(
            "INSERT INTO instruction (type, version, text, sha256, first_used_at)"
            " VALUES (:type, :version, :text, :sha256, :now) ON CONFLICT DO NOTHING"
        ),
        rows,
    )


def instructions_on_screen(
    conn: Connection, kind: TaskType, delivered: int, current: Instructions, told: str | None
) -> tuple[int, str | None]:
    """(version, sha256) of the words a person worked by: what the page quotes, if people ever were shown it here.

    Args:
        delivered: the version that came with the lease.
        current: the task's instructions as it was shown.
        told: the sha256 that the page sends; None from a page that quotes nothing.
    """
    if told == current.sha256 or (told is None and delivered == current.version):
        return current.version, current.sha256
    row = None
    if told is not None:
        row = conn.execute(_BY_HASH, {"type": kind, "sha256": told}).one_or_none()
    if row is None:
        row = conn.execute(_BY_VERSION, {"type": kind, "version": delivered}).one_or_none()
    return (delivered, None) if row is None else (row.version, row.sha256)


def instructions_by_hash(conn: Connection, sha256: str, scope: Scope = EVERYTHING) -> InstructionView:
    """Raises InstructionUnknown."""
    found = next(iter(conn.execute(_FIND, {"sha256": sha256, **scope.values}).mappings()), None)
    if found is None:
        raise InstructionUnknown(f"There are no instructions {sha256} here.")
    return InstructionView.model_validate(found)
