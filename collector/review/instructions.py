"""What a person is asked to do, by task type. A change of the words raises the version; revisions remember it.

The words of every version that was in use stay in the table `instruction`.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from collector.store.clock import now_text
from wire.base import WireModel
from wire.labels import TaskType


class Instructions(WireModel):
    version: int
    text: str


INSTRUCTIONS: dict[TaskType, Instructions] = {
    "boxes": Instructions(
        version=1,
        text="One box around each thing of the list, tight to what can be seen of it. What is cut off by the edge of"
        " the picture is boxed up to the edge. Nothing there: submit without a box.",
    ),
    "tracks": Instructions(
        version=1,
        text="One track a person or thing, from the first frame it can be seen to the last. Set a keyframe where the"
        " box no longer fits. Out of the picture: hide the track there. Covered by something: mark it occluded.",
    ),
    "speech": Instructions(
        version=1,
        text="One region a stretch of speech, from the first sound to the last; a pause of half a second or more"
        " splits it. Write what was really said, also when it differs from what was expected.",
    ),
    "text": Instructions(
        version=3,
        text="A typed answer: check it against the question, correct spelling only where the meaning stays the same."
        " A spoken answer: write what was said, in the language it was said in; leave it empty when nothing usable was."
        " Text on a picture: write it as it stands there, one field a piece; take out what is no text.",
    ),
}


def save_instructions(conn: Connection) -> None:
    """At the start of the service: the words of versions that are new here."""
    rows = [
        {"type": kind, "version": shown.version, "text": shown.text, "now": now_text()}
        for kind, shown in INSTRUCTIONS.items()
    ]
    conn.execute(
        text(
            "INSERT INTO instruction (type, version, text, first_used_at) VALUES (:type, :version, :text, :now)"
            " ON CONFLICT DO NOTHING"
        ),
        rows,
    )
