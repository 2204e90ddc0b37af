"""People in exports: the random id of their account stands where their name stood."""

from __future__ import annotations

from dataclasses import dataclass

from collector.store.sql import Connection, text
from wire.labels import Label, LabelsDocument, Source

UNKNOWN = "person-unknown"


@dataclass(frozen=True)
class Pseudonyms:
    """The ids of accounts by the names that labels carry."""

    ids: dict[str, str]

    @classmethod
    def load(cls, conn: Connection) -> Pseudonyms:
        return cls({row.name: row.id for row in conn.execute(text("SELECT name, id FROM person"))})

    def without_names(self, document: LabelsDocument) -> LabelsDocument:
        """The document with the ids of people as the names of its sources, and of its labels' sources."""
        labels = [self._label(label) for label in document.labels]
        return document.model_copy(update={"source": self._source(document.source), "labels": labels})

    def _label(self, label: Label) -> Label:
        if label.source is None or label.source.kind != "person":
            return label
        return label.model_copy(update={"source": self._source(label.source)})

    def _source(self, source: Source) -> Source:
        if source.kind != "person":
            return source
        return source.model_copy(update={"name": self.ids.get(source.name, UNKNOWN)})
