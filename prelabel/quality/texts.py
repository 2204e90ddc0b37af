"""How well texts are read and heard: word and character error rates, and what to expect of a model's transcripts.

Error rates are counted by jiwer over normalised texts (`normalised`): edits over the words or characters of the truth.
In languages written without spaces a word error rate says nothing; there every character counts as a word.

People correct a transcript faster than they type one only while fewer than about three words in ten are wrong (Gaur
et al., The Effects of Automatic Speech Recognition Quality on Human Transcription Latency, W4A 2016). So a model's
words are put into the text only when the evidence says that it stays below that.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from wire.base import Count, WireModel

PREFILL_BELOW = 0.30
EVIDENCE_TEXTS, EVIDENCE_WORDS = 20, 200
WITHOUT_SPACES = frozenset({"zh", "cmn", "yue", "wuu", "nan", "hak", "gan", "hsn", "ja", "th", "lo", "km", "my", "bo"})
_Z95 = 1.959963984540054
_APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼ`´"), "'")


class TextPair(NamedTuple):
    """What a person wrote, what the model had written, and whether the person saw that before writing."""

    language: str | None
    truth: str
    made: str
    shown: bool = False


@dataclass
class EditSums:
    """Edits and length of texts, added over texts; the unit is words or characters."""

    edits: int = 0
    length: int = 0

    def add(self, other: EditSums) -> None:
        self.edits += other.edits
        self.length += other.length

    @property
    def error_rate(self) -> float | None:
        """0 is perfect, more than 1 is possible; None without any true text."""
        return self.edits / self.length if self.length else None


class ExpectedErrors(WireModel):
    """The word error rate of a model in a language over reviewed texts; `low` and `high` are the ends of its 95 %
    interval over texts."""

    rate: float
    low: float
    high: float
    texts: Count
    words: Count


class _Kept(dict[int, int]):
    """For `str.translate`: letters, marks, digits and apostrophes as they are, spaces for all else."""

    def __missing__(self, code: int) -> int:
        sign = chr(code)
        self[code] = code if sign == "'" or unicodedata.category(sign)[0] in "LMN" else ord(" ")
        return self[code]


_KEPT = _Kept()
_OUTSIDE = re.compile(r"(?<![^\W_])'|'(?![^\W_])")  # an apostrophe without a letter or digit on both sides


@lru_cache(maxsize=256)  # words and characters of one pair are counted one after the other
def normalised(text: str, language: str | None = None) -> str:
    """A text as it is compared: NFKC, case folded, punctuation and symbols taken out, single spaces.

    Apostrophes inside a word stay (don't), hyphens part words. In languages without spaces every character is set
    apart, so that words are characters.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).casefold())
    words = _OUTSIDE.sub(" ", folded).translate(_KEPT).split()
    if without_spaces(language):
        words = [sign for word in words for sign in word]
    return " ".join(words)


def without_spaces(language: str | None) -> bool:
    """Whether a BCP 47 language is written without spaces between words."""
    return language is not None and main_language(language) in WITHOUT_SPACES


def word_edits(truth: str, made: str, language: str | None = None) -> EditSums:
    """Substituted, left out and put in words between two texts as people write them."""
    import jiwer

    first, second = normalised(truth, language), normalised(made, language)
    if not first or not second:
        return EditSums(len(first.split()) + len(second.split()), len(first.split()))
    out = jiwer.process_words(first, second)
    return EditSums(out.substitutions + out.deletions + out.insertions, out.hits + out.substitutions + out.deletions)


def character_edits(truth: str, made: str, language: str | None = None) -> EditSums:
    """The same in characters; the single spaces between words count, but not in languages without spaces."""
    import jiwer

    first, second = normalised(truth, language), normalised(made, language)
    if without_spaces(language):
        first, second = first.replace(" ", ""), second.replace(" ", "")
    if not first or not second:
        return EditSums(len(first) + len(second), len(first))
    out = jiwer.process_characters(first, second)
    return EditSums(out.substitutions + out.deletions + out.insertions, out.hits + out.substitutions + out.deletions)


def expected_word_error_rate(language: str, pairs: Sequence[TextPair]) -> ExpectedErrors | None:
    """What to expect of a model in one language; None without enough reviewed pairs.

    The pairs whose writer had not seen the model's words are used alone when they are enough, because people agree with
    what they are shown.

    Args:
        language: BCP 47; only pairs of the same language (`main_language`) count.
        pairs: of this model.
    """
    main = main_language(language)
    mine = [pair for pair in pairs if pair.language is not None and main_language(pair.language) == main]
    unseen = [pair for pair in mine if not pair.shown]
    for chosen in (unseen, mine):
        if len(chosen) < EVIDENCE_TEXTS:
            continue
        rows = [word_edits(pair.truth, pair.made, pair.language) for pair in chosen]
        if sum(row.length for row in rows) >= EVIDENCE_WORDS:
            return _measured(rows)
    return None


def main_language(language: str) -> str:
    """Regions and scripts of one language are one: de-AT is de."""
    return language.replace("_", "-").split("-")[0].casefold()


def _measured(rows: Sequence[EditSums]) -> ExpectedErrors:
    """A ratio of sums with the linearised variance of a cluster sample: words of one text are wrong together."""
    words = sum(row.length for row in rows)
    rate = sum(row.edits for row in rows) / words
    scatter = sum((row.edits - rate * row.length) ** 2 for row in rows)
    count = len(rows)
    spread = _Z95 * math.sqrt(scatter * count / (count - 1)) / words
    # With no error at all the scatter is nothing; three over n is then the upper end (Hanley, Lippman-Hand, 1983).
    high = rate + spread if rate > 0 else 3 / words
    return ExpectedErrors(
        rate=round(rate, 6),
        low=round(max(0.0, rate - spread), 6),
        high=round(high, 6),
        texts=count,
        words=words,
    )
