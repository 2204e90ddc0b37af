"""Whether a recogniser's words may stand in the text field before a person has listened.

People correct a transcript faster than they type it only while about three words in ten at most are wrong; above that
a field that is filled in costs time and makes people agree with what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from prelabel.models.families import CtcDecode
from prelabel.models.package import ModelPackage
from prelabel.quality.texts import PREFILL_BELOW, main_language


@dataclass(frozen=True)
class Prefill:
    """`why` is one sentence for people, also when transcripts are filled in."""

    allowed: bool
    why: str


def prefill_allowed(package: ModelPackage, language: str | None = None, measured: float | None = None) -> Prefill:
    """Whether transcripts of this model are filled in.

    Args:
        language: of the script (BCP 47); None when no script gives the words to be spoken. Regions and scripts of one
            language are one: de-AT is de.
        measured: the word error rate against people's corrections; it overrides the manifest's value.
    """
    decode = package.manifest.decode
    if not isinstance(decode, CtcDecode):
        return Prefill(False, f"{package.name} writes no text.")
    if language is not None:
        if decode.language is None:
            return Prefill(False, f"{package.name} does not say which language it writes; no transcript is filled in.")
        if main_language(decode.language) != main_language(language):
            return Prefill(
                False, f"{package.name} writes {decode.language}, the script is {language}: no transcript is filled in."
            )
    rate = decode.expected_word_error_rate if measured is None else measured
    if rate is None:
        return Prefill(False, f"{package.name} states no expected_word_error_rate: transcripts are left to people.")
    told = "expects" if measured is None else "was measured to have"
    if rate < PREFILL_BELOW:
        return Prefill(True, f"{package.name} {told} {rate:.0%} of words wrong: transcripts are filled in.")
    return Prefill(
        False,
        f"{package.name} {told} {rate:.0%} of words wrong, and from {PREFILL_BELOW:.0%} on people type faster "
        "than they correct: transcripts are left to people.",
    )
