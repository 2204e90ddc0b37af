"""Which scores mean the same: the configurations of a model file, as calibrations tell them apart. Pure.

A configuration is what the quality report calls a model (the file, its package and the settings it ran with), with one
exception. Of detectors on stills that differ in nothing but `score`, `scores` and `floor` of their thresholds, one
reports fewer of the same boxes with the same scores; whether a box of a given score is right does not depend on it.
So these are one configuration, without the hash of their package, which the thresholds are part of. Elsewhere a
threshold decides more than what is left out: where tracks begin and which sightings their score is the mean of, where
the intervals of a sound end. What merges boxes (`iou`, `agnostic`) always counts, as do names, input and runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from wire.canonical import document_hash
from wire.labels import LabelsDocument, Source

_SELECTING = ("score", "scores", "floor")
_OF_VIDEO = frozenset({"looks_per_second", "max_looks", "max_looks_per_second"})  # settings of what follows tracks


class ScoreKey(NamedTuple):
    """The scores of a model file under one configuration; None: under any, or under one that was not recorded."""

    sha256: str
    configuration: str | None = None


def score_settings(source: Source, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the scores of a model depend on beside its file, of the settings that it ran with."""
    if "input" in settings and "thresholds" in settings and not _OF_VIDEO & settings.keys():
        deciding = {name: value for name, value in settings["thresholds"].items() if name not in _SELECTING}
        return {**settings, "thresholds": deciding}
    return {**settings, "package": source.package}


def score_key(source: Source, settings: Mapping[str, Any] | None) -> ScoreKey:
    """Where the calibration of a model's scores is found.

    Args:
        source: a model.
        settings: those it ran with; None where they were not recorded.
    """
    sha256 = str(source.sha256)
    return ScoreKey(sha256, None if settings is None else document_hash(score_settings(source, settings)))


def score_keys(document: LabelsDocument) -> dict[Source, ScoreKey]:
    """The key of every model that a label of the document comes from."""
    sources = {document.source, *(label.source for label in document.labels if label.source is not None)}
    return {
        source: score_key(source, document.settings.get(source.settings or ""))
        for source in sources
        if source.kind == "model"
    }
