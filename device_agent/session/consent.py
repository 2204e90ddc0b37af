"""The consent record that opens a session: the text by its hash, the uses answered one by one, who, when."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from wire.base import new_id
from wire.capture import Medium
from wire.consent import ConsentRecord, Grant
from wire.script import Plan


def consent_record(
    plan: Plan,
    session: str,
    participant: str,
    granted: tuple[Medium, ...],
    refused: tuple[Medium, ...],
    given_by: str,
    given_at: datetime | None = None,
) -> ConsentRecord:
    """The record of an answer given now, unless another time is named. `text_sha256` is of the text that was shown."""
    return ConsentRecord(
        consent=new_id("con"),
        session=session,
        study=plan.study,
        participant=participant,
        text_sha256=hashlib.sha256(plan.consent.text.encode()).hexdigest(),
        locale=plan.language,
        grants=[Grant(use=medium) for medium in granted],
        refused=list(refused),
        given_by=given_by,
        given_at=given_at or datetime.now(UTC),
    )
