"""Once per interval the tokens in use are written down, whatever many requests came with them."""

from __future__ import annotations

import asyncio

from collector.people.accounts import add_user, new_token, person_id
from collector.people.open_tokens import list_tokens
from collector.people.policy import Person, find_person
from collector.people.sign_ins import SignIns
from collector.people.token_uses import record_uses_by_the_minute
from collector.store.database import Database


def test_uses_are_written_down_in_one_go(db: Database) -> None:
    db.write_sync(lambda conn: add_user(conn, "ann", "annotator"))
    token = db.write_sync(lambda conn: new_token(conn, "ann"))
    sign_ins = SignIns(db)

    async def scene() -> None:
        for secret in (token, token, "unknown"):
            await sign_ins.find("api", secret, Person, lambda conn, secret=secret: find_person(conn, secret, "api", 60))
        task = asyncio.create_task(record_uses_by_the_minute(db, sign_ins, 0.01))
        while True:
            rows = await db.read(lambda conn: list_tokens(conn, person_id(conn, "ann"), 60))
            if rows.tokens[0].last_used_at is not None:
                break
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(scene())
    assert sign_ins.take_used() == set()
