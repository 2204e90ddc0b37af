"""The queue and what people submitted. `task` is narrow: the queue's partial indexes hold open and leased rows only."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, String, Table, Text, UniqueConstraint

from collector.store.tables.base import WHOLE, metadata, partial_index

task = Table(
    "task",
    metadata,
    Column("id", String, primary_key=True),
    Column("take_id", ForeignKey("take.id"), nullable=False),
    Column("session_id", ForeignKey("session.id"), nullable=False),
    Column("study", String, nullable=False),
    Column("type", String, nullable=False),  # boxes | tracks | speech | text
    Column("state", String, nullable=False),  # open | leased | done | skipped | withheld (the consent has ended)
    Column("fence", WHOLE, nullable=False),  # rises by one with every lease
    Column("leased_to", ForeignKey("person.id")),  # the newest holder; stays after the lease has ended
    Column("leased_client", String),  # the page of the newest holder
    Column("leased_at", String),
    Column("lease_expires_at", String),
    Column("priority", Float, nullable=False),  # highest first; collector/review/rules.py
    Column("reason_kind", String, nullable=False),  # uncertainty | conflict | age | random
    Column("reason_text", Text, nullable=False),
    Column("probability", Float, nullable=False),  # with which the queue's coin chose the lane
    Column("instruction_version", WHOLE, nullable=False),  # those shown with the newest lease
    Column("created_at", String, nullable=False),
    Column("opened_at", String),  # first lease ever
    Column("done_at", String),  # newest submit
    Column("consent", String, nullable=False),
    # Drawn by chance when it was made: people get it without pre-labels. Probability null: nothing was drawn.
    Column("control", Boolean, nullable=False, server_default="0"),
    Column("control_probability", Float),
    # 1, 2, …: independent answers to the same question, each by a person who has seen no other round.
    Column("round", WHOLE, nullable=False, server_default="1"),
    # Until when the consent covers all labelled captures; collector/review/task_consent.py.
    Column("usable_until", String, nullable=False, server_default="9999-12-31T23:59:59.999999Z"),
    # Ground truth is this pointer. No foreign key: the two tables would then need each other.
    Column("revision_id", String),
    Column("study_version_id", ForeignKey("study_version.id")),  # whose words and instructions it has; never null
    UniqueConstraint("take_id", "type", "round"),
    partial_index("ix_task_open", "type", "priority", "id", where="state = 'open' AND reason_kind <> 'random'"),
    partial_index("ix_task_random", "type", "created_at", "id", where="state = 'open' AND reason_kind = 'random'"),
    # The same two for people who see some studies alone.
    partial_index(
        "ix_task_open_of_study", "study", "type", "priority", "id", where="state = 'open' AND reason_kind <> 'random'"
    ),
    partial_index(
        "ix_task_random_of_study",
        "study",
        "type",
        "created_at",
        "id",
        where="state = 'open' AND reason_kind = 'random'",
    ),
    partial_index("ix_task_leased", "lease_expires_at", where="state = 'leased'"),
    partial_index("ix_task_holder", "leased_to", "leased_client", where="state = 'leased'"),
    partial_index("ix_task_skipped", "id", where="state = 'skipped'"),
    partial_index("ix_task_usable_until", "state", "usable_until", where="usable_until < '9999'"),
    Index("ix_task_created_at_id", "created_at", "id"),
    # Only for statements that say `state <> 'leased'`: the queue's own would read all open or leased tasks by it.
    partial_index("ix_task_state_created_at_id", "state", "created_at", "id", where="state <> 'leased'"),
)

# Why a task has its place in the queue: a row when it is made, and one at each reconsideration.
task_reason = Table(
    "task_reason",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("task_id", ForeignKey("task.id"), nullable=False),
    Column("at", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("priority", Float, nullable=False),
    Index("ix_task_reason_task_id", "task_id"),
)

# Every lease there ever was: what people may see and write of a task hangs on it, and so does how they were served.
# Leases from before migration 0005 have a person alone.
lease = Table(
    "lease",
    metadata,
    Column("task_id", ForeignKey("task.id"), primary_key=True),
    Column("fence", WHOLE, primary_key=True),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("client", String),  # the page
    Column("started_at", String),
    Column("expires_at", String),  # later with each renewal
    Column("ended_at", String),  # its newest submit, its skip or return, its expiry, when another lease took its place
    Column("ended", String),  # submitted | skipped | returned | expired | taken-again; null: held, or ran out unnoticed
    Column("lane", String),  # priority | random | expired | own-expired | given-back | reopened
    Column("probability", Float),  # with which that lane was served then, given what was in the queue
    Column("why", String),  # of a reopened one: what for (collector/review/codes.py)
    Column("prelabel_event", BigInteger),  # the newest one then: later ones change nothing of what this lease shows
)

instruction = Table(
    "instruction",
    metadata,
    Column("type", String, primary_key=True),
    Column("version", WHOLE, primary_key=True),
    Column("text", Text, nullable=False),  # what people were shown under this version
    Column("sha256", String, nullable=False),  # of the text as UTF-8
    Column("first_used_at", String, nullable=False),
    Index("ix_instruction_sha256", "sha256"),
)

category = Table(
    "category",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),  # of the word in every export, for ever
    Column("word", String, nullable=False, unique=True),
)

export = Table(
    "export",
    metadata,
    Column("id", String, primary_key=True),
    Column("made_at", String, nullable=False),
    Column("format", String, nullable=False),  # jsonl | coco
    Column("body", Text, nullable=False),  # what left: options, revisions, sessions, hash of the list of files
)

task_capture = Table(
    "task_capture",
    metadata,
    Column("task_id", ForeignKey("task.id"), primary_key=True),
    Column("capture_id", ForeignKey("capture.id"), primary_key=True),
    Column("role", String, nullable=False),  # labelled | beside
    Column("position", WHOLE, nullable=False),
    Index("ix_task_capture_capture_id", "capture_id"),
)

revision = Table(
    "revision",
    metadata,
    Column("id", String, primary_key=True),
    Column("task_id", ForeignKey("task.id"), nullable=False),
    Column("number", WHOLE, nullable=False),  # 1, 2, … per task
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("submit_uuid", String, nullable=False, unique=True),
    Column("fence", WHOLE, nullable=False),
    Column("submitted_at", String, nullable=False),
    Column("opened_at", String, nullable=False),
    Column("first_input_at", String),
    Column("active_ms", WHOLE, nullable=False),
    Column("documents", Text, nullable=False),  # a list of labels documents, one a labelled capture
    Column("diff", Text, nullable=False),  # capture -> Diff from the pre-labels
    Column("reply", Text, nullable=False),  # the answer to the submit, given again for the same UUID
    Column("reason_kind", String, nullable=False),
    Column("probability", Float, nullable=False),
    Column("instruction_version", WHOLE, nullable=False),
    Column("script_sha256", String, nullable=False),
    # Null before migration 0005: not recorded.
    Column("instruction_sha256", String),  # of the words that were on the screen
    Column("shown", Text),  # the pre-labels that were shown: a list of {document, capture, sha256}
    Column("told", Text),  # the page's own signs of life, as they came with the submit
    Column("page", String),  # the build of the page
    Column("correction", String),  # why somebody else's work was corrected (collector/review/codes.py)
    Column("study_version_id", ForeignKey("study_version.id")),  # that it was answered under; never null
    UniqueConstraint("task_id", "number"),
    Index("ix_revision_person_id_submitted_at", "person_id", "submitted_at"),
    Index("ix_revision_submitted_at", "submitted_at"),
)

# What a person submitted in a minute (UTC, `2026-11-30T08:15`); collector/review/progress.py.
finished_minute = Table(
    "finished_minute",
    metadata,
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("study", String, primary_key=True),
    Column("minute", String, primary_key=True),
    Column("pieces", WHOLE, nullable=False),  # leases that ended in their first submit
    Column("tasks", WHOLE, nullable=False),  # tasks submitted for the first time on the machine's local day
    Column("first_at", String, nullable=False),
    Index("ix_finished_minute_person_id_minute", "person_id", "minute"),
)

draft = Table(
    "draft",
    metadata,
    Column("task_id", ForeignKey("task.id"), primary_key=True),
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("fence", WHOLE, primary_key=True),
    Column("documents", Text, nullable=False),
    Column("saved_at", String, nullable=False),
    Column("why", String, nullable=False),  # working | lease-lost
)

activity = Table(
    "activity",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("task_id", ForeignKey("task.id"), nullable=False),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("fence", WHOLE, nullable=False),
    Column("at", String, nullable=False),
    Column("visible", Boolean, nullable=False),
    Column("playing", Boolean, nullable=False),
    Column("input", Boolean, nullable=False),
    Index("ix_activity_task_id_fence", "task_id", "fence"),
    Index("ix_activity_at", "at"),
)

worked = Table(
    "worked",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("task_id", ForeignKey("task.id"), nullable=False),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("fence", WHOLE, nullable=False),
    Column("started_at", String, nullable=False),  # a stretch of active time that a submit counted
    Column("ended_at", String, nullable=False),
    Index("ix_worked_ended_at", "ended_at"),
)

skip = Table(
    "skip",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("task_id", ForeignKey("task.id"), nullable=False),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("fence", WHOLE, nullable=False),
    Column("at", String, nullable=False),
    Column("kind", String, nullable=False),  # skipped | returned
    Column("reason", Text, nullable=False),
    Column("code", String),  # the reason as one of a few (collector/review/codes.py)
    UniqueConstraint("task_id", "fence"),
    Index("ix_skip_person_id_task_id", "person_id", "task_id"),
    Index("ix_skip_at", "at"),
)
