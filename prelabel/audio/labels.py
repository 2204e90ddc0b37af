"""The results of sound models as labels."""

from __future__ import annotations

from collections.abc import Sequence

from prelabel.audio.prompts import Timed, expected_parts
from prelabel.audio.segments import SoundEvent, SpeechRegion
from prelabel.audio.utterances import Utterance
from prelabel.geometry.detection import SCORE_DECIMALS
from wire.labels import Interval, Label, LabelsDocument, Source, Text, Word


def speech_document(
    capture: str, source: Source, regions: Sequence[SpeechRegion], expected: str | None = None
) -> LabelsDocument:
    """Speech intervals of a recording (`speech_labels`)."""
    return LabelsDocument(capture=capture, source=source, labels=[*speech_labels(regions, expected)])


def speech_labels(regions: Sequence[SpeechRegion], expected: str | None = None, word: str = "speech") -> list[Interval]:
    """Speech intervals `s1`, `s2`, …

    Args:
        expected: the words the script asks the person for. Each interval has its part of it as `expected`
            (`expected_parts`), and nothing of it as `text`: no words were recognised, only that somebody spoke.
        word: what the model calls it.
    """
    return [
        Interval(
            id=f"s{number}",
            label=word,
            score=round(region.score, SCORE_DECIMALS),
            start_us=region.start_us,
            end_us=region.end_us,
            expected=part,
        )
        for number, (region, part) in enumerate(zip(regions, _parts(expected, regions), strict=True), start=1)
    ]


def spoken_labels(
    rows: Sequence[Utterance], expected: str | None, joiner: str, finder: Source | None, *, write: bool
) -> list[Interval]:
    """Speech intervals `s1`, `s2`, … with the words of a recogniser.

    Args:
        joiner: the text between two words.
        finder: the voice activity model that found the utterances without words; it becomes their source.
        write: whether text and words are filled in.
    """
    return [
        Interval(
            id=f"s{number}",
            label="speech",
            score=round(row.score, SCORE_DECIMALS),
            source=None if row.words else finder,
            start_us=row.start_us,
            end_us=row.end_us,
            text=joiner.join(word.text for word in row.words) if write and row.words else None,
            expected=part,
            words=[
                Word(
                    text=word.text,
                    start_us=word.start_us,
                    end_us=word.end_us,
                    score=round(word.score, SCORE_DECIMALS),
                )
                for word in row.words
            ]
            if write and row.words
            else None,
        )
        for number, (row, part) in enumerate(zip(rows, _parts(expected, rows), strict=True), start=1)
    ]


def event_labels(rows: Sequence[SoundEvent]) -> list[Interval]:
    """Intervals `e1`, `e2`, … of the events that tagging and keyword models found."""
    return [
        Interval(
            id=f"e{number}",
            label=row.label,
            score=round(min(1.0, row.score), SCORE_DECIMALS),
            start_us=row.start_us,
            end_us=row.end_us,
        )
        for number, row in enumerate(rows, start=1)
    ]


def answer_document(
    capture: str, source: Source, text: str, language: str | None, score: float | None = None
) -> LabelsDocument:
    """An answer as one `text` label `answer`; an empty one is a document without labels.

    Args:
        source: the script for a typed answer, whose text is what the capture holds; the recogniser for a spoken one,
            and only where its transcripts may be filled in (`prefill_allowed`).
        text: as it is stored, in NFC.
        language: of the script, BCP 47.
    """
    labels: list[Label] = []
    if text.strip():
        labels.append(Text(id="a1", label="answer", score=score, text=text, language=language))
    return LabelsDocument(capture=capture, source=source, labels=labels)


def spoken_answer(capture: str, source: Source, labels: Sequence[Label], language: str | None) -> LabelsDocument:
    """The answer a recogniser's intervals make together: their texts by time, scored by the least sure of them.

    Intervals without a text are ignored, so where transcripts are not filled in there is no answer either.
    """
    heard = [row for row in labels if isinstance(row, Interval) and row.text]
    text = "\n".join(row.text or "" for row in sorted(heard, key=lambda row: row.start_us))
    scores = [row.score for row in heard if row.score is not None]
    return answer_document(capture, source, text, language, min(scores, default=None))


def _parts(expected: str | None, regions: Sequence[Timed]) -> list[str | None]:
    return [None] * len(regions) if expected is None else expected_parts(expected, regions)
