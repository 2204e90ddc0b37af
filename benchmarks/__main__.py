"""`make bench`: measure, print a table, write benchmarks/results/latest.json.

python -m benchmarks [session] [download] [prelabel] [keyframes] [masked] [media] [page] [pause] [export] [quality]
    [queue] [queue-export] [queue-postgres] [attack] [steps] [disk] [startup] [upload] [backup] [devices]
    [relabel_cluster] [restored] [staging-memory]
all of them by default
"""

from __future__ import annotations

import json
import platform
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import (
    attack,
    backup,
    devices,
    disk,
    download,
    export,
    keyframes,
    masked,
    media,
    page,
    pause,
    prelabel_overhead,
    quality,
    queue_export,
    queue_pairs,
    queue_postgres,
    relabel_cluster,
    restored,
    session,
    staging_memory,
    startup,
    steps,
    upload,
)
from benchmarks.figure import Figure
from wire.interrupted import interrupt

SUITES: dict[str, Callable[[], list[Figure]]] = {
    "session": session.measure,
    "download": download.measure,
    "prelabel": prelabel_overhead.measure,
    "keyframes": keyframes.measure,
    "masked": masked.measure,
    "media": media.measure,
    "page": page.measure,
    "pause": pause.measure,
    "export": export.measure,
    "quality": quality.measure,
    "queue": queue_pairs.measure,
    "queue-export": queue_export.measure,
    "queue-postgres": queue_postgres.measure,
    "attack": attack.measure,
    "steps": steps.measure,
    "disk": disk.measure,
    "startup": startup.measure,
    "backup": backup.measure,
    "devices": devices.measure,
    "upload": upload.measure,
    "relabel_cluster": relabel_cluster.measure,
    "restored": restored.measure,
    "staging-memory": staging_memory.measure,
}
RESULTS = Path(__file__).parent / "results" / "latest.json"


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in SUITES]
    if unknown:
        sys.stderr.write(f"There is no benchmark {unknown[0]}; there are {', '.join(SUITES)}.\n")
        return 2
    figures = [figure for name in names or list(SUITES) for figure in SUITES[name]()]
    table = Table(title="Figures and what they are compared with")
    for heading in ("figure", "measured", "compared with", "holds"):
        table.add_column(heading)
    for figure in figures:
        table.add_row(figure.name, figure.shown, figure.compared_with, "yes" if figure.holds else "NO")
    Console().print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    record = {
        "at": datetime.now(UTC).isoformat(),
        "machine": platform.platform(),
        "python": platform.python_version(),
        "figures": [figure.as_row() for figure in figures],
    }
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)  # as Ctrl-C: what was started is ended
    raise SystemExit(main(sys.argv[1:]))
