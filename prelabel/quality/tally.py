"""The sums behind one row of the report: cells and totals of reviewed captures, added up."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from prelabel.quality.intervals import TimeSums
from prelabel.quality.matching import OUTCOMES, Outcome
from prelabel.quality.measurement import Cell, Whole
from prelabel.quality.texts import EditSums
from prelabel.quality.tracks import TrackSums


class OutcomeCounts(NamedTuple):
    """What of one capture shares are made of: they hold or fall together."""

    accepted: int
    prelabels: int
    unchanged: int
    texts: int


@dataclass
class WordTally:
    """OutcomeCounts of one word, or of all words of a kind.

    Members as in `Cell`; `items` counts reviewed captures. `captures` has the counts of each capture, by its number.
    `time` and `time_collar` are None where nothing is measured by time. `words` and `characters` say something of a
    model that writes what it hears or reads: its silence is a text left out.
    """

    items: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    moved: array[float] = field(default_factory=lambda: array("d"))
    right: int = 0
    wrong: int = 0
    missed: int = 0
    tracks: TrackSums | None = None
    starts_us: array[int] = field(default_factory=lambda: array("q"))
    ends_us: array[int] = field(default_factory=lambda: array("q"))
    texts: int = 0
    captures: dict[int, OutcomeCounts] = field(default_factory=dict)
    time: TimeSums | None = None
    time_collar: TimeSums | None = None
    words: EditSums = field(default_factory=EditSums)
    characters: EditSums = field(default_factory=EditSums)

    @property
    def prelabels(self) -> int:
        return sum(self.outcomes[name] for name in OUTCOMES if name != "added")

    def add_cell(self, cell: Cell, capture: int) -> None:
        """One reviewed capture's part of a word that the model knows."""
        _, _, outcomes, moved, right, wrong, missed, starts_us, ends_us, texts, unchanged, whole, tracks = cell
        if outcomes:
            self.add_outcomes(outcomes)
            self._add_share(capture, outcomes.get("accepted", 0), _prelabels(outcomes), unchanged, texts)
        self.right += right
        self.wrong += wrong
        self.missed += missed
        self.texts += texts
        if moved:
            self.moved.extend(moved)
        if starts_us:
            self.starts_us.extend(starts_us)
            self.ends_us.extend(ends_us)
        if tracks is not None:
            self.tracks = self.tracks or TrackSums()
            self.tracks.add(TrackSums.of_row(tracks))
        self.add_whole(whole)

    def add_outcomes(self, outcomes: Mapping[Outcome, int]) -> None:
        mine = self.outcomes
        for name, count in outcomes.items():
            mine[name] += count

    def add_shares(self, cells: Sequence[Cell], capture: int) -> None:
        """What of one capture the shares of all these words are made of."""
        accepted = prelabels = unchanged = texts = 0
        for _, _, outcomes, _, _, _, _, _, _, kept, same, _, _ in cells:
            if outcomes:
                accepted += outcomes.get("accepted", 0)
                prelabels += _prelabels(outcomes)
                unchanged += same
                texts += kept
        self._add_share(capture, accepted, prelabels, unchanged, texts)

    def _add_share(self, capture: int, accepted: int, prelabels: int, unchanged: int, texts: int) -> None:
        if prelabels:
            self._add_counts(capture, _counts(accepted, prelabels, unchanged, texts))

    def add_whole(self, whole: Whole) -> None:
        """The number of items, and what does not add up over words."""
        self.items += 1
        time, written = whole
        if time is not None:
            self._add_time(TimeSums(*time[:4]), TimeSums(*time[4:]))
        if written is not None:
            edits, words, character_edits, characters = written
            self.words.add(EditSums(edits, words))
            self.characters.add(EditSums(character_edits, characters))

    def merge(self, other: WordTally, *, parts: bool, whole: bool) -> None:
        """Add another: what adds up over words (`parts`), and what does not: items, shares, time, texts (`whole`)."""
        if parts:
            self.add_outcomes(other.outcomes)
            self.moved += other.moved
            self.right += other.right
            self.wrong += other.wrong
            self.missed += other.missed
            self.starts_us += other.starts_us
            self.ends_us += other.ends_us
            self.texts += other.texts
            if other.tracks is not None:
                self.tracks = self.tracks or TrackSums()
                self.tracks.add(other.tracks)
        if whole:
            self.items += other.items
            if self.captures.keys().isdisjoint(other.captures):
                self.captures.update(other.captures)
            else:
                for capture, counts in other.captures.items():
                    self._add_counts(capture, counts)
            if other.time is not None and other.time_collar is not None:
                self._add_time(other.time, other.time_collar)
            self.words.add(other.words)
            self.characters.add(other.characters)

    def _add_time(self, exact: TimeSums, collar: TimeSums) -> None:
        self.time, self.time_collar = self.time or TimeSums(), self.time_collar or TimeSums()
        self.time.add(exact)
        self.time_collar.add(collar)

    def _add_counts(self, capture: int, counts: OutcomeCounts) -> None:
        mine = self.captures.get(capture)
        self.captures[capture] = counts if mine is None else _counts(*map(sum, zip(mine, counts, strict=True)))


def _prelabels(outcomes: Mapping[Outcome, int]) -> int:
    return sum(outcomes.values()) - outcomes.get("added", 0)


@lru_cache(maxsize=65536)
def _counts(accepted: int, prelabels: int, unchanged: int, texts: int) -> OutcomeCounts:
    """Hundreds of thousands of captures have the same few counts: one object each."""
    return OutcomeCounts(accepted, prelabels, unchanged, texts)
