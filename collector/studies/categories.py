"""The words of boxes and tracks, each with the number that exports give it: given once, never changed or used again."""

from __future__ import annotations

from collections.abc import Iterable

from collector.store.sql import Connection, text


def save_words(conn: Connection, words: Iterable[str]) -> None:
    """Number the words that are new here, in this order. Called with label schemas, and with what people submit."""
    for word in dict.fromkeys(words):
        known = conn.execute(text("SELECT 1 FROM category WHERE word = :word"), {"word": word}).first()
        if known is None:
            conn.execute(text("INSERT INTO category (word) VALUES (:word) ON CONFLICT DO NOTHING"), {"word": word})


def categories(conn: Connection) -> dict[str, int]:
    """Every word with its number, in the order of the numbers."""
    return {row.word: row.id for row in conn.execute(text("SELECT word, id FROM category ORDER BY id"))}
