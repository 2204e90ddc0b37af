"""The report on pre-labels, made of measured captures: every row, what costs people time, and what seeing changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from prelabel.quality.configurations import configurations, named
from prelabel.quality.costs import DEFAULT_COSTS, MIN_PRELABELS, unit_costs, worth
from prelabel.quality.estimates import Ratio, ratio
from prelabel.quality.matching import OUTCOMES
from prelabel.quality.measurement import Measured, ModelKey, Vocabulary
from prelabel.quality.shapes import (
    Anchoring,
    AveragePrecision,
    ClassWorth,
    Edits,
    Estimate,
    Found,
    IntervalScores,
    PrelabelReport,
    QualityRow,
    Share,
    TextScores,
    TrackScores,
    UnitCosts,
    boundary,
    estimates,
    found_shares,
    quartiles,
)
from prelabel.quality.sums import CUTS, Key, QualitySums, RowPart, Sample
from prelabel.quality.tally import WordTally
from prelabel.quality.texts import EditSums
from wire.labels import Source

_Rows = Mapping[Key, Mapping[Sample, Sequence[RowPart]]]
_Precisions = Mapping[tuple[Key, Sample], AveragePrecision]


def prelabel_report(
    sums_of: Callable[[Vocabulary], QualitySums],
    made_at: datetime,
    costs: Mapping[str, UnitCosts] | None = None,
    words: Vocabulary | None = None,
) -> PrelabelReport:
    """Compare pre-labels with what people made of them.

    One model file under two packages or settings counts as two models.

    Rows are by model and kind of label: in total, by word, by device, by step, and by all three (`each`, without
    average precision). Rows where nothing was labelled on either side have their number of items only.

    Args:
        sums_of: adds up the items for models that know certain words (`added_up`). It is called again where the items
            say that they know others.
        made_at: aware time.
        costs: seconds of people's acts by kind; None fits them where it can (`costs.unit_costs`).
        words: a first guess at the words that models know; a good one saves the second call.
    """
    sums = sums_of(words or {})
    if not sums.holds():
        sums = sums_of(sums.vocabulary())
    rows, precisions = sums.rows(), sums.precisions()
    seconds = dict(costs) if costs is not None else unit_costs(sums.work())
    told = configurations(sums.settings())
    classes = _classes(rows, sums.sources(), seconds, told)
    kinds = {key.kind for key in rows}
    of = sums.items_of
    return PrelabelReport(
        made_at=made_at,
        items=sums.items,
        random_items=of["shown-random"],
        blind_items=of["blind"],
        unseen_items=of["unseen"] + of["unseen-random"] + of["blind"],
        rows=_quality_rows(rows, precisions, sums, told),
        unit_costs=[seconds[kind] for kind in sorted(kinds & set(seconds))],
        classes=classes,
        costs_time=[row for row in classes if row.saved_seconds_per_100 < 0],
        anchoring=_anchoring(rows, sums.sources(), told),
    )


def added_up(
    items: Iterable[Measured], words: Vocabulary, progress: Callable[[int], None] | None = None
) -> QualitySums:
    """The sums of items, those of one revision one after another, measured for models that know these words.

    Args:
        progress: called with the number of items added up so far.
    """
    sums = QualitySums(words)
    for one in items:
        sums.add(one)
        if progress is not None:
            progress(sums.items)
    return sums


def _merged(parts: Sequence[RowPart]) -> WordTally:
    """All parts in one tally, which may be that of the only part: it is read, not added to."""
    if len(parts) == 1 and parts[0].parts and parts[0].whole:
        return parts[0].tally
    tally = WordTally()
    for part in parts:
        tally.merge(part.tally, parts=part.parts, whole=part.whole)
    return tally


class _Shared(NamedTuple):
    """What a row or a part of it says, but for the estimates, which are made of all rows at once."""

    items: int
    accepted: Ratio | None
    found: Found
    precision: AveragePrecision | None


class _Draft(NamedTuple):
    """A row whose estimates are still missing."""

    row: QualityRow
    accepted: Ratio | None
    unchanged: Ratio | None
    random: _Shared | None
    unseen: _Shared | None


def _quality_rows(
    rows: _Rows, precisions: _Precisions, sums: QualitySums, told: Mapping[Source, str]
) -> list[QualityRow]:
    keys = sorted(
        (key for key, samples in rows.items() if "all" in samples or "unseen" in samples),
        key=lambda key: (CUTS.index(key.cut), *(str(part or "") for part in key[1:])),
    )
    sources = sums.sources()
    drafts = [_draft(key, rows[key], precisions, sums, sources[key.model], told) for key in keys]
    shares = [share for draft in drafts for share in (draft.random, draft.unseen)]
    accepted = estimates([*(draft.accepted for draft in drafts), *(share and share.accepted for share in shares)])
    unchanged = estimates([draft.unchanged for draft in drafts])
    beside = iter(accepted[len(drafts) :])
    return [_row(draft, one, same, beside) for draft, one, same in zip(drafts, accepted, unchanged, strict=False)]


def _row(
    draft: _Draft, accepted: Estimate | None, unchanged: Estimate | None, beside: Iterator[Estimate | None]
) -> QualityRow:
    """The row with its estimates; `beside` has those of `random` and `unseen`, two for every row."""
    texts = draft.row.texts
    return draft.row.model_copy(
        update={
            "acceptance": accepted,
            "texts": texts and texts.model_copy(update={"unchanged": unchanged}),
            "random": _share(draft.random, next(beside)),
            "unseen": _share(draft.unseen, next(beside)),
        }
    )


def _share(part: _Shared | None, accepted: Estimate | None) -> Share | None:
    if part is None:
        return None
    return Share(items=part.items, acceptance=accepted, found=part.found, average_precision=part.precision)


def _draft(
    key: Key,
    samples: Mapping[Sample, Sequence[RowPart]],
    precisions: _Precisions,
    sums: QualitySums,
    model: Source,
    told: Mapping[Source, str],
) -> _Draft:
    seen = "all" in samples
    whole: Sample = "all" if seen else "unseen"
    chosen: Sample = "random" if seen else "unseen-random"
    tally = _merged(samples[whole])
    row = QualityRow(
        cut=key.cut,
        model=model,
        configuration=told.get(model),
        kind=key.kind,
        label=key.label,
        device=key.device,
        script_sha256=key.script,
        step=key.step,
        shown=seen,
        items=tally.items,
        edits=Edits(prelabels=tally.prelabels, **{name: tally.outcomes[name] for name in OUTCOMES}),
        acceptance=None,
        moved_iou=quartiles(tally.moved),
        found=_found(tally),
        average_precision=precisions.get((key, whole)),
        tracks=_track_scores(tally),
        intervals=_interval_scores(tally),
        texts=_text_scores(tally, sums.writes(key.model)),
    )
    return _Draft(
        row,
        _accepted(tally),
        None if row.texts is None else ratio((one.unchanged, one.texts) for one in tally.captures.values()),
        _shared(key, chosen, samples, precisions),
        _shared(key, "unseen", samples, precisions),
    )


def _shared(
    key: Key, sample: Sample, samples: Mapping[Sample, Sequence[RowPart]], precisions: _Precisions
) -> _Shared | None:
    if sample not in samples:
        return None
    tally = _merged(samples[sample])
    return _Shared(tally.items, _accepted(tally), _found(tally), precisions.get((key, sample)))


def _accepted(tally: WordTally) -> Ratio | None:
    return ratio((row.accepted, row.prelabels) for row in tally.captures.values())


def _found(tally: WordTally) -> Found:
    return found_shares(tally.right, tally.wrong, tally.missed)


def _track_scores(tally: WordTally) -> TrackScores | None:
    sums = tally.tracks
    if sums is None:
        return None
    return TrackScores(
        hota=round(sums.hota, 6),
        det_a=round(sums.det_a, 6),
        ass_a=round(sums.ass_a, 6),
        idf1=round(sums.idf1, 6),
        switches=sums.switches,
        frames=sums.frames,
    )


def _interval_scores(tally: WordTally) -> IntervalScores | None:
    time, collar = tally.time, tally.time_collar
    if time is None or collar is None:
        return None
    return IntervalScores(
        start=boundary(tally.starts_us),
        end=boundary(tally.ends_us),
        error_rate=_rounded(time.error_rate),
        error_rate_collar=_rounded(collar.error_rate),
        missed_seconds=time.missed / 1e6,
        false_seconds=time.false_alarm / 1e6,
        confused_seconds=time.confused / 1e6,
        truth_seconds=time.truth / 1e6,
    )


def _text_scores(tally: WordTally, writes: bool) -> TextScores | None:
    words, characters = (tally.words, tally.characters) if writes else (EditSums(), EditSums())
    if not (words.length or words.edits or tally.texts):
        return None
    return TextScores(
        word_error_rate=_rounded(words.error_rate),
        character_error_rate=_rounded(characters.error_rate),
        words=words.length,
        characters=characters.length,
        unchanged=None,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _classes(
    rows: _Rows, models: Mapping[ModelKey, Source], seconds: Mapping[str, UnitCosts], told: Mapping[Source, str]
) -> list[ClassWorth]:
    """Every class with pre-labels enough, the one that costs most first."""
    found = []
    for key, samples in rows.items():
        if key.cut != "class" or "all" not in samples:
            continue
        costs = seconds.get(key.kind, DEFAULT_COSTS.get(key.kind))
        basis: Sample = "random"
        tally = _merged(samples.get(basis, ()))
        if tally.prelabels < MIN_PRELABELS:
            basis = "all"
            tally = _merged(samples[basis])
        items = _merged(rows[Key("model", key.model, key.kind)][basis]).items
        model = models[key.model]
        name = named(model, told)
        row = costs and worth(model, name, key.kind, key.label or "", tally, items, costs, basis)
        if row:
            found.append(row)
    return sorted(found, key=lambda row: (row.saved_seconds_per_100, row.model.name, row.label))


def _anchoring(rows: _Rows, models: Mapping[ModelKey, Source], told: Mapping[Source, str]) -> list[Anchoring]:
    """Shown against blind, both drawn by chance alone: other items differ in more than in what people saw."""
    found = []
    for key in sorted((key for key, samples in rows.items() if "blind" in samples and key.cut == "model"), key=str):
        samples = rows[key]
        if "random" not in samples:
            continue
        blind, shown = _merged(samples["blind"]), _merged(samples["random"])
        with_sight, without = _found(shown).f1, _found(blind).f1
        if with_sight is None or without is None:
            continue
        found.append(
            Anchoring(
                model=models[key.model],
                kind=key.kind,
                shown_f1=with_sight,
                shown_items=shown.items,
                blind_f1=without,
                blind_items=blind.items,
                text=f"{named(models[key.model], told)}: people agree with it at F1 {with_sight:.2f} where they see its"
                f" pre-labels, {without:.2f} where they label blind.",
            )
        )
    return found
