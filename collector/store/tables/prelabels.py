"""What is known of the models that pre-label: how far their scores can be trusted, and runs over old captures."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, String, Table, Text

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
    Column("captures", WHOLE, nullable=False),  # asked for; as far as counted
    Column("created_at", String, nullable=False),
    Column("state", String, nullable=False, server_default="running"),  # running | paused | cancelled | done
    Column("counted", Boolean, nullable=False, server_default="0"),
    Column("done", WHOLE, nullable=False, server_default="0"),
    Column("failed", WHOLE, nullable=False, server_default="0"),
    Column("withheld", WHOLE, nullable=False, server_default="0"),  # the consent does not cover them any more
    # Captures are done in the order of their ids; null: none yet. What is behind it is done, failed or withheld.
    Column("done_to", String),
    Column("per_second", Float),  # captures, lately
    Column("problem", Text),  # of the run as a whole: why it is paused or waits
    Column("ended_at", String),
    Column("owner", String),  # the process that does it
    Index("ix_prelabel_run_created_at", "created_at"),
)

# Captures of a run that could not be labelled.
prelabel_run_failure = Table(
    "prelabel_run_failure",
    metadata,
    Column("run_id", ForeignKey("prelabel_run.id"), primary_key=True),
    Column("capture_id", ForeignKey("capture.id"), primary_key=True),
    Column("error", Text, nullable=False),
    Column("again", Boolean, nullable=False, server_default="0"),  # to be tried again; it counts as waiting
)

# The studies of its captures.
prelabel_run_study = Table(
    "prelabel_run_study",
    metadata,
    Column("run_id", ForeignKey("prelabel_run.id"), primary_key=True),
    Column("study", ForeignKey("study.id"), primary_key=True),
)
