"""What models' scores are worth, learnt from the reviews of the queue's random share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from prelabel.quality.pairs import ScorePair, score_pairs, text_pairs
from prelabel.quality.reviewed import Reviewed
from prelabel.quality.texts import ExpectedErrors, TextPair, expected_word_error_rate, main_language
from prelabel.triage.calibration import Calibration
from prelabel.triage.fitting import fit
from wire.labels import Source


def fit_all(items: Iterable[Reviewed], now: datetime) -> list[Calibration]:
    """One calibration per model file, from what was drawn by chance alone: what was chosen as doubtful would mislead.

    Settings do not part a model file here. Of a capture that it labelled under several, what people saw counts.

    Args:
        items: of a revision and capture, what was shown comes first; none is held longer than it takes to read it.
    """
    models: dict[str, Source] = {}
    scores: dict[str, list[ScorePair]] = defaultdict(list)
    texts: dict[str, list[TextPair]] = defaultdict(list)
    taken: set[tuple[str, str, str]] = set()
    for one in items:
        # What was opened before a model ran is no sample: the doubtful ones come first.
        key = str(one.model.sha256)
        about = (one.revision, one.capture, key)
        if not one.drawn_by_chance or about in taken:
            continue
        taken.add(about)
        models.setdefault(key, one.model)
        scores[key] += score_pairs([one])
        texts[key] += text_pairs([one], shown=True)
    return [
        fit(_file_of(models[key]), found, now).model_copy(update={"word_errors": word_errors(texts[key])})
        for key, found in sorted(scores.items())
        if found
    ]


def _file_of(model: Source) -> Source:
    """The model without the settings of the one item that it came from."""
    return model.model_copy(update={"package": None, "settings": None})


def word_errors(pairs: Sequence[TextPair]) -> dict[str, ExpectedErrors]:
    """What one model got wrong of what was said, by main language; where that is too much it fills in no text."""
    spoken = sorted({main_language(pair.language) for pair in pairs if pair.language is not None})
    rows = {name: expected_word_error_rate(name, pairs) for name in spoken}
    return {name: row for name, row in rows.items() if row is not None}
