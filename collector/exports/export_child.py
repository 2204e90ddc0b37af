"""The process that makes one export of the service, with the least claim to processor and disk.

JSON lines: the one that comes in is what to do (`ExportProcess`); out come `{"items"}`, `{"done", "bytes"}`,
`{"packed"}` and at the end `{"made": {about, archive_bytes, archive_sha256}}` or `{"failed": {code, message, hint,
retryable}}`. It only reads the database: who has started it writes rows.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import IO, Any

from collector.bulk.background import stand_back
from prelabel.labelling.worker import limit_this_process
from wire.errors import GleanerError
from wire.parent import end_with_parent

_Line = dict[str, Any]


def _writer(answers: IO[bytes]) -> Callable[[_Line], None]:
    def say(line: _Line) -> None:
        answers.write(json.dumps(line).encode() + b"\n")
        answers.flush()

    return say


def main() -> None:
    """Entry of the process. Libraries may print: file descriptor 1 becomes standard error, and lines have their own."""
    say = _writer(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the whole foreground group; the service ends this one
    end_with_parent()
    logging.basicConfig(level=logging.WARNING, format="export %(levelname)s %(message)s")
    asked = json.loads(sys.stdin.buffer.readline())
    limit_this_process(asked["settings"]["worker_memory_bytes"], 0)
    stand_back()
    # Only now: threads that modules start would not stand back.
    from collector.exports.export_work import ExportWork

    try:
        say(ExportWork(asked, say).do())
    except GleanerError as error:
        problem = {"code": error.code, "message": error.message, "hint": error.hint, "retryable": error.retryable}
        say({"failed": problem})
    except MemoryError:
        message = "It needs more memory than a worker may use."
        say({"failed": {"code": "", "message": message, "hint": "Raise worker_memory_bytes.", "retryable": False}})
    except Exception as error:
        logging.getLogger("gleaner.exports").exception("an export failed")
        message = f"{type(error).__name__}: {error}."
        say({"failed": {"code": "", "message": message, "hint": "The log has the details.", "retryable": False}})


if __name__ == "__main__":
    main()
