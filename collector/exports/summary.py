"""What an export has written, for the last line a person or a program reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Summary:
    """Counts. `left_out`: labels the format cannot carry; `withheld`: captures whose consent no longer allows it."""

    documents: int = 0
    labels: int = 0
    prelabels: int = 0
    images: int = 0
    left_out: int = 0
    withheld: int = 0

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
