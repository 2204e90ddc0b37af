"""What an export has written, for the last line a person or a program reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from collector.exports.about import Contents


@dataclass
class Summary:
    """Counts, and what was exported.

    `left_out`: labels the format cannot carry; `withheld`: captures that the consent does not cover now.
    """

    documents: int = 0
    labels: int = 0
    prelabels: int = 0
    images: int = 0
    left_out: int = 0
    withheld: int = 0
    contents: Contents = field(default_factory=Contents)

    @property
    def counts(self) -> dict[str, int]:
        names = ("documents", "labels", "prelabels", "images", "left_out", "withheld")
        return {name: getattr(self, name) for name in names}

    def sentences(self) -> list[str]:
        """One sentence each for what a person should know."""
        said = []
        if self.documents == 0 and not self.left_out:
            said.append("There is no ground truth yet: nobody has submitted a task.")
        if self.left_out:
            said.append(f"{self.left_out} labels are of kinds this format cannot carry; --format jsonl has them all.")
        if self.withheld:
            said.append(f"{self.withheld} captures were left out: their consent has run out.")
        return said
