"""A member that is there twice is refused: readers would disagree on which one counts."""

from __future__ import annotations

import pytest

from wire.base import parse_json
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
