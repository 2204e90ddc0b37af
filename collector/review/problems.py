"""What can go wrong in review, each with its code.

GleanerError
├── NoSuchTask        task-unknown
├── LeaseLost         lease-lost        the body's documents are kept as a draft
├── TaskNotYours      task-not-yours
├── TooManyLeases     leases-full
├── SubmitReused      submit-reused
└── LabelsRefused     labels-refused
"""

from __future__ import annotations

from wire.errors import GleanerError


class NoSuchTask(GleanerError):
    code = "task-unknown"
    status = 404
    hint = "Ask the queue for the next task instead."


class LeaseLost(GleanerError):
    """Somebody else holds the task, or it was leased again: the write's fence is not the task's."""

    code = "lease-lost"
    status = 409
    hint = "Your work is saved as a draft. Open the task again to continue, or go to the next one."


class TaskNotYours(GleanerError):
    code = "task-not-yours"
    status = 403
    hint = "Ask a lead to open it again."


class TooManyLeases(GleanerError):
    """A person holds as many tasks as one may, on all pages together."""

    code = "leases-full"
    status = 429
    retryable = True
    hint = "Finish or return tasks that are open in other tabs, or wait: a lease without news ends after ten minutes."


class SubmitReused(GleanerError):
    """A submit carries a UUID that another submit has used for another task or person."""

    code = "submit-reused"
    status = 409
    hint = "Make a new random UUID for every submit."


class LabelsRefused(GleanerError):
    """The documents of a submit do not fit the task. `facts["capture"]` and `facts["label"]` say where."""

    code = "labels-refused"
    status = 422
    hint = "Correct that label and submit again; nothing was changed and the work is still yours."
