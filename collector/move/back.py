"""Going back from a move: one that has not ended is given up; after one that has, the data of before is used again."""

from __future__ import annotations

import contextlib

from collector.backup.rows import dump_rows
from collector.move.places import DataPlace, one_move
from collector.move.problems import MoveNotFound, RowsSinceMove
from collector.store.clock import now_text
from collector.store.read_only import MoveUnfinished, ReadOnly, end_read_only, set_read_only
from wire.base import new_id
from wire.errors import GleanerError


def go_back(here: DataPlace, there: DataPlace | None, *, discard: bool = False) -> ReadOnly:
    """Have the rows of before the move changed again. Returns what was said of them until now.

    `here` and `there`: the places of before and after, in any order. A database that was moved to is marked, so that
    no service starts on it by mistake.

    Raises:
        MoveNotFound, MoveUnfinished, RowsSinceMove, MoveUnderWay, DatabaseFailed.
    """
    state = here.read_only()
    if state is None and there is not None:
        here, there, state = there, here, there.read_only()
    if state is None:
        raise MoveNotFound(f"Nothing was moved from {here.shown}.")
    if state.why == "filling":
        raise MoveUnfinished(f"The rows in {here.shown} are an unfinished copy of {state.place}.")
    with one_move(here.data):
        if state.why == "moved":
            there = there or _named(here, state)
            if not discard:
                _check_unchanged(there, state)
            if there is not None:
                with contextlib.suppress(*([GleanerError] if discard else [])):
                    there.write(lambda conn: set_read_only(conn, _left(here, state)))
        here.write(end_read_only)
    return state


def _named(here: DataPlace, state: ReadOnly) -> DataPlace | None:
    """The place that is named without a password; None: it had one."""
    if state.place.startswith("SQLite"):
        return DataPlace(here.data)
    return None if "…" in state.place else DataPlace(here.data, state.place)


def _left(here: DataPlace, state: ReadOnly) -> ReadOnly:
    return ReadOnly("moved", new_id("move"), now_text(), here.shown, collector=state.collector)


def _check_unchanged(there: DataPlace | None, state: ReadOnly) -> None:
    """Raises RowsSinceMove."""
    if there is None:
        raise RowsSinceMove(
            f"Whether rows were written to {state.place} since the move is not known: its address had a name or a"
            " password.",
            hint="Give the address again, with --to-database. To go back whatever was written: --back --discard.",
        )
    try:
        with there.opened() as database:
            digest = database.read_sync(dump_rows).digest
    except GleanerError as error:
        raise RowsSinceMove(
            f"Whether rows were written to {state.place} since is not known: {error.message}"
        ) from error
    if digest != state.digest:
        raise RowsSinceMove(f"Rows were written to {there.shown} since the move.")
