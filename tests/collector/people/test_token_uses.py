"""Once per interval the tokens in use are written down, whatever many requests came with them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from collector.people.accounts import add_user, new_token, person_id
from collector.people.open_tokens import list_tokens
from collector.people.policy import Person, find_person
from collector.people.sign_ins import SignIns
from collector.people.token_uses import record_uses_by_the_minute
from collector.people.tokens import hash_secret
from collector.security.files import SecurityFiles, read_lines
from collector.security.log import SecurityLog
from collector.store.database import Database


def test_uses_are_written_down_in_one_go(db: Database, tmp_path: Path) -> None:
    db.write_sync(lambda conn: add_user(conn, "ann", "annotator"))
    token = db.write_sync(lambda conn: new_token(conn, "ann"))
    sign_ins = SignIns(db)
    log = SecurityLog(SecurityFiles(tmp_path / "logs"))

    async def scene() -> None:
        for secret in (token, token, "unknown"):
            await sign_ins.find("api", secret, Person, lambda conn, secret=secret: find_person(conn, secret, "api", 60))
        task = asyncio.create_task(record_uses_by_the_minute(db, sign_ins, log, 0.01))
        while not list(read_lines(tmp_path / "logs")):
            await asyncio.sleep(0.01)
        rows = await db.read(lambda conn: list_tokens(conn, person_id(conn, "ann"), 60))
        assert rows.tokens[0].last_used_at is not None
        task.cancel()

    asyncio.run(scene())
    assert sign_ins.take_used() == set()
    log.close()
    (line,) = (json.loads(line) for line in read_lines(tmp_path / "logs"))
    assert (line["event"], line["person"], line["token"]) == ("token-first-used", "ann", hash_secret(token)[:12])
