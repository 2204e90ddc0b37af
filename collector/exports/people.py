"""People in exports: the random id of their account replaces their name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collector.store.sql import Connection, text

UNKNOWN = "person-unknown"


@dataclass(frozen=True)
class Pseudonyms:
    """The ids of accounts by the names that labels carry."""

    ids: dict[str, str]

    @classmethod
    def load(cls, conn: Connection) -> Pseudonyms:
        return cls({row.name: row.id for row in conn.execute(text("SELECT name, id FROM person"))})

    def without_names(self, document: dict[str, Any]) -> dict[str, Any]:
        """A labels document, as JSON, with the ids of people as the names of its sources and of its labels' sources."""
        return self._renamed(document) | {"labels": [self._renamed(label) for label in document["labels"]]}

    def _renamed(self, named: dict[str, Any]) -> dict[str, Any]:
        source = named.get("source")
        if source is None or source["kind"] != "person":
            return named
        return named | {"source": source | {"name": self.ids.get(source["name"], UNKNOWN)}}
