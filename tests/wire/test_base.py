"""A member that is there twice is refused: readers would disagree on which one counts. Moments are text in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.base import format_utc, parse_json
from wire.errors import BadDocument

TWICE = [
    '{"a": 1, "a": 1}',
    '{"a": {"b": [], "c": 0, "b": 1}}',
    '[{"x": 1}, {"x": 1, "x": 2}]',
    '{"\\u0061": 1, "a": 2}',
]


@pytest.mark.parametrize("text", TWICE)
def test_a_member_twice_is_refused(text: str) -> None:
    with pytest.raises(BadDocument, match="twice"):
        parse_json(text, "Thing")


@pytest.mark.parametrize("text", ["{}", '{"a": 1, "b": {"a": 1}}', '[{"a": 1}, {"a": 1}]', '{"A": 1, "a": 2}'])
def test_the_same_name_elsewhere_is_fine(text: str) -> None:
    parse_json(text, "Thing")


ZONES = st.one_of(
    st.just(UTC), st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
)


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=ZONES))
def test_a_moment_is_27_characters_in_utc_and_reads_as_itself(moment: datetime) -> None:
    said = format_utc(moment)
    assert len(said) == 27 and said.endswith("Z") and said[19] == "."
    assert datetime.fromisoformat(said) == moment


def test_one_moment_is_one_text_in_every_zone() -> None:
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    zones = [UTC, timezone.utc, timezone(timedelta(0)), timezone(timedelta(hours=5, minutes=45))]  # noqa: UP017
    assert {format_utc(moment.astimezone(zone)) for zone in zones} == {"2026-03-29T01:30:00.000000Z"}
