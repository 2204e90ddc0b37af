"""Lines that hang together: every change, gap and addition is found, wherever it is."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from collector.security.chain import CONTINUED, ChainEnd, check_chain, parsed_line, written_line

TEXT = st.text(max_size=20)


def lines_of(rows: list[dict[str, object]], end: ChainEnd | None = None) -> list[bytes]:
    end = end or ChainEnd()
    made = []
    for row in rows:
        line, end = written_line(end, row)
        made.append(line)
    return made


LOG = lines_of([{"at": "t", "event": "signed-in", "person": name} for name in ("ana", "bö", "\ud800", "c\n\x1b[2J")])


def test_a_whole_log_has_no_faults_and_an_end() -> None:
    end, faults = check_chain(LOG)
    assert faults == [] and end.number == 4 and len(end.chain) == 64
    assert check_chain([]) == (ChainEnd(), [])
    assert all(line.count(b"\n") == 1 for line in LOG)


@given(st.lists(st.dictionaries(st.sampled_from(["event", "person", "code"]), TEXT | st.integers(), max_size=3)))
def test_whatever_is_logged_can_be_read_and_checked(rows: list[dict[str, object]]) -> None:
    made = lines_of(rows)
    assert check_chain(made)[1] == []
    assert all(parsed_line(line) is not None for line in made)


@given(st.integers(0, 3), st.sampled_from(["person", "at", "n", "chain"]))
def test_a_changed_line_is_found(place: int, member: str) -> None:
    row = json.loads(LOG[place])
    row[member] = row[member] + 1 if member == "n" else "x" + row[member][1:]
    changed = json.dumps(row).encode()
    _, faults = check_chain([*LOG[:place], changed, *LOG[place + 1 :]])
    assert faults and faults[0].line == place + 1


@given(st.integers(0, 2))
def test_a_removed_or_doubled_line_is_found(place: int) -> None:
    for broken in (LOG[:place] + LOG[place + 1 :], LOG[: place + 1] + LOG[place:]):
        assert check_chain(broken)[1] != []
    moved = [*LOG]
    moved[place], moved[place + 1] = moved[place + 1], moved[place]
    assert check_chain(moved)[1] != []


def test_what_is_no_line_is_found() -> None:
    for odd in (b"", b"{", b"[]", b'{"n": 1}', b"\xff", b'{"n": "1", "chain": "x"}'):
        assert len(check_chain([*LOG, odd])[1]) == 1


def test_the_oldest_files_may_be_gone() -> None:
    end, _ = check_chain(LOG)
    later = lines_of([{"event": CONTINUED, "previous": end.chain}, {"event": "signed-in"}], end)
    assert check_chain(LOG + later)[1] == [] and check_chain(later)[1] == []
    assert check_chain(later[1:])[1] != [], "a file does not begin with any other line"
