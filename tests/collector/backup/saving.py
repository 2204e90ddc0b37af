"""A collector's data folder with rows, media and keys, and backups of it."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.backup.backup import BackupMade, make_backup
from collector.backup.folder import LocalBackupFolder
from collector.backup.repository import Repository, open_repository
from collector.backup.storage import BackupStorage
from collector.cli.repository import PASSPHRASE_VARIABLE
from collector.key_folder import KeyFolder
from collector.keys import load_admin_key, load_receipt_key
from tests.collector.review.filled import TIMES, Filled, box, interval, track
from tests.support import warm
from tests.support.databases import environment_of

PASSPHRASE = "correct horse battery staple"
VIDEO_BYTES = 2_500_000  # more than two chunks of a backup


def furnish(filled: Filled, takes: int = 4) -> Filled:
    """Takes of every medium with pre-labels, people, revisions, and the keys of a service."""
    chance = random.Random(takes)
    load_receipt_key(KeyFolder(filled.folder / "keys"), filled.db)
    load_admin_key(KeyFolder(filled.folder / "keys"))
    ann = filled.person("ann")
    for number in range(takes):
        media = {
            "video": chance.randbytes(VIDEO_BYTES if number == 0 else 50_000),
            "image": chance.randbytes(20_000),
            "audio": chance.randbytes(10_000),
            "text": f"Grüße \n \U0001f44b {number}".encode(),
        }
        labels = {"video": [[track(times_us=TIMES)]], "image": [[box()]], "audio": [[interval(text="a\r\nb\u2028c")]]}
        ids = filled.take(f"step-{number}", "show", media, ["boxes", "speech"], prelabels=labels)
        filled.make(ids["take"])
    for task in filled.tasks(type="boxes")[:2]:
        captures = filled.rows(
            "SELECT capture_id FROM task_capture WHERE task_id = :task AND role = 'labelled'", task=task.id
        )
        filled.submit(ann, task.id, {row.capture_id: [] for row in captures})
    return filled


@contextmanager
def opened(place: Path | BackupStorage, **purpose: bool) -> Iterator[Repository]:
    storage = LocalBackupFolder(place) if isinstance(place, Path) else place
    with open_repository(storage, PASSPHRASE, **purpose) as repository:
        yield repository


def save(filled: Filled, place: Path | BackupStorage) -> BackupMade:
    with opened(place, for_writing=True) as repository:
        return make_backup(repository, filled.db, filled.blobs, filled.folder, KeyFolder(filled.folder / "keys"))


def gleaner(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`gleaner collector …` on the database of a data folder, as a process of its own: it lowers its priority."""
    environment = {**os.environ, **environment_of(data), PASSPHRASE_VARIABLE: PASSPHRASE}
    return warm.collectors().run(["collector", *words], env=environment, timeout=60)


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file that is not hidden and not empty, by its name."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): data for path in paths if (data := path.read_bytes())}
