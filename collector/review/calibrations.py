"""The calibration of each model's scores, as rows: every fit there was, of which the newest of a model is in force."""

from __future__ import annotations

from collections.abc import Iterable

from collector.store.sql import Connection, text
from prelabel.triage.calibration import Calibration
from wire.base import format_utc

_FIND = text(
    "SELECT body FROM calibration WHERE id IN"
    " (SELECT max(id) FROM calibration WHERE model_sha256 IN :models GROUP BY model_sha256)"
)


def keep_calibration(conn: Connection, calibration: Calibration) -> None:
    """Put it in force; what was known of this model's scores before stays as it was."""
    conn.execute(
        text("INSERT INTO calibration (model_sha256, body, fitted_at) VALUES (:model, :body, :at)"),
        {
            "model": calibration.model.sha256,
            "body": calibration.model_dump_json(by_alias=True),
            "at": format_utc(calibration.fitted_at),
        },
    )


def calibrations(conn: Connection, models: Iterable[str | None]) -> dict[str, Calibration]:
    """The calibrations there are of these models, by sha256."""
    asked = sorted({model for model in models if model is not None})
    if not asked:
        return {}
    found = [Calibration.read(body) for body in conn.execute(_FIND, {"models": asked}).scalars()]
    return {calibration.model.sha256 or "": calibration for calibration in found}


def newest_fit(conn: Connection) -> str | None:
    """When the newest calibration was fitted, as UTC text."""
    at: str | None = conn.execute(text("SELECT max(fitted_at) FROM calibration")).scalar()
    return at
