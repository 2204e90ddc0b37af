"""One measured figure and the limit it stands beside."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    name: str
    value: float
    unit: str
    limit: float

    @property
    def shown(self) -> str:
        return f"{self.value:g} {self.unit}".strip()

    @property
    def compared_with(self) -> str:
        return "no limit" if math.isinf(self.limit) else f"at most {self.limit:g} {self.unit}".strip()

    @property
    def holds(self) -> bool:
        return self.value <= self.limit

    def as_row(self) -> dict[str, Any]:
        return {**asdict(self), "limit": None if math.isinf(self.limit) else self.limit, "holds": self.holds}
