"""What models' scores are worth, learnt from the reviews of the queue's random share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from collector.prelabels.gathering import Asked, Rows, reviewed
from collector.store.blobs import BlobStore
from prelabel.quality.pairs import score_pairs, text_pairs
from prelabel.quality.reviewed import Reviewed
from prelabel.quality.texts import ExpectedErrors, expected_word_error_rate, main_language
from prelabel.triage.calibration import Calibration, fit
from wire.labels import Source


def fit_all(rows: Iterable[Rows], blobs: BlobStore, now: datetime) -> list[Calibration]:
    """One calibration per model file, from what was drawn by chance alone: what was chosen as doubtful would mislead.

    Settings do not part a model file here. Of a capture that it labelled under several, what people saw counts.
    """
    items: dict[str, list[Reviewed]] = defaultdict(list)
    taken: set[tuple[str, str, str | None]] = set()
    for one in reviewed(filter(_unbiased, rows), blobs, Asked()):  # of an item, what was shown comes first
        about = (one.revision, one.capture, one.model.sha256)
        if about not in taken:
            taken.add(about)
            items[str(one.model.sha256)].append(one)
    pairs = {key: score_pairs(found) for key, found in sorted(items.items())}
    return [
        fit(_file_of(items[key][0].model), found, now).model_copy(update={"word_errors": word_errors(items[key])})
        for key, found in pairs.items()
        if found
    ]


def _file_of(model: Source) -> Source:
    """The model without the settings of the one item that it came from."""
    return model.model_copy(update={"package": None, "settings": None})


def word_errors(items: Sequence[Reviewed]) -> dict[str, ExpectedErrors]:
    """What one model got wrong of what was said, by main language; where that is too much it fills in no text."""
    pairs = text_pairs(items, shown=True)
    spoken = sorted({main_language(pair.language) for pair in pairs if pair.language is not None})
    rows = {name: expected_word_error_rate(name, pairs) for name in spoken}
    return {name: row for name, row in rows.items() if row is not None}


def _unbiased(row: Rows) -> bool:
    """Drawn by chance. What was opened before a model ran is no such sample: the doubtful ones come first."""
    return bool(row.revision.reason_kind == "random")
