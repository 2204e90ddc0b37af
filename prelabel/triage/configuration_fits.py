"""Which calibration one configuration of a model file gets: a fit of its own, or that of the whole file. Pure.

A configuration of few reviewed pre-labels borrows from the others of its file, because a fit on few pairs is worse than
one on many that are nearly alike. How alike they are is not known in advance: another release of the runtime changes
next to nothing, another size of the input much. So both fits are tried at pairs of captures they did not see, and the
configuration gets its own where that one foretells them better. Each says why (`Calibration.why`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prelabel.quality.pairs import ScorePair
from prelabel.triage.calibration import Calibration
from prelabel.triage.fitting import TEMPERATURE_EACH, TEMPERATURE_PAIRS, Fit, are_too_few, fit
from wire.canonical import document_hash


def fit_configuration(whole: Fit, settings: dict[str, Any], pairs: Sequence[ScorePair]) -> Calibration:
    """Calibrate one configuration.

    Args:
        whole: the fit of the file over all configurations.
        settings: what its scores depend on (`score_keys.score_settings`).
        pairs: those of this configuration, at least one, of captures that are in `whole` too.
    """
    found, why = _chosen(whole, pairs)
    about = {"configuration": document_hash(settings), "settings": settings, "why": why}
    return found.calibration.model_copy(
        update={**about, "fitted_on": "file" if found is whole and whole.pairs != pairs else "configuration"}
    )


def _chosen(whole: Fit, pairs: Sequence[ScorePair]) -> tuple[Fit, str]:
    if whole.pairs == pairs:
        return whole, f"The {len(pairs)} pairs under these settings are those of the whole file."
    if are_too_few(pairs):
        right = sum(pair.correct for pair in pairs)
        return whole, (
            f"{len(pairs)} pairs ({right} right, {len(pairs) - right} wrong) under these settings are too few for a fit"
            f" of their own, which needs {TEMPERATURE_PAIRS} with {TEMPERATURE_EACH} of each on two captures; all"
            f" {len(whole.pairs)} pairs of the file are used."
        )
    own = fit(whole.calibration.model, pairs, whole.calibration.fitted_at)
    mine, shared = own.unseen_loss(pairs), whole.unseen_loss(pairs)
    losses = f"mean log loss at captures not seen {mine:.3f} against {shared:.3f}"
    if mine < shared:
        return own, f"{len(pairs)} pairs under these settings foretell others better than all of the file ({losses})."
    return whole, (
        f"{len(pairs)} pairs under these settings do not foretell others better than all {len(whole.pairs)} of the"
        f" file ({losses}); all are used."
    )
