"""What a person is asked to do, by task type. A change of the words raises the version; revisions remember it.

The words of every version that was in use stay in the table `instruction`.
"""

from __future__ import annotations

from collector.store.clock import now_text
from collector.store.sql import Connection, text
from wire.base import WireModel
from wire.labels import TaskType


class Instructions(WireModel):
    version: int
    text: str


INSTRUCTIONS: dict[TaskType, Instructions] = {
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
