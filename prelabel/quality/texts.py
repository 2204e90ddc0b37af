"""How well texts are read and heard: word and character error rates, and what to expect of a model's transcripts.

Error rates are Levenshtein's edits over the words or characters of the truth, of normalised texts (`normalised`).
Characters are what people see as such (grapheme clusters). In languages written without spaces a word error rate says
nothing; there every character counts as a word.

People correct a transcript faster than they type one only while fewer than about three words in ten are wrong (Gaur
et al., The Effects of Automatic Speech Recognition Quality on Human Transcription Latency, W4A 2016). So a model's
words are put into the text only when the evidence says that it stays below that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple

from prelabel.quality.edits import edit_distance
from prelabel.quality.estimates import clustered
from wire.base import Count, WireModel
from wire.labels import Interval, Label, Text

PREFILL_BELOW = 0.30
EVIDENCE_TEXTS, EVIDENCE_WORDS = 20, 200
WITHOUT_SPACES = frozenset({"zh", "cmn", "yue", "wuu", "nan", "hak", "gan", "hsn", "ja", "th", "lo", "km", "my", "bo"})
_APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼ`´"), "'")
DOTLESS_I = frozenset({"tr", "az"})  # Unicode's SpecialCasing.txt
_TURKIC = {ord("I"): "ı", ord("İ"): "i"}
_KEPT = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl", "No"})  # no enclosing marks: keycaps
_OUTSIDE = re.compile(r"(?<![^\W_])'|'(?![^\W_])")  # an apostrophe without a letter or digit on both sides


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


@lru_cache(maxsize=256)  # words and characters of one pair are counted one after the other
def normalised(text: str, language: str | None = None) -> str:
    """A text as it is compared: NFKC, case folded, punctuation and symbols taken out, single spaces.

    Invisible signs (soft hyphens, joiners, variation selectors) go without parting a word; what is hung on a symbol
    goes with it. Apostrophes inside a word stay (don't), hyphens part words. Turkish and Azerbaijani have their own I.
    In languages without spaces every character of their scripts is set apart, so that words are characters; words of
    other scripts in between stay words.
    """
    shown = _invisible().sub("", text.translate(_APOSTROPHES))
    folded = unicodedata.normalize("NFKC", _folded(unicodedata.normalize("NFKC", shown), language))
    words = "".join(map(_compared_character, characters(_OUTSIDE.sub(" ", folded)))).split()
    if without_spaces(language):
        words = [part for word in words for part in _parts(word)]
    return " ".join(words)


def characters(text: str) -> list[str]:
    """What people see as characters: extended grapheme clusters (Unicode Standard Annex 29)."""
    import regex

    return list(regex.findall(r"\X", text))


def _folded(text: str, language: str | None) -> str:
    if language is not None and main_language(language) in DOTLESS_I:
        text = text.translate(_TURKIC)
    return text.casefold()


def _compared_character(cluster: str) -> str:
    """A character as it is compared: letters, digits and their marks; a space for all else."""
    if cluster == "'":
        return cluster
    base = next((sign for sign in cluster if unicodedata.category(sign) != "Cf"), " ")
    if unicodedata.category(base)[0] not in "LMN":
        return " "
    return "".join(sign for sign in cluster if unicodedata.category(sign) in _KEPT)


def _parts(word: str) -> list[str]:
    """The characters of scripts without spaces each alone, runs of other scripts whole."""
    parts: list[str] = []
    goes_on = False
    for cluster in characters(word):
        alone = _unspaced().match(cluster) is not None
        if goes_on and not alone:
            parts[-1] += cluster
        else:
            parts.append(cluster)
        goes_on = not alone
    return parts


@cache
def _invisible() -> Any:
    """Signs that have no look of their own (Unicode's default ignorable code points); a space of no width parts."""
    import regex

    return regex.compile(r"[\p{Default_Ignorable_Code_Point}--\u200b]", regex.VERSION1)


@cache
def _unspaced() -> Any:
    import regex

    scripts = ("Han", "Hiragana", "Katakana", "Bopomofo", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan")
    return regex.compile("[" + "".join(rf"\p{{scx={name}}}" for name in scripts) + "--\\p{N}]", regex.VERSION1)


def without_spaces(language: str | None) -> bool:
    """Whether a BCP 47 language is written without spaces between words."""
    return language is not None and main_language(language) in WITHOUT_SPACES


def word_edits(truth: str, made: str, language: str | None = None) -> EditSums:
    """Substituted, left out and put in words between two texts as people write them."""
    return _edits(normalised(truth, language).split(), normalised(made, language).split())


def character_edits(truth: str, made: str, language: str | None = None) -> EditSums:
    """The same in characters as people see them; the single spaces between words count, but not in languages without
    spaces."""
    first, second = normalised(truth, language), normalised(made, language)
    if without_spaces(language):
        first, second = first.replace(" ", ""), second.replace(" ", "")
    return _edits(characters(first), characters(second))


def _edits(truth: Sequence[str], made: Sequence[str]) -> EditSums:
    return EditSums(edit_distance(truth, made), len(truth))


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
    """Clustered by text: words of one text are wrong together, and texts without an error prove as much as they are."""
    found = clustered((row.edits, row.length) for row in rows)
    assert found is not None, "there are words"
    rate, low, high = (round(value, 6) for value in (found.rate, found.low, found.high))
    return ExpectedErrors(rate=rate, low=low, high=high, texts=found.clusters, words=found.of)


def spoken(label: Label) -> str | None:
    """What a label says was said or written, in NFC; words count when there is no text of their interval."""
    if not isinstance(label, Text | Interval):
        return None
    text = label.text
    if text is None and isinstance(label, Interval) and label.words is not None:
        text = " ".join(word.text for word in label.words)
    return None if text is None else unicodedata.normalize("NFC", text)
