"""Whether a participant's consent covers a use at a moment: the one rule. Pure.

Queue, page, media, model runs and exports ask `allows` or `allowed_until`; nothing else decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from wire.capture import Medium
from wire.errors import GleanerError

# Uses that are allowed, each with its end (`wire.base.format_utc`), None where it has none.
Grants = Mapping[Medium, str | None]
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)


class ConsentEnded(GleanerError):
    """The consent to a use has ended, or never covered it: nothing of it is shown, labelled or exported."""

    code = "consent-ended"
    status = 403
    hint = "Continue with the next task. What was collected is no longer shown."


def allowed_until(grants: Grants, uses: Iterable[Medium]) -> datetime:
    """The moment from which one of the uses is no longer allowed: FOREVER where no end was set, NEVER without a grant.

    Args:
        grants: of the session's consent; empty where no record has come yet: nothing is known to be allowed.
    """
    return min((_end(grants, use) for use in uses), default=FOREVER)


def allows(grants: Grants, uses: Iterable[Medium], now: datetime) -> bool:
    """Whether all of the uses are allowed now."""
    return now < allowed_until(grants, uses)


def _end(grants: Grants, use: Medium) -> datetime:
    if use not in grants:
        return NEVER
    until = grants[use]
    return FOREVER if until is None else datetime.fromisoformat(until)
