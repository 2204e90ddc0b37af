"""The consent record: what a participant allowed, under which words, when. No sensor opens without one."""

from __future__ import annotations

from pydantic import model_validator

from wire.base import Document, Id, Sha256, Utc, WireModel
from wire.capture import Medium


class Grant(WireModel):
    """One use that was allowed; `until` null means for as long as the study has its data."""

    use: Medium
    until: Utc | None = None


class ConsentRecord(Document):
    """Written into the journal before any sensor opens; session record, manifests and tasks carry `consent`."""

    consent: Id
    session: Id
    study: Id
    participant: Id
    text_sha256: Sha256
    locale: str
    grants: list[Grant]
    refused: list[Medium] = []
    given_by: str
    given_at: Utc

    @model_validator(mode="after")
    def _one_answer_a_use(self) -> ConsentRecord:
        uses = [grant.use for grant in self.grants] + list(self.refused)
        if len(set(uses)) != len(uses):
            raise ValueError("a use is answered twice")
        return self

    def allows(self, medium: Medium) -> bool:
        return any(grant.use == medium for grant in self.grants)
