"""A flood costs few lines, and its size is known."""

from __future__ import annotations

from collector.security.flood import MAX_ADDRESSES, FloodLimit, LeftOut


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_address_has_so_many_lines_per_minute_and_the_rest_is_counted() -> None:
    clock = Clock()
    limit = FloodLimit(per_address=2, in_all=3, clock=clock)
    assert [limit.allows("refused", "a") for _ in range(5)] == [True, True, False, False, False]
    assert [limit.allows("refused", "b") for _ in range(2)] == [True, False], "three in all"
    assert limit.end_minute() == [] and limit.seconds_left() == 60
    clock.now = 60
    assert limit.seconds_left() == 0
    assert limit.end_minute() == [LeftOut("refused", "a", 3), LeftOut("refused", "b", 1)]
    assert limit.seconds_left() is None and limit.allows("refused", "a")
    assert limit.end_minute(at_once=True) == []


def test_each_kind_of_event_is_limited_alone() -> None:
    limit = FloodLimit(per_address=2, in_all=3, clock=Clock())
    assert [limit.allows("input-refused", "a") for _ in range(4)] == [True, True, False, False]
    assert [limit.allows("input-refused", "b") for _ in range(2)] == [True, False]
    assert [limit.allows("refused", "a") for _ in range(3)] == [True, True, False]
    left_out = [LeftOut("input-refused", "a", 2), LeftOut("input-refused", "b", 1), LeftOut("refused", "a", 1)]
    assert limit.end_minute(at_once=True) == left_out


def test_very_many_addresses_take_no_room() -> None:
    limit = FloodLimit(per_address=1, in_all=10, clock=Clock())
    written = sum(limit.allows("refused", f"10.0.{n // 256}.{n % 256}") for n in range(5 * MAX_ADDRESSES))
    counts = limit.end_minute(at_once=True)
    assert written == 10 and len(counts) == MAX_ADDRESSES + 1
    assert counts[0].address is None and sum(row.count for row in counts) == 5 * MAX_ADDRESSES - 10
