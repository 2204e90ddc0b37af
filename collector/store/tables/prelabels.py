"""What is known of the models that pre-label: how far their scores can be trusted, and runs over old captures."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from collector.store.tables.base import WHOLE, metadata

# Every fit there was; the newest row of a model file and configuration is the one in force.
calibration = Table(
    "calibration",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("model_sha256", String, nullable=False),
    Column("body", Text, nullable=False),  # the Calibration as JSON
    Column("fitted_at", String, nullable=False),
    # The hash of what its scores depend on beside the file; null: of the file, whatever its settings.
    Column("configuration", String, nullable=True),
    Index("ix_calibration_model_sha256_configuration_id", "model_sha256", "configuration", "id"),
)

prelabel_run = Table(
    "prelabel_run",
    metadata,
    Column("id", String, primary_key=True),
    Column("model", String, nullable=False),  # name in the catalogue or folder of the package, as it was asked for
    Column("source", Text, nullable=False),  # the model as labels name it
    Column("asked", Text, nullable=False),  # which captures: study, step, medium
    Column("captures", WHOLE, nullable=False),
    Column("created_at", String, nullable=False),
    Index("ix_prelabel_run_created_at", "created_at"),
)

# The studies of its captures.
prelabel_run_study = Table(
    "prelabel_run_study",
    metadata,
    Column("run_id", ForeignKey("prelabel_run.id"), primary_key=True),
    Column("study", ForeignKey("study.id"), primary_key=True),
)
