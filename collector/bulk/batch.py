"""Some items by one function: what a worker process does, here or on another machine.

Items come in batches, so that handing one over costs little per item. Every item has an outcome of its own.
"""

from __future__ import annotations

import importlib
import logging
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from wire.errors import GleanerError

log = logging.getLogger("gleaner.bulk")
ITEM_SECONDS = 540.0
RETRY_SECONDS = (1.0, 5.0, 20.0)  # after an error that passes, such as a store that does not answer
VERSION_HINT = "Install the collector's version of Gleaner there, then resume the work."
Work = Callable[[dict[str, Any]], dict[str, Any]]


class BulkUnable(GleanerError):
    """No item of this work can be done where it was tried: the model, the media or the program there are not right."""

    code = "bulk-unable"
    status = 503
    exit_code = 3
    hint = "Correct what the sentence names, then resume the work; what is done stays."


def do_batch(request: dict[str, Any]) -> dict[str, Any]:
    """Do each item of `request["items"]` by the function `request["work"]` (`module:function`, dict -> dict).

    `request["common"]` is part of the input of each. An item that takes longer than `request["item_seconds"]` ends the
    process: nothing else stops a decoder (0: no limit). `request["retry_seconds"]` are the pauses before it is tried
    again after an error that passes.

    Returns:
        `{"outcomes": one for each item}`, in their order: `{"result": …}` or
        `{"error": {code, message, hint, unable}}`. After the first that is `unable` no further one is tried.
    """
    module, _, function = request["work"].partition(":")
    try:
        work: Work = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        return all_unable(len(request["items"]), f"The program there cannot do this work: {error}.", VERSION_HINT)
    outcomes: list[dict[str, Any]] = []
    for item in request["items"]:
        if outcomes and outcomes[-1].get("error", {}).get("unable"):
            outcomes.append(outcomes[-1])
        else:
            inputs = {**request["common"], **item}
            outcomes.append(_outcome(work, inputs, request["item_seconds"], request["retry_seconds"]))
    return {"outcomes": outcomes}


def all_unable(items: int, message: str, hint: str) -> dict[str, Any]:
    """The answer to a batch none of which can be done there."""
    return {"outcomes": [_failed(message, BulkUnable.code, hint, True)] * items}


def _outcome(work: Work, inputs: dict[str, Any], seconds: float, pauses: Sequence[float]) -> dict[str, Any]:
    try:
        with _time_limit(seconds):
            return {"result": work(inputs)}
    except GleanerError as error:
        if error.retryable and pauses:
            time.sleep(pauses[0])
            return _outcome(work, inputs, seconds, pauses[1:])
        return _failed(error.message, error.code, error.hint, isinstance(error, BulkUnable))
    except MemoryError:
        return _failed("It needs more memory than a worker may use.")
    except Exception as error:
        log.exception("an item failed")
        return _failed(f"{type(error).__name__}: {error}")


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """The process ends when it takes longer. For the main thread. 0: no limit."""
    if not seconds:
        yield
        return
    handler = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def _failed(message: str, code: str | None = None, hint: str = "", unable: bool = False) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "hint": hint, "unable": unable}}
