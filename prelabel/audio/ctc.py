"""Greedy CTC: rows of token probabilities -> words with times and scores. Pure.

The rule: the best token of each row, repeats merged, blanks dropped (Graves et al. 2006, best path decoding).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SILENT = re.compile(r"<[^<>]+>|\[(?:PAD|UNK|CLS|SEP|MASK)\]")
_SUM_SLACK = 1e-3
PAUSE_US = 700_000  # no word has a pause like this inside


@dataclass(frozen=True)
class Token:
    """A token of the alphabet over the rows [start, end); `score` is its highest probability there."""

    index: int
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class SpokenWord:
    """A word from the start of its first token to the end of its last; `score` is the mean of its tokens'."""

    text: str
    start_us: int
    end_us: int
    score: float


class Alphabet:
    """What each channel writes, and how words are separated.

    A token that contains the separator ends a word or begins one: `|` or a space alone, `▁the` at its front. A long
    pause ends one too. When the separator named does not occur, `▁` (SentencePiece) and `|` (wav2vec 2.0) are looked
    for. An alphabet without any writes a language without spaces: every token is a word. Tokens such as `<unk>` and
    `<s>` write nothing; `<0xC3>` is a byte of UTF-8.
    """

    def __init__(self, tokens: Sequence[str], separator: str = " ") -> None:
        found = next((one for one in (separator, "▁", "|") if one and any(one in token for token in tokens)), None)
        self.separator = found
        self.joiner = "" if found is None else " "
        self._pieces = [self._piece(token) for token in tokens]

    def __len__(self) -> int:
        return len(self._pieces)

    def words(self, tokens: Sequence[Token], row_us: float, start_us: int = 0) -> list[SpokenWord]:
        """The words of one stretch of sound that begins at `start_us`; a row lasts `row_us` microseconds."""
        rows: list[tuple[bytes, list[Token]]] = []
        fresh = True
        for token in tokens:
            fresh = fresh or (bool(rows) and (token.start - rows[-1][1][-1].end) * row_us > PAUSE_US)
            for number, piece in enumerate(self._pieces[token.index]):
                goes_on = self.separator is not None or (piece and 0x80 <= piece[0] < 0xC0)
                fresh = fresh or number > 0 or not goes_on
                if not piece:
                    continue
                if fresh or not rows:
                    rows.append((b"", []))
                text, parts = rows[-1]
                rows[-1] = (text + piece, [*parts, token])
                fresh = False
        return [
            SpokenWord(
                text=unicodedata.normalize("NFC", text.decode("utf-8", "replace")),
                start_us=start_us + round(parts[0].start * row_us),
                end_us=start_us + round(parts[-1].end * row_us),
                score=float(np.mean([part.score for part in parts])),
            )
            for text, parts in rows
        ]

    def text(self, words: Sequence[SpokenWord]) -> str:
        return self.joiner.join(word.text for word in words)

    def _piece(self, token: str) -> list[bytes]:
        """What a token writes, cut at separators: between two pieces a new word begins."""
        byte = _BYTE.fullmatch(token)
        if byte:
            return [bytes([int(byte[1], 16)])]
        if _SILENT.fullmatch(token):
            return [b""]
        pieces = [token] if self.separator is None else token.split(self.separator)
        return [piece.encode() for piece in pieces]


def probabilities(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Rows [T, V] of logits, log-probabilities or probabilities as probabilities."""
    values = rows.astype(np.float64)
    if values.size and values.min() >= 0 and np.abs(values.sum(axis=1) - 1).max() < _SUM_SLACK:
        return values
    powers = np.exp(values - values.max(axis=1, keepdims=True, initial=-np.inf)) if values.size else values
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def collapse(rows: NDArray[np.float64], blank: int) -> list[Token]:
    """The tokens of rows [T, V] of probabilities, best path."""
    if not len(rows):
        return []
    best = rows.argmax(axis=1)
    surest = rows.max(axis=1)
    starts = np.flatnonzero(np.concatenate([[True], best[1:] != best[:-1]]))
    ends = np.append(starts[1:], len(best))
    highest = np.maximum.reduceat(surest, starts)
    kept = np.flatnonzero(best[starts] != blank)
    return [Token(int(best[starts[n]]), int(starts[n]), int(ends[n]), float(highest[n])) for n in kept]
