"""Measured captures added up: once for every place and circumstance, from there along every cut of the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from prelabel.quality.boxes import Detections
from prelabel.quality.costs import Work
from prelabel.quality.matching import Outcome
from prelabel.quality.measurement import (
    WITH_TOTALS,
    Cell,
    Measured,
    ModelKey,
    Stratum,
    Vocabulary,
    Whole,
    known_words_of,
)
from prelabel.quality.shapes import AveragePrecision, Cut
from prelabel.quality.tally import WordTally
from wire.labels import Source

Sample = Literal["all", "random", "unseen", "unseen-random", "blind"]
CUTS: tuple[Cut, ...] = ("model", "class", "device", "step", "each")
_SAMPLES: dict[Stratum, tuple[Sample, ...]] = {
    "shown": ("all",),
    "shown-random": ("all", "random"),
    "unseen": ("unseen",),
    "unseen-random": ("unseen", "unseen-random"),
    "blind": ("unseen", "unseen-random", "blind"),
}
_NO_TIME = Whole([0] * 8, None)


class Key(NamedTuple):
    """Which row: None where the cut does not part."""

    cut: Cut
    model: ModelKey
    kind: str
    label: str | None = None
    device: str | None = None
    script: str | None = None
    step: str | None = None


class _CutPlace(NamedTuple):
    device: str
    script: str
    step: str
    stratum: Stratum


class RowPart(NamedTuple):
    """A tally and what of it counts in a row: `WordTally.merge`."""

    tally: WordTally
    parts: bool
    whole: bool


class QualitySums:
    """Everything that is added up of the items of one report.

    Args:
        words: the words each model is taken to know beside those it used on the item and those of its package. Whether
            that was right is seen at the end (`holds`).
    """

    def __init__(self, words: Vocabulary) -> None:
        self._words = words
        self._models: dict[ModelKey, _ModelItems] = {}
        self._places: dict[_CutPlace, int] = {}
        self._captures: dict[str, int] = {}
        self._work = _WorkRows()
        self.items = 0
        self.items_of: dict[Stratum, int] = dict.fromkeys(_SAMPLES, 0)

    def add(self, one: Measured) -> None:
        """One item. Those of one revision come one after another."""
        stratum = one.stratum
        self.items += 1
        self.items_of[stratum] += 1
        model = self._models.get(one.key)
        if model is None:
            model = self._models[one.key] = _ModelItems(known_words_of(one.key, self._words, one.words))
        place = self._places.setdefault(_CutPlace(one.device, one.script_sha256, one.step, stratum), len(self._places))
        model.add(one, place, self._captures.setdefault(one.capture, len(self._captures)))
        if one.sight == "shown" and one.active_ms is not None:
            self._work.add(one)

    def merge(self, later: QualitySums) -> None:
        """Add the sums of later items, none of a revision that is in these, added up for the same words."""
        self.items += later.items
        for stratum, items in later.items_of.items():
            self.items_of[stratum] += items
        places = {number: self._places.setdefault(place, len(self._places)) for place, number in later._places.items()}
        captures = {
            number: self._captures.setdefault(capture, len(self._captures))
            for capture, number in later._captures.items()
        }
        for key, model in later._models.items():
            mine = self._models.get(key)
            if mine is None:
                mine = self._models[key] = _ModelItems(model.words)
            mine.merge(model, places, captures)
        self._work.merge(later._work)

    def sources(self) -> dict[ModelKey, Source]:
        return {key: model.source for key, model in self._models.items() if model.source is not None}

    def settings(self) -> dict[Source, Mapping[str, Any] | None]:
        """Those that each model ran with."""
        return {model.source: model.settings for model in self._models.values() if model.source is not None}

    def writes(self, model: ModelKey) -> bool:
        """Whether a model writes what it hears or reads."""
        return self._models[model].writes

    def vocabulary(self) -> Vocabulary:
        """The words each model knows, as far as the items say."""
        return {key: frozenset(model.said) for key, model in self._models.items()}

    def holds(self) -> bool:
        """Whether the words that models were taken to know are those they know."""
        return all(
            model.known <= model.said and model.unknown.isdisjoint(model.said) for model in self._models.values()
        )

    def work(self) -> list[Work]:
        """What was done in each revision whose active time can be explained."""
        return self._work.done()

    def rows(self) -> dict[Key, dict[Sample, list[RowPart]]]:
        """What each row is made of, by sample, in the order in which the items came."""
        found: dict[Key, dict[Sample, list[RowPart]]] = defaultdict(lambda: defaultdict(list))
        places = list(self._places)
        groups = ((key, *group, rows) for key, model in self._models.items() for group, rows in model.tallies.items())
        for model, kind, number, by_label in groups:
            place = places[number]
            for label, tally in by_label.items():
                for cut in CUTS:
                    by_word = cut in ("class", "each")
                    if by_word and label is None:
                        continue
                    part = RowPart(tally, parts=label is not None, whole=by_word or label is None)
                    key = _key(cut, model, kind, label, place)
                    for sample in _SAMPLES[place.stratum]:
                        found[key][sample].append(part)
        return found

    def precisions(self) -> dict[tuple[Key, Sample], AveragePrecision]:
        """Average precision of things on stills for every cut but the finest; that of words comes with that of all."""
        result: dict[tuple[Key, Sample], AveragePrecision] = {}
        every = ((key, kind, rows) for key, model in self._models.items() for kind, rows in model.detections.items())
        for model, kind, detections in every:
            groups: dict[tuple[Key, Sample], list[int]] = defaultdict(list)
            for place, number in self._places.items():
                for cut in ("model", "device", "step"):
                    for sample in _SAMPLES[place.stratum]:
                        groups[_key(cut, model, kind, None, place), sample].append(number)
            for (key, sample), numbers in groups.items():
                whole, each = detections.average_precision(numbers)
                if whole is not None:
                    result[key, sample] = whole
                if key.cut == "model":
                    for label, row in each.items():
                        result[key._replace(cut="class", label=label), sample] = row
        return result


class _ModelItems:
    """The items of one model, added up by place.

    `words`: those it is taken to know beside those it used on an item; `said` those it knows as far as the items say;
    `known`, `unknown` those that were counted as such.
    """

    def __init__(self, words: frozenset[str]) -> None:
        self.words = words
        self.said: set[str] = set()
        self.known: set[str] = set()
        self.unknown: set[str] = set()
        self.source: Source | None = None
        self.settings: Mapping[str, Any] | None = None
        self.writes = False
        self.tallies: dict[tuple[str, int], dict[str | None, WordTally]] = {}
        self.detections: dict[str, Detections] = {}

    def add(self, one: Measured, place: int, capture: int) -> None:
        facts = one.facts
        self.source = one.model
        self.settings = one.settings if self.settings is None else self.settings
        self.writes = self.writes or facts.writes
        self.said.update(facts.said, one.words or ())
        words = self.words if self.words.issuperset(facts.said) else self.words.union(facts.said)
        counted: dict[str, list[Cell]] = {}
        for cell in facts.cells:
            if self._add_cell(cell, place, capture, words):
                counted.setdefault(cell[0], []).append(cell)
        for kind in counted or (one.main_kind,):
            tally = self._tally(kind, place, None)
            tally.add_whole((facts.whole_of(kind, words) if kind in WITH_TOTALS else None) or _none_of(kind))
            tally.add_shares(counted.get(kind, ()), capture)
        for kind, frames in facts.pictures:
            detections = self.detections.get(kind)
            if detections is None:
                detections = self.detections[kind] = Detections()
            for frame in frames:
                detections.add(frame, words, place)

    def merge(self, later: _ModelItems, places: Mapping[int, int], captures: Mapping[int, int]) -> None:
        """Add later items, whose places and captures have other numbers: those here by those there."""
        self.source = later.source
        self.settings = later.settings if self.settings is None else self.settings
        self.writes = self.writes or later.writes
        self.said |= later.said
        self.known |= later.known
        self.unknown |= later.unknown
        for (kind, place), group in later.tallies.items():
            for label, tally in group.items():
                tally.captures = {captures[number]: counts for number, counts in tally.captures.items()}
                self._tally(kind, places[place], label).merge(tally, parts=True, whole=True)
        for kind, detections in later.detections.items():
            self.detections.setdefault(kind, Detections()).merge(detections, places)

    def _add_cell(self, cell: Cell, place: int, capture: int, words: frozenset[str]) -> bool:
        """Returns whether the cell counts: what people added counts also where the model does not know the word."""
        kind, label, outcomes = cell[:3]
        if label in words:
            self.known.add(label)
            self._tally(kind, place, label).add_cell(cell, capture)
            return True
        self.unknown.add(label)
        if outcomes:
            tally = self._tally(kind, place, label)
            tally.add_outcomes(outcomes)  # added labels alone: what the model did not say was not changed
            tally.add_whole(_none_of(kind))
        return bool(outcomes)

    def _tally(self, kind: str, place: int, label: str | None) -> WordTally:
        group = self.tallies.get((kind, place))
        if group is None:
            group = self.tallies[kind, place] = {}
        tally = group.get(label)
        if tally is None:
            tally = group[label] = WordTally()
        return tally


def _none_of(kind: str) -> Whole:
    return _NO_TIME if kind == "interval" else Whole()


def _key(cut: Cut, model: ModelKey, kind: str, label: str | None, place: _CutPlace) -> Key:
    return Key(
        cut,
        model,
        kind,
        label if cut in ("class", "each") else None,
        place.device if cut in ("device", "each") else None,
        place.script if cut in ("step", "each") else None,
        place.step if cut in ("step", "each") else None,
    )


class _WorkRows:
    """What was done in each revision: one model on each capture, labels of one kind."""

    def __init__(self) -> None:
        self._rows: list[Work] = []
        self._outcomes: dict[tuple[tuple[Outcome, int], ...], Mapping[Outcome, int]] = {}
        self._revision: list[Measured] = []

    def add(self, one: Measured) -> None:
        if self._revision and self._revision[0].revision != one.revision:
            self._close()
        self._revision.append(one)

    def merge(self, later: _WorkRows) -> None:
        self._close()
        self._rows += later.done()

    def done(self) -> list[Work]:
        self._close()
        return self._rows

    def _close(self) -> None:
        items, self._revision = self._revision, []
        cells = [(kind, outcomes) for one in items for kind, _, outcomes, *_ in one.facts.cells if outcomes]
        kinds = {kind for kind, _ in cells}
        if len(kinds) != 1 or len({one.capture for one in items}) != len(items):
            return
        counts: dict[Outcome, int] = {}
        for _, outcomes in cells:
            for name, count in outcomes.items():
                counts[name] = counts.get(name, 0) + count
        key = tuple(counts.items())
        # Thousands of revisions have the same few counts: one object each.
        self._rows.append(Work(kinds.pop(), self._outcomes.setdefault(key, counts), items[0].active_ms or 0))
