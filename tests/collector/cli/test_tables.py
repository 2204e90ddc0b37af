"""Tables are whole, however narrow the terminal is."""

from __future__ import annotations

import pytest
from rich.table import Table

from collector.cli.tables import show_table


def test_nothing_is_cut_off_where_it_is_piped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    row = ("device-" + "0123456789abcdef" * 2, "the kitchen of the second floor", "x" * 120)
    table = Table("id", "name", "problem", box=None)
    table.add_row(*row)
    show_table(table)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and all(word in lines[1] for word in row)
