"""The words of a prompt shared out over the stretches in which somebody spoke. Pure.

What the script asked for is cut at pauses a reader makes (ends of sentences and clauses), inside a clause only where
the lengths of the stretches leave no other choice, and never inside a word. Each word goes to one stretch. Nothing
here was recognised: the parts are `expected`, for a person to take or to correct.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# Behind these a clause ends when a space follows, and any closing quotes or brackets belong to it.
_ENDS = r".!?;:,…‥،؛؟۔।॥—–"
# Behind these it ends without a space.
_ENDS_ALONE = r"。！？、，；：—"
_CLOSING = r"\"'”’»›)\]}」』）】》〉"
_SPACE = re.compile(r"\s+")
_CLAUSE = re.compile(rf"[{_ENDS}][{_CLOSING}{_ENDS}]*\s+|[{_ENDS_ALONE}][{_CLOSING}{_ENDS_ALONE}]*\s*")
_MAX_CUTS = 400
_INSIDE_CLAUSE = 0.5  # the cost of a cut inside a clause, in shares of an average stretch


class Timed(Protocol):
    @property
    def start_us(self) -> int: ...

    @property
    def end_us(self) -> int: ...


def expected_parts(prompt: str, regions: Sequence[Timed]) -> list[str | None]:
    """The part of `prompt` that is expected in each region, in their order; None where nothing is left for one.

    The parts that there are, joined, are the prompt again but for space at the seams. One region gets all of it. Of
    several, each gets a run of words whose share of the prompt's letters is near its share of the speech: the sum of
    (share of speech - share of letters)^2 / (both together) is least, with a cost for each cut inside a clause. A
    region much shorter than the rest (a cough) gets nothing rather than half a clause.
    """
    text = prompt.strip()
    if not text or not regions:
        return [None] * len(regions)
    if len(regions) == 1:
        return [text]
    cuts, costs, letters = _cuts(text)
    durations = np.array([max(1, row.end_us - row.start_us) for row in regions], dtype=np.float64)
    speech = durations / durations.sum()
    shares = letters / letters[-1] if letters[-1] else np.linspace(0, 1, len(letters))
    ends = _best_ends(speech, shares, costs * _INSIDE_CLAUSE / len(regions))
    at = 0
    parts: list[str | None] = []
    for end in ends:
        parts.append(text[cuts[at] : cuts[end]].strip() or None)
        at = end
    return parts


def _cuts(text: str) -> tuple[list[int], NDArray[np.float64], NDArray[np.float64]]:
    """Where the text may be cut (0 and its length among them), 1 where that is inside a clause, letters before it."""
    clauses = {match.end() for match in _CLAUSE.finditer(text)} - {len(text)}
    words = {match.end() for match in _SPACE.finditer(text)} - clauses
    # A very long prompt is cut at fewer places: at ends of clauses first, between words where there is room for more.
    ends = _thinned(sorted(clauses), _MAX_CUTS)
    inside = set(_thinned(sorted(words), _MAX_CUTS - len(ends)))
    cuts = [0, *sorted({*ends, *inside}), len(text)]
    weights = np.cumsum([0, *(_weight(character) for character in text)])
    return cuts, np.array([float(cut in inside) for cut in cuts]), weights[cuts].astype(np.float64)


def _thinned(places: list[int], most: int) -> list[int]:
    return places[:: -(-len(places) // most)] if places and most > 0 else []


def _weight(character: str) -> int:
    """How long a character takes to speak, in letters: marks and punctuation nothing, wide ones (CJK) a syllable."""
    if unicodedata.category(character)[0] not in "LNS":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _best_ends(speech: NDArray[np.float64], shares: NDArray[np.float64], costs: NDArray[np.float64]) -> list[int]:
    """The cut at which each region's part ends, by dynamic programming over (region, cut).

    Args:
        speech: [regions], sums to one.
        shares: [cuts], of the letters before each cut, 0 to 1.
        costs: [cuts], of ending a part there.
    """
    count = len(shares)
    given = shares[np.newaxis, :] - shares[:, np.newaxis]  # [from, to]
    forward = np.arange(count)[:, np.newaxis] <= np.arange(count)[np.newaxis, :]
    # A cut is paid once, by the part that ends there; an empty part makes none.
    paid = np.where(np.eye(count, dtype=np.bool_), 0.0, costs[np.newaxis, :])
    best = np.full(count, np.inf)
    best[0] = 0.0
    came: list[NDArray[np.int64]] = []
    for share in speech:
        together = share + np.maximum(given, 0)
        table = best[:, np.newaxis] + (share - given) ** 2 / together + paid
        table = np.where(forward, table, np.inf)
        # Of equal ways the one that gives the earlier regions more.
        came.append(count - 1 - table[::-1].argmin(axis=0))
        best = table.min(axis=0)
    ends = [count - 1]
    for origins in reversed(came[1:]):
        ends.append(int(origins[ends[-1]]))
    return ends[::-1]
