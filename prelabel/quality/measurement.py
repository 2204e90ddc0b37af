"""What a report needs of one reviewed capture: measured once, small, and the same in every report.

The facts depend on the two documents alone, with one exception. Which words a model knows is seen from all items of a
report, and how much time or text is wrong over all words does not add up from the words. So those sums are there for
each choice of known words that was ever asked for (`Variant`), and `ItemFacts.lacks` says when another one is needed.

Facts are tuples of plain values, saved as JSON arrays. Who adds up a hundred thousand of them takes the rows apart by
place, whether they are `Cell`, `Total`, … as they were made or lists as they were read (`ItemFacts._make(json)`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from prelabel.quality.boxes import Thing, WordHits, picture_hits
from prelabel.quality.intervals import COLLAR_US, time_sums
from prelabel.quality.matching import Change, Matches, Outcome, compare
from prelabel.quality.reviewed import Reviewed, Sight
from prelabel.quality.texts import character_edits, spoken, word_edits
from prelabel.quality.tracks import track_sums
from wire.labels import Interval, Label, Source, Text, Track
from wire.tasks import TASK_RULES

RULES = 1  # of everything that is measured here: whoever changes a figure raises it, and saved facts are made anew
THINGS = ("box", "polygon", "mask", "keypoints")
WITH_TOTALS = ("interval", "text")

# Name, version, sha256, package, settings.
ModelKey = tuple[str, str | None, str | None, str | None, str | None]
Vocabulary = Mapping[ModelKey, frozenset[str]]
Stratum = Literal["shown", "shown-random", "unseen", "unseen-random", "blind"]


class Whole(NamedTuple):
    """What does not add up from words to all of them: a confusion of two words is two mistakes in their own rows.

    `time`: microseconds missed, falsely found, confused, true; the same four with a collar. `written`: edited words,
    words, edited characters, characters. None for kinds that have none.
    """

    time: Sequence[int] | None = None
    written: Sequence[int] | None = None


class Cell(NamedTuple):
    """What one word of one kind adds to a report.

    `outcomes` is what people did where they saw the pre-labels; `moved` has the overlaps of the moved ones; `starts_us`
    and `ends_us` are made minus true; `texts` are pre-labels that said something and were kept, `unchanged` of them to
    the letter. Everything but the outcomes holds only where the model knows the word.
    """

    kind: str
    label: str
    outcomes: Mapping[Outcome, int]
    moved: Sequence[float]
    right: int
    wrong: int
    missed: int
    starts_us: Sequence[int]
    ends_us: Sequence[int]
    texts: int
    unchanged: int
    whole: Whole
    tracks: Sequence[Any] | None


class Variant(NamedTuple):
    """The sums over all words of a kind where the model knows `known` of the words in question."""

    known: Sequence[str]
    whole: Whole


class Total(NamedTuple):
    """All words of a kind. `open`: words of the reviewed labels that the model did not use on this item."""

    kind: str
    open: Sequence[str]
    variants: Sequence[Variant]


class ItemFacts(NamedTuple):
    """`said`: the words the model used; `writes`: whether it wrote what it heard or read. `pictures`: the hits of each
    kind of thing, by frame."""

    said: Sequence[str]
    writes: bool
    cells: Sequence[Cell]
    totals: Sequence[Total]
    pictures: Sequence[tuple[str, Sequence[Sequence[WordHits]]]]

    def whole_of(self, kind: str, words: Collection[str]) -> Whole | None:
        """The sums over all words of a kind where the model knows these; None where they were not made."""
        for own, asked, variants in self.totals:
            if own == kind:
                known = [word for word in asked if word in words]
                return next((whole for there, whole in variants if list(there) == known), None)
        return None

    def lacks(self, words: Collection[str]) -> bool:
        """Whether sums over all words are missing for a model that knows these."""
        return any(self.whole_of(kind, words) is None for kind, _, _ in self.totals)

    def with_variants_of(self, other: ItemFacts) -> ItemFacts:
        """These facts with what another measurement of the same documents has for other known words."""
        totals = []
        for (kind, asked, mine), (_, _, its) in zip(self.totals, other.totals, strict=True):
            known = [list(words) for words, _ in mine]
            totals.append(Total(kind, asked, [*mine, *(row for row in its if list(row[0]) not in known)]))
        return self._replace(totals=totals)


class Measured(NamedTuple):
    """The facts of one reviewed capture and one model, and where they count. Members as in `Reviewed`.

    `key` is `model_key(model)`; `settings` are those the model ran with, None where they were not recorded.
    """

    revision: str
    capture: str
    key: ModelKey
    model: Source
    settings: Mapping[str, Any] | None
    main_kind: str
    device: str
    script_sha256: str
    step: str
    active_ms: int | None
    words: frozenset[str] | None
    drawn_by_chance: bool
    sight: Sight
    facts: ItemFacts

    @property
    def stratum(self) -> Stratum:
        if self.sight == "shown":
            return "shown-random" if self.drawn_by_chance else "shown"
        if not self.drawn_by_chance:
            return "unseen"
        return "blind" if self.sight == "nothing" else "unseen-random"


def model_key(model: Source) -> ModelKey:
    return model.name, model.version, model.sha256, model.package, model.settings


def known_words_of(model: ModelKey, words: Vocabulary, package: frozenset[str] | None) -> frozenset[str]:
    """Those given of a model and those that its package names, None where there is none."""
    return words.get(model, frozenset()) | (package or frozenset())


def measured(items: Iterable[Reviewed], words: Vocabulary) -> Iterator[Measured]:
    """Each item measured, for models that know these words and those that their packages name."""
    for item in items:
        key = model_key(item.model)
        yield Measured(
            revision=item.revision,
            capture=item.capture,
            key=key,
            model=item.model,
            settings=item.before.settings.get(item.model.settings or ""),
            main_kind=TASK_RULES[item.task_type].main,
            device=item.device,
            script_sha256=item.script_sha256,
            step=item.step,
            active_ms=item.active_ms,
            words=item.words,
            drawn_by_chance=item.drawn_by_chance,
            sight=item.sight,
            facts=measure(item, known_words_of(key, words, item.words)),
        )


def measure(item: Reviewed, words: frozenset[str]) -> ItemFacts:
    """Compare one item.

    Args:
        words: the words the model knows beside those it used here.
    """
    changes, found, table = compare(item)
    before, after = item.before.labels, item.after.labels
    said = sorted({label.label for label in before})
    cells = _Cells(item, changes)
    for label in (*before, *after):
        cells.of(label)
    if item.shown:
        for change in changes:
            cells.count_change(change)
    cells.count_found(found)
    totals = [
        _total(item, kind, said, words, changes)
        for kind in WITH_TOTALS
        if any(label.kind == kind for label in (*before, *after))
    ]
    pictures = []
    for kind in THINGS:
        rows, columns = ([n for n, label in enumerate(labels) if label.kind == kind] for labels in (before, after))
        if rows or columns:
            shares = table[rows][:, columns]
            made, truth = _things(before, rows), _things(after, columns)
            pictures.append((kind, picture_hits(made, truth, shares)))
    return ItemFacts(said, any(spoken(label) is not None for label in before), cells.done(), totals, pictures)


def _things(labels: Sequence[Label], places: Sequence[int]) -> list[Thing]:
    return [label for place in places if isinstance(label := labels[place], Thing)]


class _Counts:
    """A cell while it is counted."""

    def __init__(self, whole: Whole, tracks: Sequence[Any] | None) -> None:
        self.outcomes: dict[Outcome, int] = {}
        self.moved: list[float] = []
        self.right = self.wrong = self.missed = self.texts = self.unchanged = 0
        self.starts_us: list[int] = []
        self.ends_us: list[int] = []
        self.whole, self.tracks = whole, tracks


class _Cells:
    """The cells of one item, by kind and word."""

    def __init__(self, item: Reviewed, changes: Sequence[Change]) -> None:
        self._item, self._changes = item, changes
        self._counts: dict[tuple[str, str], _Counts] = {}

    def of(self, label: Label) -> _Counts:
        key = (label.kind, label.label)
        if key not in self._counts:
            whole = _whole(self._item, label.kind, frozenset({label.label}), self._changes)
            tracks = _tracks(self._item, label.label) if isinstance(label, Track) else None
            self._counts[key] = _Counts(whole, tracks)
        return self._counts[key]

    def count_change(self, change: Change) -> None:
        cell = self.of(change.label)
        cell.outcomes[change.outcome] = cell.outcomes.get(change.outcome, 0) + 1
        if change.before is None or change.after is None or change.outcome in ("doubled", "deleted"):
            return
        if change.outcome == "moved":
            cell.moved.append(change.overlap)
        said = spoken(change.before)
        if said is not None:
            cell.texts += 1
            cell.unchanged += said == spoken(change.after)

    def count_found(self, found: Matches) -> None:
        before, after = self._item.before.labels, self._item.after.labels
        for row, column, _ in found.pairs:
            made, true = before[row], after[column]
            cell = self.of(made)
            cell.right += 1
            if isinstance(made, Interval) and isinstance(true, Interval):
                cell.starts_us.append(made.start_us - true.start_us)
                cell.ends_us.append(made.end_us - true.end_us)
        for row in found.wrong:
            self.of(before[row]).wrong += 1
        for column in found.missed:
            self.of(after[column]).missed += 1

    def done(self) -> list[Cell]:
        return [
            Cell(
                kind, label, row.outcomes, row.moved, row.right, row.wrong, row.missed, row.starts_us, row.ends_us,
                row.texts, row.unchanged, row.whole, row.tracks,
            )
            for (kind, label), row in self._counts.items()
        ]  # fmt: skip


def _total(item: Reviewed, kind: str, said: Sequence[str], words: frozenset[str], changes: Sequence[Change]) -> Total:
    asked = sorted({label.label for label in item.after.labels if label.kind == kind} - {*said})
    known = [word for word in asked if word in words]
    return Total(kind, asked, [Variant(known, _whole(item, kind, frozenset({*said, *known}), changes))])


def _tracks(item: Reviewed, word: str) -> list[Any]:
    made, truth = (
        [label for label in labels if isinstance(label, Track) and label.label == word]
        for labels in (item.before.labels, item.after.labels)
    )
    return track_sums(made, truth, item.times_us, item.size).to_row()


def _whole(item: Reviewed, kind: str, words: frozenset[str], changes: Sequence[Change]) -> Whole:
    if kind == "interval":
        made, truth = (
            [label for label in labels if isinstance(label, Interval) and label.label in words]
            for labels in (item.before.labels, item.after.labels)
        )
        exact, collar = time_sums(made, truth), time_sums(made, truth, COLLAR_US)
        texts = [(_transcript(truth), _transcript(made), item.language)]
        return Whole([*exact.to_row(), *collar.to_row()], _written(texts))
    if kind == "text":
        rows = _text_pairs(item, words, changes)
        return Whole(None, _written((truth, made, language or item.language) for truth, made, language in rows))
    return Whole()


def _written(texts: Iterable[tuple[str, str, str | None]]) -> list[int]:
    """QualitySums over (truth, made, language)."""
    sums = [0, 0, 0, 0]
    for truth, made, language in texts:
        if truth or made:
            words, characters = word_edits(truth, made, language), character_edits(truth, made, language)
            row = (words.edits, words.length, characters.edits, characters.length)
            sums = [mine + its for mine, its in zip(sums, row, strict=True)]
    return sums


def _transcript(rows: Sequence[Interval]) -> str:
    """All that is said in a recording, in order of time: where a text was cut into intervals plays no part."""
    ordered = sorted(rows, key=lambda row: (row.start_us, row.end_us))
    return " ".join(text for row in ordered if (text := spoken(row)))


def _text_pairs(item: Reviewed, words: frozenset[str], changes: Sequence[Change]) -> list[tuple[str, str, str | None]]:
    """(truth, made, language) of text labels; a text that is only on one side stands against nothing."""
    rows = []
    paired: set[str] = set()
    for change in changes:
        made, true = change.before, change.after if change.outcome != "deleted" else None
        if isinstance(true, Text):
            paired.add(true.id)
        if isinstance(made, Text) and made.label in words:
            other = true if isinstance(true, Text) else None
            rows.append((other.text if other else "", made.text, (other or made).language))
        elif made is None and isinstance(true, Text) and true.label in words:
            rows.append((true.text, "", true.language))
    rows += [
        (label.text, "", label.language)
        for label in item.after.labels
        if isinstance(label, Text) and label.id not in paired and label.label in words
    ]
    return rows
