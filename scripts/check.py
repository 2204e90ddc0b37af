"""What the fields of a script mean together: every finding of a file, with its place and a stable code."""

from __future__ import annotations

from pathlib import Path

from scripts.findings import Finding, Findings, Place, TooManyFindings, did_you_mean
from scripts.language import SourceConsent, SourceRedaction, SourceScript, SourceStep, read_source
from scripts.nodes import Placed
from wire.base import is_id
from wire.script import NEEDED_MEDIA, PROMPTED
from wire.tasks import TASK_RULES

MAX_BYTES = 1 << 20
MAX_SESSION_SECONDS = 12 * 3600
TOP = Place(1, 1)
RECORDABLE: dict[str, tuple[str, ...]] = {
    "say": ("audio", "video"),
    "do": ("video", "audio"),
    "show": ("image",),
    "answer": ("text", "audio"),
}
UNUSED_FIELDS: dict[str, tuple[str, ...]] = {
    "say": ("objects",),
    "do": ("expected",),
    "show": ("expected", "seconds"),
    "answer": ("expected", "objects"),
}
UNUSED_WHEN_TYPED = ("seconds", "countdown_seconds")


def check(path: str | Path) -> list[Finding]:
    """Every finding of the script in a file, in the order of the file. A file that cannot be read is a finding too."""
    return examine(path)[1]


def examine(path: str | Path) -> tuple[SourceScript | None, list[Finding]]:
    """The source model and its findings; the model is None when the file holds no fields at all."""
    findings = Findings(str(path))
    text = read_text(Path(path), findings)
    try:
        source = None if text is None else read_source(text, findings)
        if source is not None:
            check_meaning(source, findings)
    except TooManyFindings:
        return None, findings.rows()
    return source, findings.rows()


def read_text(path: Path, findings: Findings) -> str | None:
    try:
        size = path.stat().st_size
        data = b"" if size > MAX_BYTES else path.read_bytes()
    except FileNotFoundError:
        findings.error(TOP, "file-missing", "There is no such file.")
        return None
    except IsADirectoryError:
        inside = " Name the script.yaml in it." if (path / "script.yaml").is_file() else ""
        findings.error(TOP, "is-folder", f"This is a folder; a script is one YAML file.{inside}")
        return None
    except OSError as error:
        findings.error(TOP, "file-unreadable", f"The file cannot be read: {error.strerror or error}.")
        return None
    if size > MAX_BYTES:
        findings.error(TOP, "too-large", f"The file has {size} bytes; a script has at most {MAX_BYTES}.")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"This is not a text file in UTF-8: byte {error.start} is 0x{data[error.start]:02x}."
        findings.error(TOP, "not-text", message)
        return None


def check_meaning(source: SourceScript, findings: Findings) -> None:
    seen: dict[str, Place] = {}
    for step in source.steps:
        _check_ids(step, seen, findings)
        _check_kind(step, findings)
        _check_media(step, source.consent, findings)
        _check_reviews(step, source, findings)
    if source.consent is not None and source.steps:
        _check_uses(source.consent, source.steps, findings)
    _check_words(source, findings)
    _check_length(source.steps, findings)
    if source.redaction is not None:
        _check_redaction(source.redaction, findings)
        _check_redaction_needed(source.redaction, source.steps, findings)


def _check_ids(step: SourceStep, seen: dict[str, Place], findings: Findings) -> None:
    if step.id is None:
        return
    for plan_id in step.plan_ids:
        if not is_id(plan_id):
            message = f"With repeat the id becomes {plan_id}, which is longer than 64 characters."
            findings.error(step.id.place, "bad-id", message)
            return
        if plan_id in seen:
            first = seen[plan_id]
            again = "" if plan_id == step.id.value else f" (repeat makes {plan_id} of {step.id.value})"
            message = f"The step id {plan_id} is used twice, first in line {first.line}{again}."
            findings.error(step.id.place, "duplicate-id", message)
            return
    seen.update(dict.fromkeys(step.plan_ids, step.id.place))


def _check_kind(step: SourceStep, findings: Findings) -> None:
    if step.kind is None:
        return
    kind, fields = step.kind.value, step.fields
    if kind == "say" and "expected" not in fields.keys:
        message = f"{fields.what.capitalize()} has no words to say: a say step needs them in expected."
        findings.error(step.kind.place, "missing-expected", message)
    for name in UNUSED_FIELDS[kind]:
        if fields.has(name):
            message = f"A step of kind {kind} does not use {name}; take it out of {fields.what}."
            findings.error(fields.place_of(name), "field-not-used", message)
    if kind == "answer":
        _check_answer(step, findings)


def _check_answer(step: SourceStep, findings: Findings) -> None:
    fields = step.fields
    if not _records(step, "text"):
        return
    if _records(step, "audio"):
        message = f"{fields.what.capitalize()} is typed or spoken: it records text or audio, not both."
        findings.error(fields.place_of("record"), "answer-two-ways", message)
        return
    for name in UNUSED_WHEN_TYPED:
        if fields.has(name):
            message = f"A typed answer takes as long as it takes: it does not use {name}; take it out of {fields.what}."
            findings.error(fields.place_of(name), "field-not-used", message)


def _check_media(step: SourceStep, consent: SourceConsent | None, findings: Findings) -> None:
    uses = {use.value for use in consent.uses} if consent is not None else set()
    for medium in step.record:
        if uses and medium.value not in uses:
            message = f"{step.fields.what.capitalize()} records {medium.value}, which the uses of consent do not name."
            findings.error(medium.place, "medium-not-consented", message)
        if step.kind is not None and medium.value not in RECORDABLE[step.kind.value]:
            expected = " or ".join(RECORDABLE[step.kind.value])
            message = f"A step of kind {step.kind.value} cannot record {medium.value}; it records {expected}."
            findings.error(medium.place, "medium-not-recordable", message)
    if step.kind is None or not step.record:
        return
    needed = NEEDED_MEDIA[step.kind.value]
    if not any(medium.value in needed for medium in step.record):
        message = f"A step of kind {step.kind.value} must record {' or '.join(needed)}."
        findings.error(step.fields.place_of("record"), "medium-missing", message)


def _check_reviews(step: SourceStep, source: SourceScript, findings: Findings) -> None:
    recorded = [medium.value for medium in step.record]
    for review in step.reviews:
        media = _reviewed_media(review.value, step)
        if recorded and not any(medium in recorded for medium in media):
            wanted = " or ".join(media)
            message = f"{step.fields.what.capitalize()} asks for a review of {review.value} but records no {wanted}."
            findings.error(review.place, "review-without-medium", message)
        words = source.labels.get("speech")
        if review.value == "speech" and words is not None and "speech" not in [word.value for word in words]:
            message = "The labels for speech lack the word speech: regions that the voice model finds are not shown."
            findings.warning(review.place, "speech-not-shown", message)
    _check_objects(step, source, findings)


def _reviewed_media(review: str, step: SourceStep) -> tuple[str, ...]:
    """Of sound a text is the answer; what is said in other steps is a matter of speech, region by region."""
    media = TASK_RULES[review].labelled
    answers = step.kind is None or step.kind.value == "answer"
    return media if review != "text" or answers else tuple(medium for medium in media if medium != "audio")


def _check_objects(step: SourceStep, source: SourceScript, findings: Findings) -> None:
    """Objects are outlined in reviews of boxes and tracks. Without these they are audible, and named among the labels
    of what is reviewed.
    """
    reviews = [review.value for review in step.reviews]
    outlined = [name for name in reviews if name in ("boxes", "tracks")]
    schemas = {name: source.labels[name] for name in outlined or reviews if name in source.labels}
    for thing in step.objects:
        for name, words in schemas.items():
            known = [word.value for word in words]
            if thing.value not in known:
                message = f"The object {thing.value} is not among the labels for {name}."
                findings.error(thing.place, "unknown-object", message + did_you_mean(thing.value, known))


def _check_uses(consent: SourceConsent, steps: list[SourceStep], findings: Findings) -> None:
    if any("record" in step.fields.keys and not step.record for step in steps):
        return  # what that step records is a finding already, and may be what consent is asked for
    recorded = {medium.value for step in steps for medium in step.record}
    idle: list[Placed[str]] = [use for use in consent.uses if use.value not in recorded]
    for use in idle:
        message = f"Consent is asked for {use.value}, but no step records it; ask only for what is needed."
        findings.warning(use.place, "use-not-needed", message)


def _check_words(source: SourceScript, findings: Findings) -> None:
    for name, words in source.labels.items():
        seen: dict[str, str] = {}
        for word in words:
            first = seen.setdefault(word.value.casefold(), word.value)
            if first != word.value:
                message = f"The labels for {name} have {first} and {word.value}, which differ in case only."
                findings.warning(word.place, "similar-words", message)


def _check_length(steps: list[SourceStep], findings: Findings) -> None:
    """Recording and countdowns of the whole session; answers and stills take as long as the participant takes."""
    seconds = 0.0
    for step in steps:
        once = sum(part.value for part in (step.countdown_seconds, step.seconds) if part is not None)
        seconds += once * (1 if step.repeat is None else step.repeat.value)
    if seconds > MAX_SESSION_SECONDS:
        hours = MAX_SESSION_SECONDS // 3600
        message = f"Recording and countdowns take {seconds / 3600:.1f} h; a session has at most {hours} h."
        findings.error(steps[0].fields.place, "session-too-long", message)


def _check_redaction(redaction: SourceRedaction, findings: Findings) -> None:
    fields = redaction.fields
    faces, speech = "faces" in fields.keys, "speech" in fields.keys
    if not faces and not speech:
        message = "redaction masks nothing; it names faces (bystanders or everyone), speech (outside-prompts) or both."
        findings.error(fields.place, "empty", message)
        return
    bystanders = redaction.faces is None or redaction.faces.value == "bystanders"
    for name, used, without in (
        ("zone", faces and bystanders, "without faces: bystanders"),
        ("method", faces, "without faces"),
        ("sound", speech, "without speech"),
    ):
        if fields.has(name) and not used:
            findings.error(fields.place_of(name), "field-not-used", f"redaction {without} does not use {name}.")
    if redaction.faces is not None and bystanders and "zone" not in fields.keys:
        message = "Without a zone nobody can be distinguished: everybody is masked, the participant too."
        findings.warning(redaction.faces.place, "zone-missing", message)


def _check_redaction_needed(redaction: SourceRedaction, steps: list[SourceStep], findings: Findings) -> None:
    media = {medium.value for step in steps for medium in step.record}
    if redaction.faces is not None and media and not media & {"video", "image"}:
        message = "Faces are to be masked, but no step records a picture."
        findings.warning(redaction.faces.place, "redaction-not-needed", message)
    kinds = {step.kind.value for step in steps if step.kind is not None and _records(step, "audio")}
    if redaction.speech is not None and steps and not kinds - PROMPTED:
        message = "Speech outside prompts is to be muted, but no step records sound without a prompt to say something."
        findings.warning(redaction.speech.place, "redaction-not-needed", message)


def _records(step: SourceStep, medium: str) -> bool:
    return any(one.value == medium for one in step.record)
