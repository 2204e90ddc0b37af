"""Several independent answers to one question: another round of a task, for a person who has seen no other."""

from __future__ import annotations

from datetime import datetime

from collector.review import queue_sql as sql
from collector.review.queue import lease_state
from collector.review.rules import priority
from collector.review.task_consent import check_task, refresh_task
from collector.store.sql import Connection
from wire.base import format_utc, new_id
from wire.errors import GleanerError

MAX_ROUNDS = 10
REASON = "An independent answer to an item that somebody else has finished, too."


class RoundRefused(GleanerError):
    """A task cannot be given to another person as a further round."""

    code = "round-refused"
    status = 409
    hint = "Finish a round before starting the next; the limit is ten rounds."


def add_round(conn: Connection, task: str, now: datetime) -> tuple[str, int]:
    """Put a finished task into the queue once more, as a task of its own; returns its id and its round.

    Whoever was given an earlier round is not given this one. It shows pre-labels if the first one did.

    Raises:
        NoSuchTask, ConsentEnded, RoundRefused.
    """
    check_task(conn, task, now)
    if lease_state(conn, task).state != "done":
        raise RoundRefused(f"The task {task} is not finished.")
    number = int(conn.execute(sql.LAST_ROUND, {"task": task}).scalar_one()) + 1
    if number > MAX_ROUNDS:
        raise RoundRefused(f"The task {task} has had {MAX_ROUNDS} rounds already.")
    values = {"id": new_id("task"), "task": task, "round": number, "text": REASON, "now": format_utc(now)}
    values["priority"] = priority(0.0, now)
    conn.execute(sql.ASK_AGAIN, values)
    conn.execute(sql.COPY_CAPTURES, values)
    conn.execute(sql.RECORD_REASON, {**values, "task": values["id"], "at": values["now"], "kind": "age"})
    refresh_task(conn, str(values["id"]), now)
    return str(values["id"]), number
