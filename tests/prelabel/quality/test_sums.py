"""Sums that were added up apart and merged are those of everything at once."""

from __future__ import annotations

import pickle
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from prelabel.quality.measurement import Measured, Vocabulary, measured, model_key
from prelabel.quality.report import added_up, prelabel_report
from prelabel.quality.reviewed import Reviewed
from prelabel.quality.shapes import PrelabelReport
from prelabel.quality.sums import QualitySums
from tests.prelabel.quality.made import FRAME_US, MODEL, OTHER, PERSON, box, document, interval, text, track

NOW = datetime(2026, 11, 23, tzinfo=UTC)
WORDS = ("cup", "plate", "person")
SIZES = {"boxes": (640, 480), "tracks": (640, 480), "speech": None, "text": (640, 480)}


def drawn(chance: random.Random, kind: str) -> list[Any]:
    """A few labels of a kind; scores repeat, so that their order matters."""
    made: list[Any] = []
    for number in range(chance.randrange(4)):
        name, score = f"l{number}", chance.choice([0.25, 0.5, 0.5, 0.75])
        x, y = chance.randrange(8) * 20.0, chance.randrange(8) * 20.0
        if kind == "boxes":
            made.append(box(name, x, y, 40, 40, label=chance.choice(WORDS), score=score))
        elif kind == "tracks":
            rows = [(frame, x + frame, y, 40, 40) for frame in (0, 3, 8)]
            made.append(track(name, rows, label=chance.choice(WORDS), score=score))
        elif kind == "speech":
            start = number * 2 + chance.random()
            made.append(interval(name, start, start + chance.random(), text=chance.choice(["tea", "tea please", ""])))
        else:
            made.append(text(name, chance.choice(["open", "close", "closed"]), score=score))
    return made


def reviewed(count: int) -> list[Reviewed]:
    chance = random.Random(count)
    items = []
    for number in range(count):
        kind = chance.choice(["boxes", "boxes", "tracks", "speech", "text"])
        before, after = drawn(chance, kind), drawn(chance, kind)
        capture = f"cap-{number // 2 if chance.random() < 0.2 else number}"
        items.append(
            Reviewed(
                revision=f"rev-{number}",
                capture=capture,
                task_type=kind,  # type: ignore[arg-type]
                device=f"dev-{chance.randrange(3)}",
                script_sha256="c" * 64,
                step=f"step-{chance.randrange(3)}",
                before=document(before, chance.choice([MODEL, OTHER]), capture),
                after=document([*before[:2], *after], PERSON, capture)
                if not {label.id for label in before[:2]} & {label.id for label in after}
                else document(after, PERSON, capture),
                times_us=[frame * FRAME_US for frame in range(12)] if kind == "tracks" else None,
                size=SIZES[kind],
                active_ms=chance.choice([None, 4000, 9000]),
                drawn_by_chance=chance.random() < 0.4,
                sight=chance.choice(["shown", "shown", "nothing", "others"]),  # type: ignore[arg-type]
            )
        )
    return items


def report(parts: Sequence[Sequence[Reviewed]]) -> PrelabelReport:
    """Each part added up alone, by a process of its own as far as its sums can tell, and merged."""

    def sums_of(words: Vocabulary) -> QualitySums:
        every = [added_up(_measured(part, words), words) for part in parts]
        first, *later = [pickle.loads(pickle.dumps(one)) for one in every]
        for one in later:
            first.merge(one)
        result: QualitySums = first
        return result

    return prelabel_report(sums_of, NOW)


def _measured(items: Sequence[Reviewed], words: Vocabulary) -> list[Measured]:
    return list(measured(items, words))


@pytest.mark.parametrize("places", [[0], [1], [37], [120], [40, 41, 90]])
def test_parts_merged_are_the_whole(places: list[int]) -> None:
    items = reviewed(120)
    whole = report([items])
    assert len(whole.rows) > 60 and whole.blind_items and whole.random_items and whole.unit_costs
    ends = [0, *places, len(items)]
    parts = [items[start:end] for start, end in pairwise(ends)]
    assert report(parts) == whole


def test_work_and_words_of_parts_are_those_of_the_whole() -> None:
    """Work done, words known, and whether a guess at them held, which a label of the later part may decide."""
    items = [row for row in reviewed(120) if row.task_type == "boxes"]
    ghost = document([box("g", 0, 0, label="ghost")], PERSON, "cap-last")
    items.append(replace(items[0], revision="rev-last", capture="cap-last", after=ghost))
    for guess in (frozenset[str](), frozenset({*WORDS, "ghost"}), frozenset({*WORDS})):
        words = {model_key(model): guess for model in (MODEL, OTHER)}
        whole = added_up(_measured(items, words), words)
        merged = added_up(_measured(items[:9], words), words)
        merged.merge(added_up(_measured(items[9:], words), words))
        assert (merged.items, merged.work()) == (whole.items, whole.work()) and len(whole.work()) > 9
        assert (merged.vocabulary(), merged.holds()) == (whole.vocabulary(), whole.holds())
        assert whole.holds() == (guess == {*WORDS})


def test_the_words_that_models_know_are_those_of_all_parts() -> None:
    """One part finds out that the guess for the other was wrong."""
    silent = [row for row in reviewed(60) if not row.before.labels]
    speaking = [row for row in reviewed(60) if row.before.labels]
    assert report([silent, speaking]) == report([[*silent, *speaking]])
