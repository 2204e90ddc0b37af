"""What classes are worth: sums by hand, and the fit on work of known speed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.quality.costs import DEFAULT_COSTS, Work, nonnegative_least_squares, unit_costs, worth
from prelabel.quality.shapes import UnitCosts
from prelabel.quality.tally import WordTally
from tests.prelabel.quality.made import MODEL

BOX = UnitCosts(kind="box", accept=1, move=4, edit=3, relabel=2, delete=5, draw=10)


def test_a_class_that_costs_time_is_named() -> None:
    """9 accepted save 9·(10 - 1) = 81 s, 31 deleted cost 155 s: 74 s lost on 200 items, 37 s on a hundred."""
    tally = WordTally(outcomes=Counter(accepted=9, deleted=31, added=7))
    row = worth(MODEL, MODEL.name, "box", "cup", tally, 200, BOX, "all")
    assert row is not None
    assert row.saved_seconds_per_100 == pytest.approx(-37)
    assert row.text == (
        "cup (box, yolox-nano): of 40 pre-labels 31 were deleted; leaving it out would save about 37 s per 100 items."
    )


@pytest.mark.parametrize(
    ("outcomes", "saved", "words"),
    [
        ({"accepted": 30}, 270, "30 were accepted; it saves"),
        ({"accepted": 10, "moved": 20}, 210, "20 were moved; it saves"),
        ({"relabelled": 20, "edited": 10}, 230, "20 were relabelled; it saves"),
        ({"doubled": 20, "accepted": 1}, -91, "20 were doubles of another model's; leaving it out"),
    ],
)
def test_every_outcome_has_its_price(outcomes: dict[str, int], saved: float, words: str) -> None:
    row = worth(MODEL, MODEL.name, "box", "cup", WordTally(outcomes=Counter(outcomes)), 100, BOX, "all")
    assert row is not None and row.saved_seconds_per_100 == pytest.approx(saved)
    assert words in row.text


def test_few_prelabels_say_nothing() -> None:
    assert (
        worth(MODEL, MODEL.name, "box", "cup", WordTally(outcomes=Counter(deleted=19, added=99)), 100, BOX, "all")
        is None
    )


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(4, 12))
def test_no_other_nonnegative_solution_is_nearer(seed: int, columns: int, rows: int) -> None:
    """Against every choice of columns, solved freely."""
    rng = np.random.default_rng(seed)
    table, wanted = rng.normal(size=(rows, columns)), rng.normal(size=rows)
    found = nonnegative_least_squares(table, wanted)
    assert (found >= 0).all()
    best = float(wanted @ wanted)
    for mask in range(1, 2**columns):
        chosen = [column for column in range(columns) if mask >> column & 1]
        x = np.linalg.lstsq(table[:, chosen], wanted, rcond=None)[0]
        if (x >= 0).all():
            best = min(best, float(((table[:, chosen] @ x - wanted) ** 2).sum()))
    assert float(((table @ found - wanted) ** 2).sum()) == pytest.approx(best, abs=1e-9)


def work(count: int, seconds: dict[str, float], base: float = 3.0, noise: float = 0.0, seed: int = 1) -> list[Work]:
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        counts = {name: int(rng.integers(0, 5)) for name in ("accepted", "moved", "deleted", "added")}
        spent = base + sum(counts[name] * seconds[name] for name in counts) + rng.normal(0, noise)
        rows.append(Work("box", counts, round(1000 * max(0.1, spent))))
    return rows


SPEED = {"accepted": 0.8, "moved": 5.5, "deleted": 1.5, "added": 9.0}


def test_the_speed_of_people_is_found() -> None:
    found = unit_costs(work(400, SPEED, noise=2.0))["box"]
    assert (found.accept, found.move, found.delete, found.draw) == pytest.approx((0.8, 5.5, 1.5, 9.0), abs=0.5)
    assert found.fitted == ["accept", "move", "delete", "draw"] and found.revisions == 400
    # What nobody did keeps its default.
    assert (found.relabel, found.edit) == (DEFAULT_COSTS["box"].relabel, DEFAULT_COSTS["box"].edit)


def test_one_who_left_for_lunch_changes_little() -> None:
    rows = [*work(400, SPEED), Work("box", {"accepted": 1}, 3_600_000)]
    assert unit_costs(rows)["box"].accept == pytest.approx(0.8, abs=0.3)


def test_too_little_work_or_acts_that_come_together_keep_the_defaults() -> None:
    assert unit_costs(work(199, SPEED)) == DEFAULT_COSTS
    together = [Work("box", {"accepted": n % 3, "deleted": 2 * (n % 3)}, 1000 * n) for n in range(300)]
    assert unit_costs(together)["box"] == DEFAULT_COSTS["box"]
