"""Which day a report is of: a date, and the zone in which it is a day."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field


def known_zone(name: str) -> str:
    """The name of an IANA time zone that this machine knows. Raises ValueError."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f'there is no time zone "{name[:60]}" on this machine; zones have names like Europe/Berlin'
        ) from error
    return name


Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
Zone = Annotated[str, Field(max_length=60), AfterValidator(known_zone)]
