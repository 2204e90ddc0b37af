"""Whether rows may be changed now: one row of `service_state`, which every writer reads in each of its transactions.

Whoever moves the data writes it on a connection of its own, next to the running service. From that commit on no process
changes anything, whether it runs already or starts later; everything can be read as before.

    moving    the rows of this database are being copied to another place
    filling   the rows of another place are being copied into this database
    moved     the rows are at another place now; a service that still runs here only reads
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from collector.store.sql import Connection, text
from wire.errors import GleanerError

NAME = "read_only"
FIND = f"SELECT value FROM service_state WHERE name = '{NAME}'"
RETRY_SECONDS = 30
_FIND = text(FIND)
_SET = text(
    f"INSERT INTO service_state (name, value) VALUES ('{NAME}', :value)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_END = text(f"DELETE FROM service_state WHERE name = '{NAME}'")


class DataReadOnly(GleanerError):
    """Nothing can be changed here now, because the data is being moved, or was moved, to another place."""

    code = "read-only"
    status = 503
    exit_code = 3
    retryable = True
    hint = (
        "Try again later; nothing that was sent is lost. `gleaner collector move --status` shows whoever runs the"
        " collector how far the move is and what comes next."
    )


class DataMoved(GleanerError):
    """The rows of this database are at another place now."""

    code = "data-moved"
    status = 503
    exit_code = 3
    hint = (
        "Start it with the settings that the move named (docs/collector.md). To use the data of before the move again:"
        " `gleaner collector move --back`."
    )


class MoveUnfinished(GleanerError):
    """Rows are being copied into this database, or that was interrupted."""

    code = "move-unfinished"
    status = 503
    exit_code = 3
    hint = "Run the same `gleaner collector move` or `restore` again: it continues with what is missing."


@dataclass(frozen=True)
class ReadOnly:
    """Why nothing may be changed. `place`: where the data goes to, or comes from, for sentences, without passwords.

    `database`: the address of the rows there, without a password, None for SQLite; `blobs`: that of the media, None for
    the data folder. `rows_stay`: only the media move. Of what was moved `digest` is that over its rows and blobs, as it
    was then; `collector`: what devices know the collector by.
    """

    why: Literal["moving", "filling", "moved"]
    move: str
    at: str
    place: str
    database: str | None = None
    blobs: str | None = None
    rows_stay: bool = False
    digest: str | None = None
    collector: str | None = None

    def sentence(self) -> str:
        """For whoever runs the collector: with the place."""
        match self.why:
            case "moving":
                return (
                    f"The data of this collector is moving to {self.place}; meanwhile it can be read and not changed."
                )
            case "filling":
                return f"The data of {self.place} is being copied to this place."
            case _ if self.rows_stay:
                return f"The media of this collector have moved to {self.place}; until it starts anew it only reads."
            case _:
                return f"The data of this collector has moved to {self.place}; here it can only be read."

    def sentence_for_all(self) -> str:
        """For people and devices, whom the place does not concern."""
        if self.why != "moved":
            return "The data of this collector is being moved; meanwhile it can be read and not changed."
        if self.rows_stay:
            return "The media of this collector have moved; until it starts anew it only reads."
        return "The data of this collector has moved; here it can only be read."


_SHAPE = TypeAdapter(ReadOnly)


def find_read_only(conn: Connection) -> ReadOnly | None:
    """Why nothing may be changed; None: everything may."""
    value = conn.execute(_FIND).scalar()
    return None if value is None else parsed(value)


def parsed(value: str) -> ReadOnly:
    return _SHAPE.validate_json(value)


def set_read_only(conn: Connection, state: ReadOnly) -> None:
    conn.execute(_SET, {"value": _SHAPE.dump_json(state).decode()})


def end_read_only(conn: Connection) -> None:
    conn.execute(_END)


def refusal(state: ReadOnly) -> DataReadOnly:
    """What a write is answered with."""
    return DataReadOnly(state.sentence_for_all(), retry_after=RETRY_SECONDS)


def require_writable(conn: Connection) -> None:
    """Before work whose result could not be written. Raises DataReadOnly."""
    state = find_read_only(conn)
    if state is not None:
        raise refusal(state)


def check_start(state: ReadOnly | None) -> None:
    """Whether a service may start here: while the data moves it may, for reading.

    Raises:
        DataMoved, MoveUnfinished.
    """
    if state is not None and state.why == "moved" and not state.rows_stay:
        raise DataMoved(f"The data of this collector moved to {state.place} on {state.at[:16].replace('T', ' ')} UTC.")
    if state is not None and state.why == "filling":
        raise MoveUnfinished(f"Not all data of {state.place} is in this database yet.")
