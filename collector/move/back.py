"""Going back from a move: one that has not ended is given up; after one that has, the data of before is used again."""

from __future__ import annotations

import contextlib

from collector.backup.rows import dump_rows
from collector.move.move import MOVED
from collector.move.places import DataPlace, one_move
from collector.move.problems import MoveNotFound, RowsSinceMove
from collector.store.blobs_owner import mark_of, set_mark
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
    if there is not None and (state is None or (state.rows_stay and here.is_of(state))):
        here, there = there, here
        state = here.read_only()
    if state is None or (state.rows_stay and here.is_of(state)):
        raise MoveNotFound(f"Nothing was moved from {here.shown}.")
    if state.why == "filling":
        raise MoveUnfinished(f"The rows in {here.shown} are an unfinished copy of {state.place}.")
    with one_move(here.data):
        if state.why == "moved":
            there = there or _named(here, state)
            if not state.rows_stay:
                _close(here, there, state, discard)
            if state.blobs != here.shown_media:
                _use_media(here, there, state)
        here.write(end_read_only)
    return state


def _close(here: DataPlace, there: DataPlace | None, state: ReadOnly, discard: bool) -> None:
    """No service starts on the rows of the new place. Raises RowsSinceMove."""
    if not discard:
        _check_unchanged(there, state)
    if there is not None:
        with contextlib.suppress(*([GleanerError] if discard else [])):
            there.write(lambda conn: set_read_only(conn, _left(here, state)))


def _use_media(here: DataPlace, there: DataPlace | None, state: ReadOnly) -> None:
    """Those of before belong to the database again, and those of the new place do not."""
    with here.opened() as database:
        token = database.read_sync(mark_of) or state.move
    if there is not None and there.media != here.media:
        there.blobs().write_mark(f"{MOVED}back {state.move}")
    here.blobs().write_mark(token)
    here.write(lambda conn: set_mark(conn, token))


def _named(here: DataPlace, state: ReadOnly) -> DataPlace | None:
    """The place of the rows, if its address is known without a password; None: it had one."""
    if state.database is None or "…" not in state.database:
        return DataPlace(here.data, state.database, here.media)
    return None


def _left(here: DataPlace, state: ReadOnly) -> ReadOnly:
    return ReadOnly(
        "moved",
        new_id("move"),
        now_text(),
        here.shown,
        database=here.shown_database,
        blobs=here.shown_media,
        collector=state.collector,
    )


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
