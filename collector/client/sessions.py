"""`gleaner.sessions` and `gleaner.studies`: who was recorded with what, and the words of a study. For leads."""

from __future__ import annotations

from collections.abc import Iterator

from collector.catalogue.routes import SessionDetail, SessionList, SessionRow
from collector.client.connection import HttpCalls, quoted, read_answer, to_bytes
from collector.studies.instructions import InstructionView
from collector.studies.plans import ConsentTextView
from collector.studies.studies import StudyChange, StudyDetail, StudyRow, StudyRows
from wire.script import Plan


class SessionRequests:
    """Sessions, the newest first."""

    def __init__(self, calls: HttpCalls) -> None:
        self._calls = calls

    def list(self, *, limit: int | None = None) -> Iterator[SessionRow]:
        """Identity, state and counts of each; pages are asked for while they are read."""
        return self._calls.pages(SessionList, "/api/sessions", "sessions", limit)

    def get(self, session: str) -> SessionDetail:
        """The record with its takes, the captures with state and problem, and what the device was."""
        return self._calls.get(SessionDetail, f"/api/sessions/{quoted(session)}")


class StudyRequests:
    """Studies with their versions: label schema, consent text, instructions."""

    def __init__(self, calls: HttpCalls) -> None:
        self._calls = calls

    def list(self) -> list[StudyRow]:
        return self._calls.get(StudyRows, "/api/studies").studies

    def get(self, study: str) -> StudyDetail:
        """With `versions`, the newest first."""
        return self._calls.get(StudyDetail, f"/api/studies/{quoted(study)}")

    def set_control_share(self, study: str, share: float) -> StudyRow:
        """From now on so many of the study's new tasks, 0 to 1, drawn by chance, come without pre-labels."""
        return self._change(study, StudyChange(control_share=share))

    def set_media_links(self, study: str, allowed: bool) -> StudyRow:
        """Whether people get media of the study from the S3 server, by links that work for a minute."""
        return self._change(study, StudyChange(media_links=allowed))

    def _change(self, study: str, change: StudyChange) -> StudyRow:
        body = to_bytes(change)
        return read_answer(
            StudyRow, self._calls.send("PATCH", f"/api/studies/{quoted(study)}", body=body, repeatable=True)
        )

    def plan(self, sha256: str) -> Plan:
        """The compiled script that session records name by this hash."""
        return self._calls.get(Plan, f"/api/plans/{quoted(sha256)}")

    def consent_text(self, sha256: str) -> ConsentTextView:
        """The words that participants agreed to, which consent records name by this hash."""
        return self._calls.get(ConsentTextView, f"/api/consent-texts/{quoted(sha256)}")

    def instructions(self, sha256: str) -> InstructionView:
        """The words that people worked by, which revisions name by this hash."""
        return self._calls.get(InstructionView, f"/api/instructions/{quoted(sha256)}")
