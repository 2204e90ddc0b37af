"""The report on pre-labels as tables in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from prelabel.quality.shapes import Estimate, PrelabelReport, QualityRow

_PLURALS = {"box": "boxes", "keypoints": "keypoints"}  # of label kinds; the others take an s
_TITLES = {"class": "by word", "device": "by device", "step": "by step"}


def show(report: PrelabelReport, console: Console | None = None) -> None:
    """Write the report for people to standard output: what costs time first, then each model with its cuts."""
    console = console or Console()
    if not report.items:
        console.print("Nobody has reviewed a capture with pre-labels yet.")
        return
    console.print(
        f"{report.items} reviewed documents of models: {report.random_items} picked at random; {report.unseen_items}"
        f" not shown to people, of which {report.blind_items} were picked at random and had no pre-labels at all"
    )
    for line in report.costs_time:
        console.print(f"[bold]costs time:[/bold] {line.text}", highlight=False)
    for row in (row for row in report.rows if row.cut == "model"):
        console.print()
        kind = _PLURALS.get(row.kind, f"{row.kind}s")
        console.print(f"[bold]{row.model.name}[/bold] {row.model.version or ''}  {kind}", highlight=False)
        if row.configuration is not None:
            console.print(f"  {row.configuration}", highlight=False, markup=False)
        console.print(f"  {measures(row)}", highlight=False)
        for cut, title in _TITLES.items():
            rows = [one for one in report.rows if (one.cut, one.model, one.kind) == (cut, row.model, row.kind)]
            if rows:
                console.print(_table(title, rows))
    for both in report.anchoring:
        console.print(both.text, highlight=False)


def measures(row: QualityRow) -> str:
    """One line: what fits the kind of label."""
    if row.shown:
        parts = [f"{row.edits.prelabels} pre-labels on {row.items} items", f"accepted {_share(row.acceptance)}"]
    else:
        parts = [f"not shown, compared on {row.items} reviewed items"]
    if row.average_precision is not None:
        parts.append(f"mAP {row.average_precision.ap:.3f}, AP50 {row.average_precision.ap50:.3f}")
    if row.tracks is not None:
        parts.append(f"HOTA {row.tracks.hota:.3f}, IDF1 {row.tracks.idf1:.3f}, {row.tracks.switches} switches")
    if row.intervals is not None:
        for word, end in (("starts", row.intervals.start), ("ends", row.intervals.end)):
            if end is not None:
                parts.append(f"{word} off by {end.median_ms:.0f} ms, p90 {end.p90_ms:.0f} ms")
        if row.intervals.error_rate is not None:
            parts.append(f"DER {row.intervals.error_rate:.1%}")
    if row.texts is not None and row.texts.word_error_rate is not None:
        parts.append(f"WER {row.texts.word_error_rate:.1%}")
        if row.texts.character_error_rate is not None:
            parts.append(f"CER {row.texts.character_error_rate:.1%}")
    return "; ".join(parts)


def _table(title: str, rows: list[QualityRow]) -> Table:
    table = Table(title, box=None, pad_edge=False)
    for heading in (
        "pre-labels",
        "accepted",
        "moved",
        "relabelled",
        "edited",
        "deleted",
        "added",
        "precision",
        "recall",
    ):
        table.add_column(heading, justify="right")
    for row in rows:
        edits, found = row.edits, row.found
        table.add_row(
            row.label or row.device or row.step or "",
            *(
                str(count)
                for count in (
                    edits.prelabels,
                    edits.accepted,
                    edits.moved,
                    edits.relabelled,
                    edits.edited,
                    edits.deleted + edits.doubled,
                    edits.added,
                )
            ),
            "" if found.precision is None else f"{found.precision:.2f}",
            "" if found.recall is None else f"{found.recall:.2f}",
        )
    return table


def _share(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{estimate.share:.0%} ({estimate.low:.0%} to {estimate.high:.0%})"
