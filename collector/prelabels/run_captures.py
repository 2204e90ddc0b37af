"""The captures of a run, page by page: those that were here when it was started, in the order of their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from collector.consent.allows import allows
from collector.consent.grants import grants_of_all
from collector.store.sql import Connection, Row, text
from wire.capture import Medium

PAGE = 1000  # captures looked at in one read, whatever share of them is wanted
MAX_PAGES = 5
_END = text("SELECT max(id) FROM (SELECT id FROM capture WHERE id > :after ORDER BY id LIMIT :most) AS page")
# The page first, so that no engine looks at all captures of a state or a session for it.
_PAGE = text(
    "SELECT capture.id, capture.medium, capture.session_id, session.study FROM"
    " (SELECT id, medium, session_id, state, problem, step, received_at FROM capture WHERE id > :after"
    " ORDER BY id LIMIT :most) AS capture"
    " JOIN prelabel_run AS run ON run.id = :run"
    " JOIN session ON session.id = capture.session_id"
    " JOIN prelabel_run_study AS named ON named.run_id = run.id AND named.study = session.study"
    " WHERE capture.received_at <= run.created_at AND capture.state = 'opened' AND capture.problem IS NULL"
    " AND capture.medium IN :media AND (:step IS NULL OR capture.step = :step) AND capture.id <= :end"
    " ORDER BY capture.id"
)
_AGAIN = text(
    "SELECT capture.id, capture.medium, capture.session_id FROM prelabel_run_failure AS failure"
    " JOIN capture ON capture.id = failure.capture_id"
    " WHERE failure.run_id = :run AND failure.again AND failure.capture_id > :after"
    " ORDER BY failure.capture_id LIMIT :most"
)


@dataclass(frozen=True)
class CapturePage:
    """`end`: the last capture that was looked at, None where there was none. `allowed`: for each of `rows`, whether the
    consent covers the capture now.
    """

    end: str | None
    rows: Sequence[Row]
    allowed: Sequence[bool]


@dataclass(frozen=True)
class RunCaptures:
    """What a run is over: of its studies the captures of these media, of one step or of all."""

    run: str
    media: tuple[Medium, ...]
    step: str | None

    def page(self, conn: Connection, after: str) -> CapturePage:
        """The captures behind `after` that are wanted, out of the next PAGE there are. The first one begins at ''."""
        end = conn.execute(_END, {"after": after, "most": PAGE}).scalar()
        if end is None:
            return CapturePage(None, [], [])
        values = {"run": self.run, "media": list(self.media), "step": self.step, "after": after, "most": PAGE}
        values["end"] = end  # where one came in between, it belongs to the next page
        return _with_consent(conn, end, conn.execute(_PAGE, values).all())

    def failed_page(self, conn: Connection, after: str) -> CapturePage:
        """Of those that failed the ones to be tried again, behind `after`."""
        rows = conn.execute(_AGAIN, {"run": self.run, "after": after, "most": PAGE}).all()
        return _with_consent(conn, rows[-1].id if rows else None, rows)

    def may_be_some(self, conn: Connection) -> bool:
        """Whether the consent covers one of the first captures; True as well where too many would have to be read."""
        after = ""
        for _ in range(MAX_PAGES):
            page = self.page(conn, after)
            if page.end is None or any(page.allowed):
                return page.end is not None
            after = page.end
        return True


def _with_consent(conn: Connection, end: str | None, rows: Sequence[Row]) -> CapturePage:
    now = datetime.now(UTC)
    grants = grants_of_all(conn, dict.fromkeys(row.session_id for row in rows))
    return CapturePage(end, rows, [allows(grants[row.session_id], [row.medium], now) for row in rows])
