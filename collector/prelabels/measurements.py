"""Reviewed captures measured once: what a report needs of each is saved, and made anew where something has changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import from_json

from collector.prelabels.reviewed_rows import BATCH, Asked, Circumstances, ReviewedRows, batches, package_words
from collector.review.tasks import known_words
from collector.store.derived_rows import DerivedRow, DerivedRows
from prelabel.quality.measurement import (
    RULES,
    ItemFacts,
    Measured,
    ModelKey,
    Vocabulary,
    known_words_of,
    measured,
    model_key,
)
from prelabel.quality.reviewed import Reviewed, Sight
from wire.canonical import document_hash
from wire.labels import Source
from wire.tasks import TASK_RULES

Items = Iterator[Measured]


class NotMeasured(Exception):
    """Something that is asked for was not measured yet, or has changed since."""


class _MeasuredModel(NamedTuple):
    """A model of saved facts; `words` are those it used so far."""

    key: ModelKey
    source: Source
    settings: Mapping[str, Any] | None
    package_words: frozenset[str] | None
    words: set[str]

    @classmethod
    def of(cls, source: Source, settings: Mapping[str, Any] | None, words: Iterable[str] = ()) -> _MeasuredModel:
        return cls(model_key(source), source, settings, package_words(source.sha256), set(words))

    @classmethod
    def of_text(cls, body: str) -> _MeasuredModel:
        source, settings, words = from_json(body)
        return cls.of(Source.model_validate(source), settings, words)

    def to_text(self) -> str:
        return json.dumps([self.source.to_json(), self.settings, sorted(self.words)])


class _MeasuredItem(NamedTuple):
    """One item of a revision as it is saved: the key of its model, what was seen where, and the facts."""

    model: str
    capture: str
    sight: Sight
    device: str
    facts: ItemFacts

    @classmethod
    def of_text(cls, body: str) -> list[_MeasuredItem]:
        """The items of one revision."""
        return [
            cls(model, capture, sight, device, ItemFacts._make(facts))
            for model, capture, sight, device, facts in from_json(body)
        ]


class Measurements:
    """The facts of a collector's reviewed captures. Used by one thread, ended with `close`.

    Args:
        rows: what people reviewed.
        folder: of the database, where facts are saved.
    """

    def __init__(self, rows: ReviewedRows, folder: Path) -> None:
        self._rows = rows
        # What models of the catalogue know decides which documents say something about a task.
        version = f"{RULES}-{document_hash(known_words())[:12]}"
        self._facts, self._models_kind = f"measured-{version}", f"model-{version}"
        self._saved = DerivedRows(folder, [self._facts, self._models_kind])
        self._models = {row.key: _MeasuredModel.of_text(row.body) for row in self._saved.all(self._models_kind)}
        self._keys = {model.key: key for key, model in self._models.items()}

    def close(self) -> None:
        self._saved.close()

    def refresh(self) -> int:
        """Measure what is new, so that nobody waits for it; returns how many items there are."""
        return sum(1 for _ in self.read(self.selected(Asked()), Asked(), self.vocabulary()))

    def vocabulary(self) -> Vocabulary:
        """The words that each model used so far."""
        return {model.key: frozenset(model.words) for model in self._models.values()}

    def selected(self, asked: Asked) -> list[str]:
        """The ids of the revisions that are asked for now, in the order people submitted."""
        revisions = self._rows.selected(asked)
        if asked == Asked():
            self._saved.remove_others(self._facts, revisions)
        return revisions

    def read(self, revisions: Sequence[str], asked: Asked, words: Vocabulary, *, measure: bool = True) -> Items:
        """The items of revisions, for models that know these words; what was not measured yet is, and is saved.

        Args:
            measure: False ends with NotMeasured at the first revision that is not.
        """
        for batch in batches(revisions, BATCH):
            for one in self._batch(batch, words, measure):
                if asked.model in (None, one.model.name, one.model.sha256):
                    yield one

    def _batch(self, revisions: Sequence[str], words: Vocabulary, measure: bool) -> Items:
        rows = self._rows.circumstances(revisions)
        saved = self._saved.find(self._facts, revisions)
        found = {
            row.revision: _MeasuredItem.of_text(saved[row.revision].body)
            for row in rows
            if row.revision in saved and saved[row.revision].basis == row.basis
        }
        missing = [row for row in rows if row.revision not in found or self._lacks(found[row.revision], words)]
        if missing and not measure:
            raise NotMeasured(f"{len(missing)} of {len(rows)} revisions have to be measured first.")
        if missing:
            for row, items in self._rows.reviewed(missing):
                found[row.revision] = self._measured(items, words, found.get(row.revision))
            self._save(missing, found)
        for row in rows:
            yield from (self._placed(row, item) for item in found[row.revision])

    def _lacks(self, items: Iterable[_MeasuredItem], words: Vocabulary) -> bool:
        """Whether sums of an item are missing for models that know these words."""
        return any(
            item.facts.totals and item.facts.lacks(self._known(item, words).union(item.facts.said)) for item in items
        )

    def _known(self, item: _MeasuredItem, words: Vocabulary) -> frozenset[str]:
        model = self._models[item.model]
        return known_words_of(model.key, words, model.package_words)

    def _measured(
        self, items: list[Reviewed], words: Vocabulary, before: list[_MeasuredItem] | None
    ) -> list[_MeasuredItem]:
        """The items of a revision; `before`: the same ones, measured for models that know other words."""
        found = [
            _MeasuredItem(self._number(one.model, one.settings), one.capture, one.sight, one.device, one.facts)
            for one in measured(items, words)
        ]
        for item in found:
            self._models[item.model].words.update(item.facts.said)
        if before is None:
            return found
        return [
            mine._replace(facts=mine.facts.with_variants_of(its.facts)) for mine, its in zip(found, before, strict=True)
        ]

    def _number(self, source: Source, settings: Mapping[str, Any] | None) -> str:
        """The key of a model in the saved rows."""
        key = self._keys.get(model_key(source))
        if key is None:
            key = self._keys[model_key(source)] = document_hash(source.to_json())[:16]
            self._models[key] = _MeasuredModel.of(source, settings)
        if settings is not None and self._models[key].settings is None:
            self._models[key] = self._models[key]._replace(settings=settings)
        return key

    def _save(self, rows: Iterable[Circumstances], found: Mapping[str, list[_MeasuredItem]]) -> None:
        models = [DerivedRow(key, "", model.to_text()) for key, model in self._models.items()]
        self._saved.save(self._models_kind, models)
        self._saved.save(
            self._facts,
            [
                DerivedRow(row.revision, row.basis, json.dumps(found[row.revision], separators=(",", ":")))
                for row in rows
            ],
        )

    def _placed(self, row: Circumstances, item: _MeasuredItem) -> Measured:
        model = self._models[item.model]
        return Measured(
            revision=row.revision,
            capture=item.capture,
            key=model.key,
            model=model.source,
            settings=model.settings,
            main_kind=TASK_RULES[row.type].main,
            device=item.device,
            script_sha256=row.script_sha256,
            step=row.step,
            active_ms=row.active_ms,
            words=model.package_words,
            drawn_by_chance=row.drawn_by_chance,
            sight=item.sight,
            facts=item.facts,
        )
