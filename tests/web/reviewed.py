"""A data folder in which people have reviewed pre-labels: 40 stills, 12 walks, 24 spoken sentences, by product code.

The numbers are planted, so that a test can say what the page has to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.collector.review.filled import TIMES, VAD, Filled, box, interval, track
from tests.web import media

STILLS, WALKS, SPOKEN = 40, 12, 24
# Of 40 stills: a cup in each, and a plate that is hardly ever one.
CUPS_MOVED, CUPS_RENAMED, CUPS_MISSED = 6, 2, 5
PLATES_KEPT = 1
EVERY = 4  # each fourth item is of the random share


def fill(folder: Path, *, kinds: Sequence[str] = ("stills", "walks", "spoken")) -> Filled:
    """Reviewed work in `folder`/data; its database is closed again by the caller."""
    filled = Filled(folder / "data")
    ann = filled.person("ann")
    if "stills" in kinds:
        for number in range(STILLS):
            _still(filled, ann, number)
    if "walks" in kinds:
        for number in range(WALKS):
            _walk(filled, ann, number)
    if "spoken" in kinds:
        for number in range(SPOKEN):
            _spoken(filled, ann, number)
    return filled


def _made(medium: str, *labels: dict[str, Any]) -> dict[str, Any]:
    """One model's document about a medium."""
    return {medium: [list(labels)]}


def _drawn(filled: Filled, take: str, number: int) -> str:
    """The take's task, in the random share or not by its number alone."""
    filled.make(take)
    (row,) = filled.tasks(take_id=take)
    kind = "random" if number % EVERY == 0 else "uncertainty"
    filled.execute("UPDATE task SET reason_kind = :kind WHERE id = :id", kind=kind, id=row.id)
    task: str = row.id
    return task


def _still(filled: Filled, person: str, number: int) -> None:
    cup, plate = box("b1", "cup", 0.86), box("b2", "plate", 0.44, x=80.0)
    after: list[dict[str, Any]] = [cup]
    if number < CUPS_MOVED:
        after = [{**cup, "x": cup["x"] + 6}]
    elif number < CUPS_MOVED + CUPS_RENAMED:
        after = [{**cup, "label": "plate"}]
    if number < PLATES_KEPT:
        after.append(plate)
    if number >= STILLS - CUPS_MISSED:
        after.append(box("p1", "cup", None, x=100.0, y=70.0))
    step = "show-cup" if number % 2 else "show-plate"
    ids = filled.take(step, "show", {"image": b"\xff\xd8 still"}, ["boxes"], prelabels=_made("image", cup, plate))
    filled.submit(person, _drawn(filled, ids["take"], number), {ids["image"]: after}, seconds=9)


def _walk(filled: Filled, person: str, number: int) -> None:
    made = track("t1", (0, 4, 9))
    kept = made if number % 3 else track("t1", (0, 5, 9))
    ids = filled.take("walk", "do", {"video": b"a film"}, ["tracks"], prelabels=_made("video", made), times_us=TIMES)
    filled.submit(person, _drawn(filled, ids["take"], number), {ids["video"]: [kept]}, seconds=30)


def _spoken(filled: Filled, person: str, number: int) -> None:
    """The recordings are real, so that a model can be run over them again; the first four are kept apart by step."""
    end = 300_000 + 5_000 * (number % 7)
    made = interval("s1", 40_000, 300_000, expected="turn on the light", text="turn on the light")
    said = {**made, "end_us": end, "text": "turn on the night" if number % 5 == 0 else "turn on the light"}
    sound = media.speech_like([(0.04, 0.3)], 0.4)
    step = "first-words" if number < 4 else "say-it"
    ids = filled.take(
        step, "say", {"audio": sound}, ["speech"], expected="turn on the light", prelabels=_made("audio", made)
    )
    filled.submit(person, _drawn(filled, ids["take"], number), {ids["audio"]: [said]}, seconds=12)


def configure(filled: Filled) -> None:
    """Twenty of the documents were made with one threshold, fifteen with another, of the rest nobody knows."""
    ids = [row.id for row in filled.rows("SELECT id FROM labels_document ORDER BY id")]
    filled.configure(ids[:20], {"thresholds": {"score": 0.35}})
    filled.configure(ids[20:35], {"thresholds": {"score": 0.4}})


def waiting_run(filled: Filled) -> str:
    """A run over every sound, paused before it began; returns its id."""
    from collector.prelabels.runs import RunAsked, start_run
    from wire.labels import Source

    source = Source.model_validate(VAD)
    run = filled.db.write_sync(lambda conn: start_run(conn, RunAsked(model="silero-vad"), source, ("audio",)))
    filled.execute("UPDATE prelabel_run SET state = 'paused', captures = :all, counted = TRUE", all=SPOKEN)
    return run
