"""What people were shown at a time, read again from the events: whatever happens to the documents afterwards."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from collector.catalogue.prelabel_documents import (
    PrelabelDocument,
    ShownBody,
    add_document,
    hide_document,
    replace_document,
    shown_bodies,
)
from collector.store.sql import Connection, text
from tests.collector.review.filled import Filled
from tests.support.databases import on_both
from tests.support.trials import rounds
from wire.canonical import sha256_hex

pytestmark = on_both
NEWEST = text("SELECT coalesce(max(id), 0) FROM prelabel_event")
RUN = "INSERT INTO prelabel_run (id, model, source, asked, captures, created_at) VALUES ('run', 'm', '{}', '{}', 1, '')"


def document(capture: str, name: str, version: int) -> PrelabelDocument:
    body = f'{{"name": "{name}", "version": {version}}}'
    return PrelabelDocument(capture, name, "model", name, None, body, sha256_hex(body.encode()))


@pytest.mark.soak
def test_every_moment_is_read_again_as_it_was(filled: Filled) -> None:
    ids = filled.take("step", "answer", {"text": b"yes"}, ["text"])
    capture = next(value for value in ids.values() if value.startswith("cap"))
    filled.make(ids["take"])
    (task,) = filled.rows("SELECT task_id FROM task_capture WHERE capture_id = :capture", capture=capture)[0]
    filled.execute(RUN)
    chance = random.Random(3)

    def change(conn: Connection) -> None:
        name = chance.choice("abc")
        match chance.randrange(4):
            case 0:
                add_document(conn, document(capture, name, chance.randrange(9)), shown=chance.random() < 0.7)
            case 1 | 2:
                one = document(capture, name, chance.randrange(9))
                replace_document(conn, one, shown=chance.random() < 0.7, run="run")
            case 3:
                shown = [row for row in shown_bodies(conn, task) if '"name"' in row.body]
                if shown:
                    hide_document(conn, chance.choice(shown).id, "run")

    def look(conn: Connection) -> tuple[int, list[ShownBody]]:
        return conn.execute(NEWEST).scalar_one(), shown_bodies(conn, task)

    moments = []
    for _ in range(rounds(40, 1000)):
        filled.db.write_sync(change)
        moments.append(filled.db.read_sync(lambda conn: (conn.execute(NEWEST).scalar_one(), shown_bodies(conn, task))))
    assert len({len(seen) for _, seen in moments}) > 1 and any(a[1] != b[1] for a, b in pairwise(moments))
    for then, seen in moments:
        assert filled.db.read_sync(lambda conn, then=then: shown_bodies(conn, task, then)) == seen  # type: ignore[misc]
