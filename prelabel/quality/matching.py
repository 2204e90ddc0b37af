"""What became of each pre-label, and which pre-labels were right. Pure.

Two questions, two answers. *What did people do?* A pre-label goes with the reviewed label that kept its id; what is
left over goes by the best overlap, same words first (`edits`; the stored diff of a submit pairs alike). *Was the model
right?* Ids say nothing about that: a pre-label is right when a reviewed label of the same word lies there (`found`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from prelabel.geometry.assignment import best_pairs
from prelabel.geometry.overlap import overlap_table
from prelabel.quality.reviewed import Reviewed
from prelabel.quality.sameness import same_attributes, same_place, same_text
from prelabel.quality.texts import spoken
from wire.labels import Label

Array = NDArray[Any]

# accepted    as it was
# moved       its place changed, its word did not
# edited      its text or its attributes changed, word and place did not
# relabelled  its word changed, whatever else
# deleted     a person took it away
# doubled     it went because another model's label of the same thing was kept
# added       a person's own label, no pre-label stands behind it
Outcome = Literal["accepted", "moved", "edited", "relabelled", "deleted", "doubled", "added"]
OUTCOMES: tuple[Outcome, ...] = ("accepted", "moved", "edited", "relabelled", "deleted", "doubled", "added")

SAME_THING = 0.5  # overlap from which two labels mean the same thing


@dataclass(frozen=True)
class Change:
    """One pre-label and what it became (`after` None: gone), or a label that people added (`before` None).

    `overlap` is what the two share, 0..1.
    """

    outcome: Outcome
    before: Label | None
    after: Label | None
    overlap: float

    @property
    def label(self) -> Label:
        """The pre-label, or the added label: the word and the kind it counts under."""
        label = self.before or self.after
        assert label is not None, "a change is of something"
        return label


@dataclass(frozen=True)
class Matches:
    """Pairs (index before, index after) of the same word and thing, with what they share; the rest is wrong, missed."""

    pairs: tuple[tuple[int, int, float], ...]
    wrong: tuple[int, ...]
    missed: tuple[int, ...]


def compare(item: Reviewed) -> tuple[list[Change], Matches, Array]:
    """`edits` and `found` of one reviewed capture, and the table of overlaps that they come from."""
    table = overlap_table(item.before.labels, item.after.labels, item.times_us, item.size)
    return edits(item, table), found(item.before.labels, item.after.labels, table), table


def edits(item: Reviewed, table: Array) -> list[Change]:
    """What people did to each pre-label, and what they added. Labels of other models alone are neither.

    Args:
        table: `overlap_table` of before and after.
    """
    before, after = item.before.labels, item.after.labels
    pairs = by_id(before, after, [not item.of_another_model(label) for label in after])
    kept_ids = set(pairs)
    taken = set(pairs.values())
    rows = [row for row in range(len(before)) if row not in pairs]
    columns = [column for column in range(len(after)) if column not in taken]
    pairs.update(by_overlap(before, after, table, rows, columns))
    taken = set(pairs.values())
    columns = [column for column in columns if column not in taken]
    changes = []
    for row, label in enumerate(before):
        if row not in pairs:
            changes.append(Change("deleted", label, None, 0.0))
            continue
        column = pairs[row]
        outcome: Outcome = "doubled"
        if row in kept_ids or not item.of_another_model(after[column]):
            outcome = outcome_of(label, after[column])
        elif label.label != after[column].label:
            outcome = "deleted"
        changes.append(Change(outcome, label, after[column], float(table[row, column])))
    by_people = [after[column] for column in columns if item.source_of(after[column]).kind == "person"]
    return changes + [Change("added", None, label, 0.0) for label in by_people]


def by_id(before: Sequence[Label], after: Sequence[Label], allowed: Sequence[bool] | None = None) -> dict[int, int]:
    """Index before to index after of the labels that kept id and kind; of `after` those alone that are `allowed`."""
    places = {(label.id, label.kind): index for index, label in enumerate(after) if allowed is None or allowed[index]}
    found = ((row, places.get((label.id, label.kind))) for row, label in enumerate(before))
    return {row: column for row, column in found if column is not None}


def by_overlap(
    before: Sequence[Label], after: Sequence[Label], table: Array, rows: Sequence[int], columns: Sequence[int]
) -> dict[int, int]:
    """The best pairs of what is left over, deleted and drawn again: those of the same word first."""
    pairs: dict[int, int] = {}
    for same_word in (True, False):
        taken = set(pairs.values())
        free = [row for row in rows if row not in pairs]
        pairs.update(
            _best(before, after, table, free, [column for column in columns if column not in taken], same_word)
        )
    return pairs


def found(before: Sequence[Label], after: Sequence[Label], table: Array, least: float = SAME_THING) -> Matches:
    """Which pre-labels are right: one-to-one, same kind and word, sharing `least` or more, best sum of overlaps."""
    rows, columns = list(range(len(before))), list(range(len(after)))
    pairs = _best(before, after, table, rows, columns, True, least)
    right = tuple((row, column, float(table[row, column])) for row, column in sorted(pairs))
    ours, theirs = {row for row, _, _ in right}, {column for _, column, _ in right}
    return Matches(
        right,
        tuple(row for row in rows if row not in ours),
        tuple(column for column in columns if column not in theirs),
    )


def outcome_of(before: Label, after: Label) -> Outcome:
    """What happened to a label that is still there."""
    if before.label != after.label:
        return "relabelled"
    if not same_place(before, after):
        return "moved"
    # Where the model wrote nothing, a person's transcript is work of its own and no correction of the pre-label.
    if spoken(before) is not None and not same_text(before, after):
        return "edited"
    return "accepted" if same_attributes(before, after) else "edited"


def _best(
    before: Sequence[Label],
    after: Sequence[Label],
    table: Array,
    rows: Sequence[int],
    columns: Sequence[int],
    same_word: bool,
    least: float = SAME_THING,
) -> list[tuple[int, int]]:
    """The best one-to-one pairs among some rows and columns of a table, within each word or across all."""
    if not rows or not columns:
        return []
    if not same_word:
        part = table[np.ix_(rows, columns)]
        return [(rows[row], columns[column]) for row, column in _assigned(part, least)]
    pairs: list[tuple[int, int]] = []
    for word in sorted({before[row].label for row in rows} & {after[column].label for column in columns}):
        mine = [row for row in rows if before[row].label == word]
        theirs = [column for column in columns if after[column].label == word]
        part = table[np.ix_(mine, theirs)]
        pairs += [(mine[row], theirs[column]) for row, column in _assigned(part, least)]
    return pairs


def _assigned(part: Array, least: float) -> list[tuple[int, int]]:
    """`best_pairs`, at once where nothing competes."""
    allowed = part >= least
    if bool((allowed.sum(axis=0) <= 1).all() and (allowed.sum(axis=1) <= 1).all()):
        return [(row, column) for row, column in np.argwhere(allowed).tolist()]
    return best_pairs(part, least)
