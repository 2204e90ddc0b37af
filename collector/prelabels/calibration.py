"""What models' scores are worth, learnt from the reviews of the queue's random share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from prelabel.quality.pairs import ScorePair, score_pairs, text_pairs
from prelabel.quality.reviewed import Reviewed
from prelabel.quality.texts import ExpectedErrors, TextPair, expected_word_error_rate, main_language
from prelabel.triage.calibration import Calibration
from prelabel.triage.configuration_fits import fit_configuration
from prelabel.triage.fitting import fit
from prelabel.triage.score_keys import score_key, score_settings
from wire.labels import Source


@dataclass
class _Sample:
    """Reviewed pre-labels of a model. Of a capture that it labelled several times in here, what came first counts."""

    pairs: list[ScorePair] = field(default_factory=list)
    texts: list[TextPair] = field(default_factory=list)
    taken: set[tuple[str, str]] = field(default_factory=set)

    def add(self, one: Reviewed, pairs: Sequence[ScorePair], texts: Sequence[TextPair]) -> None:
        about = (one.revision, one.capture)
        if about not in self.taken:
            self.taken.add(about)
            self.pairs += pairs
            self.texts += texts


class _File:
    """What was reviewed of one model file: in all, under each configuration, and of each package."""

    def __init__(self, model: Source) -> None:
        # Without the package and settings of the one item that it comes from.
        self._model = model.model_copy(update={"package": None, "settings": None})
        self._whole = _Sample()
        self._configurations: dict[str, _Sample] = defaultdict(_Sample)
        self._packages: dict[str, _Sample] = defaultdict(_Sample)
        self._keys: dict[Source, str | None] = {}
        self._settings: dict[str, dict[str, Any]] = {}

    def add(self, one: Reviewed) -> None:
        samples = [self._whole]
        if (configuration := self._configuration(one)) is not None:
            samples.append(self._configurations[configuration])
        if one.model.package is not None:
            samples.append(self._packages[one.model.package])
        pairs, texts = score_pairs([one]), text_pairs([one], shown=True)
        for sample in samples:
            sample.add(one, pairs, texts)

    def _configuration(self, one: Reviewed) -> str | None:
        if one.model not in self._keys:
            settings = one.before.settings.get(one.model.settings or "")
            found = self._keys[one.model] = score_key(one.model, settings).configuration
            if settings is not None and found is not None:
                self._settings[found] = score_settings(one.model, settings)
        return self._keys[one.model]

    def fits(self, now: datetime) -> list[Calibration]:
        """That of the file first; none where there are no pairs."""
        if not self._whole.pairs:
            return []
        whole = fit(self._model, self._whole.pairs, now)
        by_package = {package: word_errors(sample.texts) for package, sample in sorted(self._packages.items())}
        errors = {
            "word_errors": word_errors(self._whole.texts),
            "package_errors": {package: rows for package, rows in by_package.items() if rows},
        }
        own = [
            fit_configuration(whole, self._settings[configuration], sample.pairs)
            for configuration, sample in sorted(self._configurations.items())
            if sample.pairs
        ]
        return [whole.calibration.model_copy(update=errors), *own]


def fit_all(items: Iterable[Reviewed], now: datetime) -> list[Calibration]:
    """The calibrations of each model file and of each of its configurations whose settings were recorded.

    From what was drawn by chance alone: what was chosen as doubtful would mislead.

    Args:
        items: of a revision and capture, what was shown comes first; none is held longer than it takes to read it.
    """
    files: dict[str, _File] = {}
    for one in items:
        # What was opened before a model ran is no sample: the doubtful ones come first.
        if one.drawn_by_chance:
            files.setdefault(str(one.model.sha256), _File(one.model)).add(one)
    return [found for _, file in sorted(files.items()) for found in file.fits(now)]


def word_errors(pairs: Sequence[TextPair]) -> dict[str, ExpectedErrors]:
    """What one model got wrong of what was said, by main language; where that is too much it fills in no text."""
    spoken = sorted({main_language(pair.language) for pair in pairs if pair.language is not None})
    rows = {name: expected_word_error_rate(name, pairs) for name in spoken}
    return {name: row for name, row in rows.items() if row is not None}
