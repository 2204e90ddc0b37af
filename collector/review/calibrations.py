"""The calibrations of models' scores, as rows: every fit there was, of which the newest of each key is in force."""

from __future__ import annotations

from collections.abc import Iterable

from collector.store.sql import Connection, text
from prelabel.triage.calibration import Calibration
from prelabel.triage.score_keys import ScoreKey
from wire.base import format_utc

_FIND = text(
    "SELECT body FROM calibration WHERE id IN (SELECT max(id) FROM calibration WHERE model_sha256 IN :models"
    " AND (configuration IS NULL OR configuration IN :configurations) GROUP BY model_sha256, configuration)"
)


def save_calibration(conn: Connection, calibration: Calibration) -> None:
    """Put it in force; what was known of these scores before stays as it was."""
    conn.execute(
        text(
            "INSERT INTO calibration (model_sha256, configuration, body, fitted_at)"
            " VALUES (:model, :configuration, :body, :at)"
        ),
        {
            "model": calibration.model.sha256,
            "configuration": calibration.configuration,
            "body": calibration.model_dump_json(by_alias=True),
            "at": format_utc(calibration.fitted_at),
        },
    )


def calibrations(conn: Connection, keys: Iterable[ScoreKey]) -> dict[ScoreKey, Calibration]:
    """The calibrations there are of these configurations and of their files."""
    asked = set(keys)
    models = sorted({key.sha256 for key in asked})
    if not models:
        return {}
    configurations = sorted({key.configuration for key in asked if key.configuration is not None})
    rows = conn.execute(_FIND, {"models": models, "configurations": configurations})
    found = [Calibration.read(body) for body in rows.scalars()]
    return {calibration.key: calibration for calibration in found}


def newest_fit(conn: Connection) -> str | None:
    """When the newest calibration was fitted, as UTC text."""
    at: str | None = conn.execute(text("SELECT max(fitted_at) FROM calibration")).scalar()
    return at
