"""Why a person should look at a task soon: doubts about its pre-labels, each with its worth and a sentence. Pure.

Every doubt is worth 0..1. The queue shows the first, which is worth most, as its reason, and sorts by `combined`: the
sum, because two independent reasons are better than one, at most 2, so that none outweighs two days of waiting. Of
doubts worth the same the one that tells a person most comes first: a conflict with the script before all others, a
score that is even odds last.

uncertainty   1 - |2p - 1| of the least certain pre-label, p its score after calibration
flicker       a track that jumps, breaks off, is not seen for long, or shares its place with another word
disagreement  1 - F1 between two models that looked at the same capture, over the words that both know
conflict      what the script expects and what the models found do not go together
transcript    words the recogniser was unsure of, or text where no speech was found
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np

from prelabel.geometry.overlap import overlap_table
from prelabel.quality.matching import found
from prelabel.quality.texts import spoken
from prelabel.triage.calibration import Calibration
from prelabel.triage.score_keys import ScoreKey, score_keys
from prelabel.triage.track_faults import track_faults
from wire.labels import Box, Interval, Label, LabelsDocument, Source, Track
from wire.tasks import TaskType

DoubtKind = Literal["uncertainty", "flicker", "disagreement", "conflict", "transcript"]
Calibrations = Mapping[ScoreKey, Calibration]
Vocabularies = Mapping[str, Collection[str]]

MOST = 2.0
SHIFTED = 0.1  # a calibrated score that differs by more is explained
NEAR = 0.7  # a label in doubt by this much is near the threshold: p between 0.35 and 0.65
LEAST = 0.02  # what is less in doubt is no reason
_TELLING: tuple[DoubtKind, ...] = ("conflict", "transcript", "disagreement", "flicker", "uncertainty")


@dataclass(frozen=True)
class Doubt:
    """One reason to look: its kind, one plain sentence, and what it is worth, 0..1."""

    kind: DoubtKind
    text: str
    worth: float


def reasons(
    kind: TaskType,
    speaks: bool,
    objects: Sequence[str],
    documents: Sequence[LabelsDocument],
    calibrations: Calibrations | None = None,
    vocabularies: Vocabularies | None = None,
    beside: Sequence[LabelsDocument] = (),
) -> list[Doubt]:
    """Every doubt about the pre-labels of one task, the one worth most first, at most one of each kind.

    Args:
        kind: the task's type.
        speaks: whether the script asks somebody to say something.
        objects: the things the script expects to be seen.
        documents: the pre-labels of the captures the task labels, one document per capture and source.
        calibrations: of the configurations that made the labels, and of their files for what has none of its own.
        vocabularies: the words each model knows (`names` of its package), by its sha256. A word that one model does
            not know is no disagreement, and an object that no model knows is no conflict. A model that is not in it
            is taken to know the words it used, and to miss any object.
        beside: what models said that people are not shown. It speaks for and against the documents; a doubt about it
            alone is none, for there is nothing to correct.
    """
    every = [*documents, *beside]
    found_doubts = [
        uncertainty(documents, calibrations or {}),
        flicker(documents) if kind == "tracks" else None,
        disagreement(every, vocabularies or {}),
        conflict(kind, speaks, objects, every, vocabularies or {}),
        transcript(documents, beside) if kind == "speech" else None,
    ]
    doubts = [doubt for doubt in found_doubts if doubt is not None and doubt.worth >= LEAST]
    return sorted(doubts, key=lambda doubt: (-doubt.worth, _TELLING.index(doubt.kind)))


def combined(doubts: Iterable[Doubt]) -> float:
    """What all doubts together are worth to the queue, 0..2."""
    return min(MOST, sum(doubt.worth for doubt in doubts))


def uncertainty(documents: Iterable[LabelsDocument], calibrations: Calibrations) -> Doubt | None:
    """The doubt about the least certain pre-label; None without scores."""
    rows = [row for document in documents for row in _chances(document, calibrations)]
    if not rows:
        return None
    least = min(rows, key=lambda row: abs(row.chance - 0.5))
    near = sum(_unsure(row.chance) >= NEAR for row in rows)
    more = f"; {near} of {len(rows)} labels are unsure" if near > 1 else ""
    return Doubt("uncertainty", f"Least certain: {_confidence(least)}{more}.", _unsure(least.chance))


class _Chance(NamedTuple):
    """A pre-label with the probability that it is right; `borrowed`: learnt from all configurations of its model."""

    label: Label
    chance: float
    borrowed: bool


def _chances(document: LabelsDocument, calibrations: Calibrations) -> Iterator[_Chance]:
    """Of the labels with a score."""
    keys = score_keys(document)
    for label in document.labels:
        if label.score is None:
            continue
        key = keys.get(label.source or document.source)
        known = None if key is None else calibrations.get(key) or calibrations.get(ScoreKey(key.sha256))
        if key is None or known is None:
            yield _Chance(label, label.score, borrowed=False)
        else:
            borrowed = key.configuration is not None and known.fitted_on == "file"
            yield _Chance(label, known.apply(label.label, label.score), borrowed)


def _unsure(chance: float) -> float:
    """0 (certain, either way) to 1 (even odds)."""
    return 1 - abs(2 * chance - 1)


def _confidence(row: _Chance) -> str:
    """The score as people see it on the label; what it is worth where reviews have shown that it is worth another."""
    score = row.label.score or 0.0
    known = ""
    if abs(row.chance - score) > SHIFTED:
        known = f", which is right {row.chance:.0%} of the time"
        known += " over all settings of the model" if row.borrowed else ""
    return f"{row.label.label}, {score:.0%}{known}"


def flicker(documents: Iterable[LabelsDocument]) -> Doubt | None:
    """The doubt about the most troubled track."""
    rows = [
        trouble
        for document in documents
        for trouble in track_faults([label for label in document.labels if isinstance(label, Track)])
    ]
    worst = max(rows, key=lambda row: row.worth, default=None)
    return Doubt("flicker", worst.text, worst.worth) if worst is not None and worst.text else None


def disagreement(documents: Sequence[LabelsDocument], vocabularies: Vocabularies) -> Doubt | None:
    """The two models that differ most about one capture: 1 - F1 of labels of one word at overlap 0.5 or more.

    Intervals are compared by their time, not one by one: two models cut the same speech in different places.
    """
    worst: Doubt | None = None
    known = _known(documents, vocabularies)
    for first, second in combinations(documents, 2):
        if first.capture != second.capture or not (_is_model(first) and _is_model(second)):
            continue
        words = known[_key(first.source)] & known[_key(second.source)]
        ours, theirs = ([label for label in row.labels if label.label in words] for row in (first, second))
        alike = not ours or not theirs or {row.kind for row in ours} & {row.kind for row in theirs}
        if first.source.sha256 == second.source.sha256 or not alike or not (ours or theirs):
            continue
        names = _names(first.source, second.source)
        times = [[label for label in rows if isinstance(label, Interval)] for rows in (ours, theirs)]
        doubt = _time_apart(names, *times) if any(times) else _places_apart(names, ours, theirs)
        if worst is None or doubt.worth > worst.worth:
            worst = doubt
    return worst


def conflict(
    kind: TaskType,
    speaks: bool,
    objects: Sequence[str],
    documents: Sequence[LabelsDocument],
    vocabularies: Vocabularies | None = None,
) -> Doubt | None:
    """How the script and what the models found disagree; None when they do not, or when no model looked."""
    looked = [document for document in documents if _is_model(document)]
    if not looked:
        return None
    labels = [label for document in looked for label in document.labels]
    if kind == "speech":
        heard = any(isinstance(label, Interval) and _is_speech(label) for label in labels)
        if speaks and not heard:
            return Doubt("conflict", "The script expects something to be said; no speech was found.", 1.0)
        if heard and not speaks:
            return Doubt("conflict", "Speech was found where the script expects none.", 1.0)
    if kind in ("boxes", "tracks"):
        seen = {label.label.casefold() for label in labels if isinstance(label, Box | Track)}
        if "face" in seen:
            seen.add("person")  # a face detector knows no other word for somebody being there
        missing = [name for name in objects if name.casefold() not in seen and _knowable(name, looked, vocabularies)]
        if missing:
            return Doubt("conflict", f"The script expects {', '.join(missing)}; the models found none.", 1.0)
    return None


def transcript(documents: Sequence[LabelsDocument], beside: Sequence[LabelsDocument] = ()) -> Doubt | None:
    """The doubt about what was heard: the worse of unsure words and of text where a speech detector heard none."""
    doubts = [_unsure_words(documents), _text_without_speech(documents, beside)]
    return max((doubt for doubt in doubts if doubt is not None), key=lambda doubt: doubt.worth, default=None)


def _is_model(document: LabelsDocument) -> bool:
    return document.source.kind == "model"


def _key(source: Source) -> tuple[str, str | None]:
    return source.name, source.sha256


def _known(
    documents: Sequence[LabelsDocument], vocabularies: Vocabularies
) -> dict[tuple[str, str | None], frozenset[str]]:
    """The words of each model; two versions of one model share what either used."""
    used: dict[str, set[str]] = defaultdict(set)
    for document in documents:
        used[document.source.name].update(label.label for label in document.labels)
    return {
        _key(document.source): frozenset(
            vocabularies.get(document.source.sha256 or "", used[document.source.name])
        )
        for document in documents
    }  # fmt: skip


def _places_apart(names: tuple[str, str], ours: Sequence[Label], theirs: Sequence[Label]) -> Doubt:
    """Names the word whose counts differ most; where they are equal, that things lie elsewhere."""
    same = found(ours, theirs, overlap_table(ours, theirs))
    worth = 1 - 2 * len(same.pairs) / (len(ours) + len(theirs))
    left, right = Counter(label.label for label in ours), Counter(label.label for label in theirs)
    word = max(sorted(set(left) | set(right)), key=lambda name: abs(left[name] - right[name]))
    if left[word] != right[word]:
        saw = _many(left[word], word) if left[word] else f"no {word}"
        text = f"{names[0]} saw {saw}, {names[1]} {right[word] or 'none'}."
    else:
        text = f"{names[0]} and {names[1]} both saw {_many(sum(left.values()), 'thing')}, not in the same places."
    return Doubt("disagreement", text, worth)


def _time_apart(names: tuple[str, str], ours: Sequence[Interval], theirs: Sequence[Interval]) -> Doubt:
    left = right = both = 0
    for word in {label.label for label in (*ours, *theirs)}:
        one, other = (
            _joined((label.start_us, label.end_us) for label in rows if label.label == word) for rows in (ours, theirs)
        )
        left += sum(end - start for start, end in one)
        right += sum(end - start for start, end in other)
        both += sum(_shared(start, end, other) for start, end in one)
    found_by = f"{names[0]} found {left / 1e6:.1f} s, {names[1]} {right / 1e6:.1f} s"
    text = f"{found_by}, of which {both / 1e6:.1f} s are the same."
    return Doubt("disagreement", text, 1 - 2 * both / (left + right))


def _names(first: Source, second: Source) -> tuple[str, str]:
    """What to call two models; versions of one model by their version."""
    if first.name != second.name:
        return first.name, second.name
    return f"{first.name} {_edition(first)}", f"{second.name} {_edition(second)}"


def _edition(source: Source) -> str:
    return source.version or (source.sha256 or "")[:8]


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} × {word}"


def _is_speech(label: Interval) -> bool:
    return "speech" in label.label.casefold() or bool(spoken(label))


def _knowable(name: str, looked: Sequence[LabelsDocument], vocabularies: Vocabularies | None) -> bool:
    """Whether any model that looked could have seen a thing; one of unknown vocabulary could have."""
    for document in looked:
        words = (vocabularies or {}).get(document.source.sha256 or "")
        if words is None:
            return True
        folded = {word.casefold() for word in words}
        if name.casefold() in folded or (name.casefold() == "person" and "face" in folded):
            return True
    return False


def _unsure_words(documents: Sequence[LabelsDocument]) -> Doubt | None:
    """The interval whose words have the lowest mean score."""
    worst: tuple[float, Interval] | None = None
    for document in documents:
        for label in document.labels:
            if isinstance(label, Interval) and label.words:
                scores = [word.score for word in label.words if word.score is not None]
                mean = float(np.mean(scores)) if scores else 1.0
                if worst is None or mean < worst[0]:
                    worst = (mean, label)
    if worst is None:
        return None
    mean, label = worst
    where = f"from {label.start_us / 1e6:.1f} s to {label.end_us / 1e6:.1f} s"
    return Doubt("transcript", f"The words {where} have a mean score of {mean:.0%} only.", 1 - mean)


def _text_without_speech(documents: Sequence[LabelsDocument], beside: Sequence[LabelsDocument]) -> Doubt | None:
    """The share of the time with text in which another model, one that writes none, found no speech."""
    with_text = without = 0
    for document in documents:
        text = [label for label in document.labels if isinstance(label, Interval) and spoken(label)]
        others = [
            other
            for other in (*documents, *beside)
            if other.capture == document.capture
            and _is_model(other)
            and not any(spoken(label) for label in other.labels)
        ]
        if not text or not others or not _is_model(document):
            continue
        speech = _joined(
            (label.start_us, label.end_us)
            for other in others
            for label in other.labels
            if isinstance(label, Interval) and _is_speech(label)
        )
        for start, end in _joined((label.start_us, label.end_us) for label in text):
            with_text += end - start
            without += end - start - _shared(start, end, speech)
    if not without:
        return None
    sentence = f"Text stands where no speech was found, for {without / 1e6:.1f} s of {with_text / 1e6:.1f} s."
    return Doubt("transcript", sentence, without / with_text)


def _shared(start: int, end: int, stretches: Iterable[tuple[int, int]]) -> int:
    """How much of one stretch lies in others that do not overlap each other."""
    return sum(max(0, min(end, b) - max(start, a)) for a, b in stretches)


def _joined(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches that touch or overlap made one, in order."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result
