"""The sums behind one row of the report: made of one reviewed capture, added over captures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from prelabel.quality.intervals import COLLAR_US, TimeSums, time_sums
from prelabel.quality.matching import OUTCOMES, Change, Matches, Outcome, compare
from prelabel.quality.reviewed import Reviewed
from prelabel.quality.texts import EditSums, character_edits, spoken, word_edits
from prelabel.quality.tracks import TrackSums, track_sums
from wire.labels import Interval, Label, Track
from wire.labels import Text as TextLabel
from wire.tasks import TASK_RULES


@dataclass
class Whole:
    """What does not add up from words to all of them: a confusion of two words is two mistakes in their own rows."""

    time: TimeSums | None = None
    time_collar: TimeSums | None = None
    words: EditSums = field(default_factory=EditSums)
    characters: EditSums = field(default_factory=EditSums)

    def add(self, other: Whole) -> None:
        if other.time is not None and other.time_collar is not None:
            self.time, self.time_collar = self.time or TimeSums(), self.time_collar or TimeSums()
            self.time.add(other.time)
            self.time_collar.add(other.time_collar)
        self.words.add(other.words)
        self.characters.add(other.characters)


class OutcomeCounts(NamedTuple):
    """What of one capture shares are made of: they hold or fall together."""

    accepted: int
    prelabels: int
    unchanged: int
    texts: int


@dataclass
class WordTally:
    """Counts of one word, or of all words of a kind.

    `starts_us`, `ends_us` are made minus true; `texts` are pre-labels that said something and were kept, `unchanged`
    of them to the letter. `captures` has the counts of each capture, by its id.
    """

    items: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    moved: list[float] = field(default_factory=list)
    right: int = 0
    wrong: int = 0
    missed: int = 0
    tracks: TrackSums | None = None
    starts_us: list[int] = field(default_factory=list)
    ends_us: list[int] = field(default_factory=list)
    texts: int = 0
    unchanged: int = 0
    captures: dict[str, OutcomeCounts] = field(default_factory=dict)
    whole: Whole = field(default_factory=Whole)

    @property
    def prelabels(self) -> int:
        return sum(self.outcomes[name] for name in OUTCOMES if name != "added")

    def add(self, other: WordTally, *, parts: bool = True, whole: bool = True) -> None:
        """Add another: what adds up over words (`parts`), what does not and the number of items (`whole`)."""
        if parts:
            self.outcomes.update(other.outcomes)
            self.moved += other.moved
            self.right += other.right
            self.wrong += other.wrong
            self.missed += other.missed
            self.starts_us += other.starts_us
            self.ends_us += other.ends_us
            self.texts += other.texts
            self.unchanged += other.unchanged
            for name, counts in other.captures.items():
                mine = self.captures.get(name)
                self.captures[name] = (
                    counts if mine is None else OutcomeCounts(*map(sum, zip(mine, counts, strict=True)))
                )
            if other.tracks is not None:
                self.tracks = self.tracks or TrackSums()
                self.tracks.add(other.tracks)
        if whole:
            self.items += other.items
            self.whole.add(other.whole)


@dataclass(frozen=True)
class ItemTallies:
    """One reviewed capture: a tally for each (kind, word), one for each (kind, None) with what does not add up."""

    cells: dict[tuple[str, str | None], WordTally]
    changes: Sequence[Change]


def tallies(item: Reviewed, words: frozenset[str], writes: bool) -> ItemTallies:
    """Compare one item.

    Args:
        words: the words the model knows; the truth of others is not held against it.
        writes: the model writes what it hears or reads, so that silence is a text left out; False: it never does.
    """
    changes, found = compare(item)
    before = item.before.labels
    after = [label for label in item.after.labels if label.label in words]
    own = TASK_RULES[item.task_type].main
    # What people added of another kind, or with a word the model does not know, has a row too.
    done = [row.label for row in changes] if item.shown else []
    kinds: set[str] = {label.kind for label in (*before, *after, *done)} or {own}
    cells: dict[tuple[str, str | None], WordTally] = {
        (kind, None): WordTally(items=1, whole=_whole(item, kind, words, changes, writes)) for kind in sorted(kinds)
    }

    def cell(label: Label) -> WordTally:
        key = (label.kind, label.label)
        if key not in cells:
            # Where there is one word only, what does not add up is that of all words.
            alone = all(row.label == label.label for row in (*before, *after) if row.kind == label.kind)
            only = words & {label.label}
            whole = cells[label.kind, None].whole if alone else _whole(item, label.kind, only, changes, writes)
            cells[key] = WordTally(items=1, whole=whole)
            if isinstance(label, Track) and only:
                cells[key].tracks = _tracks(item, label.label)
        return cells[key]

    for label in (*before, *after):
        cell(label)
    if item.shown:
        for change in changes:
            _count_change(cell(change.label), change)
    _count_found(item, found, words, cell)
    for tally in cells.values():
        counts = OutcomeCounts(tally.outcomes["accepted"], tally.prelabels, tally.unchanged, tally.texts)
        if counts.prelabels:
            tally.captures[item.capture] = counts
    return ItemTallies(cells, changes)


def _count_change(tally: WordTally, change: Change) -> None:
    tally.outcomes[change.outcome] += 1
    if change.before is None or change.after is None or change.outcome in ("doubled", "deleted"):
        return
    if change.outcome == "moved":
        tally.moved.append(change.overlap)
    said = spoken(change.before)
    if said is not None:
        tally.texts += 1
        tally.unchanged += said == spoken(change.after)


def _count_found(item: Reviewed, found: Matches, words: frozenset[str], cell: Callable[[Label], WordTally]) -> None:
    before, after = item.before.labels, item.after.labels
    for row, column, _ in found.pairs:
        tally = cell(before[row])
        tally.right += 1
        made, true = before[row], after[column]
        if isinstance(made, Interval) and isinstance(true, Interval):
            tally.starts_us.append(made.start_us - true.start_us)
            tally.ends_us.append(made.end_us - true.end_us)
    for row in found.wrong:
        cell(before[row]).wrong += 1
    for column in found.missed:
        if after[column].label in words:
            cell(after[column]).missed += 1


def _tracks(item: Reviewed, word: str) -> TrackSums:
    made, truth = (
        [label for label in labels if isinstance(label, Track) and label.label == word]
        for labels in (item.before.labels, item.after.labels)
    )
    return track_sums(made, truth, item.times_us, item.size)


def _whole(item: Reviewed, kind: str, words: frozenset[str], changes: Sequence[Change], writes: bool) -> Whole:
    whole = Whole()
    if kind == "interval":
        made, truth = (
            [label for label in labels if isinstance(label, Interval) and label.label in words]
            for labels in (item.before.labels, item.after.labels)
        )
        whole.time, whole.time_collar = time_sums(made, truth), time_sums(made, truth, COLLAR_US)
        if writes:
            _count_text(whole, item.language, _transcript(truth), _transcript(made))
    if kind == "text" and writes:
        for truth_text, made_text, language in _text_pairs(item, words, changes):
            _count_text(whole, language or item.language, truth_text, made_text)
    return whole


def _count_text(whole: Whole, language: str | None, truth: str, made: str) -> None:
    whole.words.add(word_edits(truth, made, language))
    whole.characters.add(character_edits(truth, made, language))


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
        if isinstance(true, TextLabel):
            paired.add(true.id)
        if isinstance(made, TextLabel) and made.label in words:
            other = true if isinstance(true, TextLabel) else None
            rows.append((other.text if other else "", made.text, (other or made).language))
        elif made is None and isinstance(true, TextLabel) and true.label in words:
            rows.append((true.text, "", true.language))
    rows += [
        (label.text, "", label.language)
        for label in item.after.labels
        if isinstance(label, TextLabel) and label.id not in paired and label.label in words
    ]
    return rows
