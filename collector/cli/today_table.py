"""The day as a table in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from collector.reports.today import Today


def show(report: Today, console: Console | None = None) -> None:
    """Write the report for people to standard output."""
    console = console or Console()
    console.print(f"[bold]{report.day}[/bold]  {report.zone}")
    whole = Table(box=None, show_header=False, pad_edge=False)
    whole.add_column()
    whole.add_column(justify="right")
    for name, count in (
        ("takes", report.takes),
        ("captures received", report.captures),
        ("uploads on their way", report.uploads_pending),
        ("tasks done", report.tasks.done),
        ("tasks open", report.tasks.open),
        ("tasks skipped", report.tasks.skipped),
    ):
        whole.add_row(name, str(count))
    console.print(whole)
    console.print()
    if not report.people:
        console.print("Nobody has worked on a task on this day.")
        return
    people = Table("person", box=None, pad_edge=False)
    for heading in ("done", "skipped", "returned", "open now", "active minutes"):
        people.add_column(heading, justify="right")
    for row in report.people:
        counts = (row.done, row.skipped, row.returned, row.open)
        people.add_row(row.name, *map(str, counts), f"{row.minutes:.1f}")
    console.print(people)
