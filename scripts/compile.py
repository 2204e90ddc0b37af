"""A checked source becomes the plan: repeats written out, defaults filled in, nothing left to interpret."""

from __future__ import annotations

from scripts.language import REDACTION_FIELDS, SourceRedaction, SourceScript, SourceStep
from scripts.nodes import Placed
from wire.script import ConsentText, LabelSchema, Plan, PlanStep, Redaction

DEFAULT_COUNTDOWN_SECONDS = 3.0
DEFAULT_SECONDS = 5.0


def compile_plan(source: SourceScript) -> Plan:
    """The plan of a source without error findings.

    Raises:
        ValueError: the source has errors (a caller's mistake; scripts.library refuses such a source first).
    """
    if source.consent is None:
        raise ValueError("the source has errors")
    return Plan.model_validate(
        {
            "id": _value(source.id),
            "version": _value(source.version),
            "title": _value(source.title),
            "language": _value(source.language),
            "study": _value(source.study),
            "consent": ConsentText.model_validate(
                {"text": _value(source.consent.text), "uses": _values(source.consent.uses)}
            ),
            "labels": LabelSchema(**{name: _values(words) for name, words in source.labels.items()}),
            "redaction": None if source.redaction is None else _redaction(source.redaction),
            "steps": [step for written in source.steps for step in _plan_steps(written)],
        }
    )


def _redaction(written: SourceRedaction) -> Redaction:
    named = {name: placed.value for name in REDACTION_FIELDS if (placed := getattr(written, name)) is not None}
    return Redaction.model_validate(named)


def _plan_steps(step: SourceStep) -> list[PlanStep]:
    kind = _value(step.kind)
    record = _values(step.record)
    # A still is taken when the countdown ends and a typed answer has no clock, so neither has a length.
    typed = kind == "answer" and "text" in record
    timed = kind != "show" and not typed
    countdown = DEFAULT_COUNTDOWN_SECONDS if step.countdown_seconds is None else step.countdown_seconds.value
    seconds = DEFAULT_SECONDS if step.seconds is None else step.seconds.value
    ids = step.plan_ids
    rows = []
    for number, plan_id in enumerate(ids, 1):
        title = step.title.value if step.title is not None else _value(step.id)
        rows.append(
            PlanStep.model_validate(
                {
                    "id": plan_id,
                    "kind": kind,
                    "title": title if len(ids) == 1 else f"{title} ({number} of {len(ids)})",
                    "prompt": _value(step.prompt),
                    "expected": None if step.expected is None else step.expected.value,
                    "objects": _values(step.objects),
                    "record": record,
                    "countdown_seconds": 0.0 if typed else float(countdown),
                    "seconds": float(seconds) if timed else 0.0,
                    "reviews": _values(step.reviews),
                }
            )
        )
    return rows


def _value(placed: Placed[str] | None) -> str:
    if placed is None:
        raise ValueError("the source has errors")
    return placed.value


def _values(words: list[Placed[str]]) -> list[str]:
    return [word.value for word in words]
