"""What can be in the way of a move, and of going back.

GleanerError
├── MoveDiffers             move-differs
├── MoveNotFound            move-not-found
├── MoveToSamePlace         move-to-same-place
├── MoveUnderWay            move-under-way
├── RowsSinceMove           rows-since-move
└── SourceMediaDamaged      source-media-damaged
"""

from __future__ import annotations

from wire.errors import GleanerError


class SourceMediaDamaged(GleanerError):
    """Recordings are missing or damaged where the data is; the service was not stopped from writing."""

    code = "source-media-damaged"
    exit_code = 1
    hint = (
        "`gleaner collector verify` lists them, docs/backup.md says how to put back good copies. To move without them:"
        " --without-damaged."
    )


class MoveDiffers(GleanerError):
    """What was copied is not what was read. `facts["tables"]` has the names of the tables."""

    code = "move-differs"
    exit_code = 1
    hint = (
        "Nothing was switched. Go back with `gleaner collector move --back`, run `gleaner collector verify`, and report"
        " it with the names of the tables."
    )


class MoveNotFound(GleanerError):
    """There is no move to go back from."""

    code = "move-not-found"
    status = 404
    exit_code = 2
    hint = "Name the data that a move was begun from, with the settings of then: --data, --database or --settings."


class MoveToSamePlace(GleanerError):
    """The data is where it is to be moved to."""

    code = "move-to-same-place"
    status = 409
    exit_code = 2
    hint = "Name another place: --to-database postgresql://user@host/name, or --to-database sqlite to move back."


class MoveUnderWay(GleanerError):
    """Another move of this data runs, or one to another place was begun and has not ended."""

    code = "move-under-way"
    status = 409
    exit_code = 3
    hint = "Wait for the other command, continue that move, or give it up: gleaner collector move --back."


class RowsSinceMove(GleanerError):
    """Rows were written at the new place since the move, or it cannot be asked: going back would lose them."""

    code = "rows-since-move"
    status = 409
    exit_code = 1
    hint = (
        "Move the data back with all that is new: --to-database sqlite (or the address of then) with the settings of"
        " now. To lose what was written since: --back --discard."
    )
