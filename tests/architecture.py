"""Draws docs/images/architecture.svg and the tables of docs/architecture.md from the imports and the ranks.

python -m tests.architecture        writes both; `tests/test_architecture.py` compares them with the code
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from tests.test_house import (
    INSIDE_COLLECTOR,
    INSIDE_DEVICE_AGENT,
    INSIDE_PRELABEL,
    RANKS,
    ROOT,
    imports_of,
    modules,
)

PAGE = ROOT / "docs" / "architecture.md"
PICTURE = ROOT / "docs" / "images" / "architecture.svg"
BEGIN, END = "<!-- made by python -m tests.architecture -->\n", "<!-- end -->\n"
INSIDE = {"prelabel": INSIDE_PRELABEL, "device_agent": INSIDE_DEVICE_AGENT, "collector": INSIDE_COLLECTOR}
Arrows = dict[str, set[str]]

CHARACTER, BOX, ROW, GAP, PADDING, TITLE = 7.2, 24.0, 52.0, 10.0, 16.0, 26.0  # pixels
SWEEPS = 8
STYLE = """
  text { font: 12px ui-monospace, monospace; fill: #1f2328; text-anchor: middle; }
  .title { font: 600 13px system-ui, sans-serif; text-anchor: start; }
  .rank { font: 11px system-ui, sans-serif; fill: #59636e; text-anchor: end; }
  .program { fill: #f6f8fa; stroke: #8c959f; }
  .folder { fill: #ffffff; stroke: #0969da; }
  .import { fill: none; stroke: #0969da; stroke-opacity: 0.45; }
  .between { fill: none; stroke: #57606a; stroke-width: 2; }
"""


def parts(program: str) -> set[str]:
    """The folders and single modules of a program that exist."""
    found = {path.relative_to(ROOT / program).parts[0].removesuffix(".py") for path in (ROOT / program).rglob("*.py")}
    return found & set(INSIDE[program]) if program in INSIDE else found - {"__init__"}


def arrows_inside(program: str) -> Arrows:
    """Which part of a program imports which, without those that follow from others."""
    known = parts(program)
    found: Arrows = {part: set() for part in known}
    for path in modules():
        names = path.relative_to(ROOT).parts
        if names[0] != program or (owner := names[1].removesuffix(".py")) not in known:
            continue
        for _, name in imports_of(path):
            pieces = name.split(".")
            if pieces[0] == program and len(pieces) > 1 and pieces[1] in known - {owner}:
                found[owner].add(pieces[1])
    return reduced(found)


def arrows_between() -> Arrows:
    """Which program imports which, without those that follow from others."""
    found: Arrows = {program: set() for program in RANKS}
    for path in modules():
        owner = path.relative_to(ROOT).parts[0].removesuffix(".py")
        found[owner] |= {name.split(".")[0] for _, name in imports_of(path)} & (set(RANKS) - {owner})
    return reduced(found)


def reduced(arrows: Arrows) -> Arrows:
    """The arrows from which all others follow (transitive reduction of an acyclic graph)."""

    def reached(start: str) -> set[str]:
        return set().union(*({target} | reached(target) for target in arrows[start])) if arrows[start] else set()

    return {
        owner: {target for target in targets if all(target not in reached(other) for other in targets - {target})}
        for owner, targets in arrows.items()
    }


@dataclass
class Band:
    """A program as a rectangle with one row per rank, the highest on top; x and y of the middle of each part."""

    program: str
    rows: list[tuple[int, list[str]]]
    arrows: Arrows
    width: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0

    def places(self) -> dict[str, tuple[float, float]]:
        """The middle of each part."""
        found: dict[str, tuple[float, float]] = {}
        for number, (_, row) in enumerate(self.rows):
            left = self.x + (self.width - row_width(row)) / 2
            for part in row:
                found[part] = (left + box_width(part) / 2, self.y + TITLE + number * ROW + BOX / 2)
                left += box_width(part) + GAP
        return found


def box_width(part: str) -> float:
    return len(part) * CHARACTER + 14


def row_width(row: Iterable[str]) -> float:
    return sum(box_width(part) + GAP for part in row) - GAP


def band(program: str) -> Band:
    arrows = arrows_inside(program)
    ranks = INSIDE.get(program, dict.fromkeys(arrows, 0))
    if program not in INSIDE:
        arrows = {part: set() for part in arrows}  # one row: its modules, without arrows
    rows = [
        (rank, sorted(part for part in arrows if ranks[part] == rank))
        for rank in sorted({ranks[part] for part in arrows}, reverse=True)
    ]
    made = Band(program, rows, arrows)
    made.width = max(row_width(row) for _, row in rows) + 2 * PADDING + 24
    made.height = TITLE + (len(rows) - 1) * ROW + BOX + PADDING
    for sweep in range(SWEEPS):
        untangle(made, downwards=sweep % 2 == 0)
    return made


def untangle(made: Band, *, downwards: bool) -> None:
    """Order each row by the mean place of what its parts are joined with (the barycentre heuristic)."""
    for _, row in made.rows if downwards else reversed(made.rows):
        places = made.places()

        def mean(part: str, places: dict[str, tuple[float, float]] = places) -> tuple[float, str]:
            joined = made.arrows[part] if not downwards else {o for o, ts in made.arrows.items() if part in ts}
            at = [places[other][0] for other in sorted(joined)] or [places[part][0]]
            return sum(at) / len(at), part

        row.sort(key=mean)


def drawn() -> str:
    """The picture as SVG."""
    bands = {program: band(program) for program in RANKS if program != "gleaner"}
    width = lay_out(bands)
    lines: list[str] = []
    for program, targets in sorted(arrows_between().items()):
        for target in sorted(targets):
            if program in bands:
                lines.append(between(bands[program], bands[target]))
    for made in bands.values():
        lines += draw_band(made)
    height = max(made.y + made.height for made in bands.values()) + PADDING
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
        f' role="img" aria-label="Programs and folders of Gleaner by rank, and which imports which">'
    )
    marker = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    )
    tip = '<path d="M0 0 L8 4 L0 8 z" fill="#57606a"/></marker></defs>'
    ground = f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", marker + tip, ground, *lines, "</svg>", ""])


def lay_out(bands: dict[str, Band]) -> float:
    """Programs of one rank side by side, the highest rank on top; gives the width of the whole."""
    by_rank: dict[int, list[Band]] = {}
    for program, made in bands.items():
        by_rank.setdefault(RANKS[program], []).append(made)
    width = max(sum(made.width + 2 * PADDING for made in row) for row in by_rank.values())
    y = PADDING
    for rank in sorted(by_rank, reverse=True):
        row = by_rank[rank]
        x = (width - sum(made.width for made in row) - 2 * PADDING * (len(row) - 1)) / 2
        tallest = max(made.height for made in row)
        for made in row:
            made.x, made.y = x, y
            x += made.width + 2 * PADDING
        y += tallest + 44
    return width


def draw_band(made: Band) -> list[str]:
    x, y = made.x, made.y
    lines = [
        f'<rect class="program" x="{x:.1f}" y="{y:.1f}" width="{made.width:.1f}" height="{made.height:.1f}" rx="6"/>',
        f'<text class="title" x="{x + 10:.1f}" y="{y + 17:.1f}">{escape(made.program)}/</text>',
    ]
    places = made.places()
    for owner in sorted(made.arrows):
        for target in sorted(made.arrows[owner]):
            (x1, y1), (x2, y2) = places[owner], places[target]
            y1, y2 = y1 + BOX / 2, y2 - BOX / 2
            if y2 < y1:  # of one rank: below the row
                y2 += BOX
                bend = y1 + 16
                lines.append(
                    f'<path class="import" d="M{x1:.1f} {y1:.1f} C{x1:.1f} {bend:.1f} {x2:.1f} {bend:.1f}'
                    f' {x2:.1f} {y2:.1f}"/>'
                )
                continue
            half = (y2 - y1) / 2
            lines.append(
                f'<path class="import" d="M{x1:.1f} {y1:.1f} C{x1:.1f} {y1 + half:.1f} {x2:.1f} {y2 - half:.1f}'
                f' {x2:.1f} {y2:.1f}"/>'
            )
    for rank, row in made.rows:
        if len(made.rows) > 1:
            middle = places[row[0]][1] + 4
            lines.append(f'<text class="rank" x="{x + 18:.1f}" y="{middle:.1f}">{rank}</text>')
        for part in row:
            px, py = places[part]
            wide = box_width(part)
            lines.append(
                f'<rect class="folder" x="{px - wide / 2:.1f}" y="{py - BOX / 2:.1f}" width="{wide:.1f}"'
                f' height="{BOX:.0f}" rx="4"/><text x="{px:.1f}" y="{py + 4:.1f}">{escape(part)}</text>'
            )
    return lines


def between(upper: Band, lower: Band) -> str:
    """The arrow from one program to another, as upright as the two allow."""
    x1 = within(upper, lower.x + lower.width / 2)
    x2 = within(lower, x1)
    y1, y2 = upper.y + upper.height, lower.y
    return f'<path class="between" marker-end="url(#tip)" d="M{x1:.1f} {y1:.1f} L{x2:.1f} {y2:.1f}"/>'


def within(made: Band, x: float) -> float:
    return min(max(x, made.x + 20), made.x + made.width - 20)


def tables() -> str:
    """Every folder and module with its rank and the first paragraph of its docstring."""
    lines: list[str] = []
    for program in sorted(RANKS, key=lambda name: (-RANKS[name], name)):
        if program == "gleaner":
            continue
        ranks = INSIDE.get(program)
        lines += [f"### {program}/", "", sentence(ROOT / program / "__init__.py"), ""]
        lines += (
            ["| rank | part | what it is for |", "|---|---|---|"]
            if ranks
            else ["| part | what it is for |", "|---|---|"]
        )
        for part in sorted(parts(program), key=lambda name: (-(ranks or {}).get(name, 0), name)):
            folder = ROOT / program / part
            path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
            if path.exists():
                name = f"{part}/" if folder.is_dir() else f"{part}.py"
                lines.append(f"| {f'{ranks[part]} | ' if ranks else ''}`{name}` | {sentence(path)} |")
        lines.append("")
    return "\n".join(lines)


def sentence(path: Path) -> str:
    """The first paragraph of a module's docstring."""
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(words.split("\n\n")[0].split()).replace("|", "\\|")


def page(text: str) -> str:
    """docs/architecture.md with its tables made anew."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + tables() + END + rest.split(END)[1]


def main() -> None:
    PICTURE.write_text(drawn(), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
