"""Items for tests of bulk work; they are done in worker processes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from collector.bulk.batch import BulkUnable
from collector.store.blobs import StorageUnusable

HERE = __name__


def square(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"square": inputs["number"] ** 2 + inputs.get("plus", 0), "pid": os.getpid()}


def moody(inputs: dict[str, Any]) -> dict[str, Any]:
    """What its name asks for, else a square."""
    match inputs.get("mood"):
        case "raises":
            raise ValueError("it burns")
        case "unable":
            raise BulkUnable("There is no model.", hint="Copy it there.")
        case "dies":
            os._exit(9)
        case "dies-once":
            mark = Path(inputs["mark"])
            if not mark.exists():
                mark.touch()
                os._exit(9)
        case "hangs":
            time.sleep(600)
        case "passes":
            mark = Path(inputs["mark"])
            if not mark.exists():
                mark.touch()
                raise StorageUnusable("The store does not answer.")
        case "memory":
            raise MemoryError
    return square(inputs)
