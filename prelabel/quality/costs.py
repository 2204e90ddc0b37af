"""What pre-labels cost people, and which class of them is not worth its looking at.

A pre-label saves the drawing of a label where it was of use, and costs what people did to it. The seconds of each act
come from a table; where enough revisions with active time are at hand they are fitted to those: the active time of a
revision is a part for opening it plus each act's seconds times how often it was done, none below zero.
Source of the fit: non-negative least squares, Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prelabel.quality.matching import Outcome
from prelabel.quality.shapes import ClassWorth, UnitCosts
from prelabel.quality.tally import WordTally
from wire.labels import Source

Array = NDArray[Any]

FIT_REVISIONS, FIT_EACH = 200, 30
MIN_PRELABELS = 20  # fewer say nothing about a class
_ACTS = ("accept", "move", "edit", "relabel", "delete", "draw")
_ACT_OF: dict[Outcome, str] = {
    "accepted": "accept", "moved": "move", "edited": "edit", "relabelled": "relabel", "deleted": "delete",
    "doubled": "delete", "added": "draw",
}  # fmt: skip
_USEFUL: tuple[Outcome, ...] = ("accepted", "moved", "edited", "relabelled")
_KIND_WORDS = {"polygon": "outline", "polyline": "line", "interval": "region"}
_WORDS: dict[Outcome, str] = {
    "deleted": "deleted", "doubled": "doubles of another model's", "moved": "moved", "relabelled": "relabelled",
    "edited": "edited", "accepted": "accepted",
}  # fmt: skip

# Seconds, for a practised person with one key for each act. Drawing a box takes 7 s (extreme clicking, Papadopoulos et
# al., ICCV 2017); the others are our own estimates beside it, to be replaced by a fit.
DEFAULT_COSTS: dict[str, UnitCosts] = {
    row.kind: row
    for row in (
        UnitCosts(kind="box", accept=0.5, move=4, edit=3, relabel=2, delete=1, draw=7),
        UnitCosts(kind="track", accept=2, move=12, edit=4, relabel=3, delete=2, draw=30),
        UnitCosts(kind="interval", accept=1, move=4, edit=8, relabel=2, delete=1, draw=6),
        UnitCosts(kind="text", accept=2, edit=8, move=8, relabel=2, delete=1, draw=15),
        UnitCosts(kind="mask", accept=1, move=15, edit=3, relabel=2, delete=1, draw=40),
        UnitCosts(kind="polygon", accept=1, move=12, edit=3, relabel=2, delete=1, draw=30),
        UnitCosts(kind="polyline", accept=1, move=8, edit=3, relabel=2, delete=1, draw=15),
        UnitCosts(kind="keypoints", accept=1, move=8, edit=3, relabel=2, delete=1, draw=25),
        UnitCosts(kind="span", accept=0.5, move=3, edit=3, relabel=2, delete=1, draw=4),
        UnitCosts(kind="choice", accept=0.5, move=1, edit=3, relabel=1, delete=1, draw=1.5),
    )
}


class Work(NamedTuple):
    """What was done in one revision, all its labels of one kind, and the active time it took."""

    kind: str
    outcomes: Mapping[Outcome, int]
    active_ms: int


def unit_costs(work: Sequence[Work], defaults: Mapping[str, UnitCosts] = DEFAULT_COSTS) -> dict[str, UnitCosts]:
    """Seconds of each act by kind: fitted where there is evidence, else the default.

    A kind is fitted from 200 revisions on, an act of it from 30 times on; the others keep their default, which is
    taken off the active time first. The longest one in a hundred revisions count as the hundredth longest.
    """
    result = dict(defaults)
    for kind, start in defaults.items():
        rows = [row for row in work if row.kind == kind]
        if len(rows) >= FIT_REVISIONS:
            result[kind] = _fitted(rows, start)
    return result


def worth(
    model: Source, name: str, kind: str, label: str, tally: WordTally, items: int, costs: UnitCosts, basis: Any
) -> ClassWorth | None:
    """What the pre-labels of one class are worth; None where there are too few to say.

    Args:
        name: of the model, as messages call it.
        tally: of this class.
        items: on how many items the model looked.
        basis: "random" or "all", which items these are.
    """
    count = tally.prelabels
    if count < MIN_PRELABELS or items == 0:
        return None
    spent = {
        name: tally.outcomes[name] * float(getattr(costs, act)) for name, act in _ACT_OF.items() if name != "added"
    }
    saved = sum(tally.outcomes[name] for name in _USEFUL) * costs.draw - sum(spent.values())
    per_100 = saved / items * 100
    worst = max((name for name in spent if name != "accepted"), key=lambda name: spent[name])
    if per_100 < 0:
        rest = f"leaving it out would save about {_seconds(-per_100)} per 100 items."
    else:
        rest = f"it saves about {_seconds(per_100)} per 100 items."
    what = worst if spent[worst] > 0 else "accepted"
    return ClassWorth(
        model=model,
        kind=kind,
        label=label,
        prelabels=count,
        items=items,
        saved_seconds_per_100=round(per_100, 3),
        basis=basis,
        text=f"{label} ({_KIND_WORDS.get(kind, kind)}, {name}): of {count} pre-labels {tally.outcomes[what]} were"
        f" {_WORDS[what]}; {rest}",
    )


def nonnegative_least_squares(table: Array, wanted: Array) -> Array:
    """x >= 0 with the least ||table x - wanted||; table [rows, columns], Lawson and Hanson's active set."""
    columns = table.shape[1]
    x = np.zeros(columns)
    used = np.zeros(columns, dtype=bool)
    tolerance = 1e-10 * max(1.0, float(np.abs(table.T @ wanted).max(initial=0.0)))
    for _ in range(3 * columns):
        slope = np.where(used, -np.inf, table.T @ (wanted - table @ x))
        if used.all() or slope.max() <= tolerance:
            break
        used[int(slope.argmax())] = True
        while True:
            trial = np.zeros(columns)
            trial[used] = np.linalg.lstsq(table[:, used], wanted, rcond=None)[0]
            negative = used & (trial <= 0)
            if not negative.any():
                break
            # Go as far as the first value that reaches zero, and let it stay there.
            step = float((x[negative] / (x[negative] - trial[negative])).min())
            x += step * (trial - x)
            used &= x > 1e-12
            x[~used] = 0.0
        x = trial
    return x


def _fitted(rows: Sequence[Work], start: UnitCosts) -> UnitCosts:
    counts = np.zeros((len(rows), len(_ACTS)))
    for index, row in enumerate(rows):
        for outcome, number in row.outcomes.items():
            counts[index, _ACTS.index(_ACT_OF[outcome])] += number
    seconds = np.array([row.active_ms / 1000 for row in rows])
    seconds = np.minimum(seconds, np.percentile(seconds, 99))
    known = np.array([float(getattr(start, act)) for act in _ACTS])
    free = counts.sum(axis=0) >= FIT_EACH
    rest = seconds - counts[:, ~free] @ known[~free]
    table = np.column_stack([np.ones(len(rows)), counts[:, free]])
    if np.linalg.matrix_rank(table) < table.shape[1]:
        return start  # acts that always come together cannot be told apart
    found = nonnegative_least_squares(table, rest)[1:]
    names = [act for act, is_free in zip(_ACTS, free.tolist(), strict=True) if is_free]
    values = {name: round(float(value), 3) for name, value in zip(names, found, strict=True)}
    return start.model_copy(update={**values, "fitted": names, "revisions": len(rows)})


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value < 600 else f"{value / 60:.0f} min"
