"""The report on pre-labels: every reviewed item compared once, its sums added up along every cut."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from prelabel.quality.boxes import Picture, Thing, average_precision
from prelabel.quality.configurations import configurations, named
from prelabel.quality.costs import DEFAULT_COSTS, MIN_PRELABELS, Work, unit_costs, worth
from prelabel.quality.matching import OUTCOMES, Change
from prelabel.quality.reviewed import Reviewed
from prelabel.quality.shapes import (
    Anchoring,
    AveragePrecision,
    ClassWorth,
    Cut,
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
    estimate,
    found_shares,
    quartiles,
)
from prelabel.quality.tally import WordTally, tallies
from prelabel.quality.texts import spoken
from wire.labels import Label, Source

Sample = Literal["all", "random", "unseen", "unseen-random", "blind"]
_Model = tuple[str, str | None, str | None, str | None, str | None]
_THINGS = ("box", "polygon", "mask", "keypoints")
_CUTS: tuple[Cut, ...] = ("model", "class", "device", "step", "each")


class _Key(NamedTuple):
    """Which row: None where the cut does not part."""

    cut: Cut
    model: _Model
    kind: str
    label: str | None = None
    device: str | None = None
    script: str | None = None
    step: str | None = None


_Sums = dict[tuple[_Key, Sample], WordTally]
_Precisions = dict[tuple[_Key, Sample], AveragePrecision]


def prelabel_report(
    items: Iterable[Reviewed],
    made_at: datetime,
    costs: Mapping[str, UnitCosts] | None = None,
    progress: Callable[[int], None] | None = None,
) -> PrelabelReport:
    """Compare pre-labels with what people made of them.

    One model file under two packages or settings counts as two models.

    Rows are by model and kind of label: in total, by word, by device, by step, and by all three (`each`, without
    average precision). Rows where nothing was labelled on either side have their number of items only.

    Args:
        items: held in memory until the report is done.
        made_at: aware time.
        costs: seconds of people's acts by kind; None fits them where it can (`costs.unit_costs`).
        progress: called with the number of items compared so far.
    """
    rows = list(items)
    models = {_model_key(item.model): item.model for item in rows}
    writers = {
        _model_key(item.model) for item in rows if any(spoken(label) is not None for label in item.before.labels)
    }
    words = _words(rows)
    sums: _Sums = defaultdict(WordTally)
    work: dict[str, list[tuple[Reviewed, Sequence[Change]]]] = defaultdict(list)
    for count, item in enumerate(rows, start=1):
        model = _model_key(item.model)
        made = tallies(item, words[model], model in writers)
        for (kind, label), tally in made.cells.items():
            _add(sums, item, kind, label, tally)
        if item.active_ms is not None and item.shown:
            work[item.revision].append((item, made.changes))
        if progress is not None:
            progress(count)
    precisions = _precisions(rows, words)
    seconds = dict(costs) if costs is not None else unit_costs(_work(work))
    told = configurations(rows)
    classes = _classes(sums, models, seconds, told)
    kinds = {key.kind for key, _ in sums}
    return PrelabelReport(
        made_at=made_at,
        items=len(rows),
        random_items=sum(item.drawn_by_chance and item.shown for item in rows),
        blind_items=sum(item.blind for item in rows),
        unseen_items=sum(not item.shown for item in rows),
        rows=_rows(sums, precisions, models, told),
        unit_costs=[seconds[kind] for kind in sorted(kinds & set(seconds))],
        classes=classes,
        costs_time=[row for row in classes if row.saved_seconds_per_100 < 0],
        anchoring=_anchoring(sums, models, told),
    )


def _model_key(model: Source) -> _Model:
    return model.name, model.version, model.sha256, model.package, model.settings


def _words(rows: Sequence[Reviewed]) -> dict[_Model, frozenset[str]]:
    """The words each model knows, as far as the items say."""
    found: dict[_Model, set[str]] = defaultdict(set)
    for item in rows:
        found[_model_key(item.model)] |= item.words or set()
        found[_model_key(item.model)].update(label.label for label in item.before.labels)
    return {model: frozenset(words) for model, words in found.items()}


def _samples(item: Reviewed) -> tuple[Sample, ...]:
    if item.shown:
        return ("all", "random") if item.drawn_by_chance else ("all",)
    if item.blind:
        return ("unseen", "unseen-random", "blind")
    return ("unseen", "unseen-random") if item.drawn_by_chance else ("unseen",)


def _key(cut: Cut, item: Reviewed, kind: str, label: str | None) -> _Key:
    return _Key(
        cut,
        _model_key(item.model),
        kind,
        label if cut in ("class", "each") else None,
        item.device if cut in ("device", "each") else None,
        item.script_sha256 if cut in ("step", "each") else None,
        item.step if cut in ("step", "each") else None,
    )


def _add(sums: _Sums, item: Reviewed, kind: str, label: str | None, tally: WordTally) -> None:
    """Add one tally to every cut. A word's tally has the parts of the total, the tally of all words the rest."""
    for cut in _CUTS:
        by_word = cut in ("class", "each")
        if by_word and label is None:
            continue
        for sample in _samples(item):
            into = sums[_key(cut, item, kind, label), sample]
            into.add(tally, parts=label is not None, whole=by_word or label is None)


def _work(found: Mapping[str, Sequence[tuple[Reviewed, Sequence[Change]]]]) -> list[Work]:
    """The revisions whose active time can be explained: one model on each capture, labels of one kind."""
    rows = []
    for parts in found.values():
        captures = [item.capture for item, _ in parts]
        changes = [change for _, made in parts for change in made]
        kinds = {change.label.kind for change in changes}
        active_ms = parts[0][0].active_ms
        if len(kinds) == 1 and len(set(captures)) == len(captures) and active_ms is not None:
            counts = {name: sum(change.outcome == name for change in changes) for name in OUTCOMES}
            rows.append(Work(kinds.pop(), counts, active_ms))
    return rows


def _precisions(rows: Sequence[Reviewed], words: Mapping[_Model, frozenset[str]]) -> _Precisions:
    """Average precision of things on stills for every cut but the finest; that of words comes with that of all."""
    groups: dict[tuple[_Key, Sample], list[Picture]] = defaultdict(list)
    for item in rows:
        known = [label for label in item.after.labels if label.label in words[_model_key(item.model)]]
        for kind in _THINGS:
            picture = Picture(_things(item.before.labels, kind), _things(known, kind), item.size)
            if picture.made or picture.truth:
                for cut in ("model", "device", "step"):
                    for sample in _samples(item):
                        groups[_key(cut, item, kind, None), sample].append(picture)
    result: _Precisions = {}
    for (key, sample), pictures in groups.items():
        whole, each = average_precision(pictures)
        if whole is not None:
            result[key, sample] = whole
        if key.cut == "model":
            for label, row in each.items():
                result[key._replace(cut="class", label=label), sample] = row
    return result


def _things(labels: Sequence[Label], kind: str) -> list[Thing]:
    return [label for label in labels if isinstance(label, Thing) and label.kind == kind]


def _rows(
    sums: _Sums, precisions: _Precisions, models: Mapping[_Model, Source], told: Mapping[Source, str]
) -> list[QualityRow]:
    keys = sorted(
        {key for key, sample in sums if sample in ("all", "unseen")},
        key=lambda key: (_CUTS.index(key.cut), *(str(part or "") for part in key[1:])),
    )
    result = []
    for key in keys:
        seen = (key, "all") in sums
        whole: Sample = "all" if seen else "unseen"
        chosen: Sample = "random" if seen else "unseen-random"
        tally, chance, unseen = sums[key, whole], sums.get((key, chosen)), sums.get((key, "unseen"))
        result.append(
            QualityRow(
                cut=key.cut,
                model=models[key.model],
                configuration=told.get(models[key.model]),
                kind=key.kind,
                label=key.label,
                device=key.device,
                script_sha256=key.script,
                step=key.step,
                shown=seen,
                items=tally.items,
                edits=Edits(prelabels=tally.prelabels, **{name: tally.outcomes[name] for name in OUTCOMES}),
                acceptance=_acceptance(tally),
                moved_iou=quartiles(tally.moved),
                found=_found(tally),
                average_precision=precisions.get((key, whole)),
                tracks=_track_scores(tally),
                intervals=_interval_scores(tally),
                texts=_text_scores(tally),
                random=None if chance is None else _share(chance, precisions.get((key, chosen))),
                unseen=None if unseen is None else _share(unseen, precisions.get((key, "unseen"))),
            )
        )
    return result


def _share(tally: WordTally, precision: AveragePrecision | None) -> Share:
    return Share(
        items=tally.items,
        acceptance=_acceptance(tally),
        found=_found(tally),
        average_precision=precision,
    )


def _acceptance(tally: WordTally) -> Estimate | None:
    return estimate((row.accepted, row.prelabels) for row in tally.captures.values())


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
    time, collar = tally.whole.time, tally.whole.time_collar
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


def _text_scores(tally: WordTally) -> TextScores | None:
    words, characters = tally.whole.words, tally.whole.characters
    if not (words.length or words.edits or tally.texts):
        return None
    return TextScores(
        word_error_rate=_rounded(words.error_rate),
        character_error_rate=_rounded(characters.error_rate),
        words=words.length,
        characters=characters.length,
        unchanged=estimate((row.unchanged, row.texts) for row in tally.captures.values()),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _classes(
    sums: _Sums, models: Mapping[_Model, Source], seconds: Mapping[str, UnitCosts], told: Mapping[Source, str]
) -> list[ClassWorth]:
    """Every class with pre-labels enough, the one that costs most first."""
    rows = []
    for key in [key for key, sample in sums if sample == "all" and key.cut == "class"]:
        costs = seconds.get(key.kind, DEFAULT_COSTS.get(key.kind))
        chance = sums.get((key, "random"))
        basis: Sample = "random" if chance is not None and chance.prelabels >= MIN_PRELABELS else "all"
        items = sums[_Key("model", key.model, key.kind), basis].items
        model = models[key.model]
        name = named(model, told)
        row = costs and worth(model, name, key.kind, key.label or "", sums[key, basis], items, costs, basis)
        if row:
            rows.append(row)
    return sorted(rows, key=lambda row: (row.saved_seconds_per_100, row.model.name, row.label))


def _anchoring(sums: _Sums, models: Mapping[_Model, Source], told: Mapping[Source, str]) -> list[Anchoring]:
    """Shown against blind, both drawn by chance alone: other items differ in more than in what people saw."""
    rows = []
    for key in sorted({key for key, sample in sums if sample == "blind" and key.cut == "model"}, key=str):
        blind = sums[key, "blind"]
        shown = sums.get((key, "random"))
        if shown is None:
            continue
        with_sight, without = _found(shown).f1, _found(blind).f1
        if with_sight is None or without is None:
            continue
        rows.append(
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
    return rows
