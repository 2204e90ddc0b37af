"""From source to plan: what is written is what a device runs, under a hash that only meaning changes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from scripts import ScriptInvalid, ScriptMissing, load, playing_seconds, shipped
from tests.support.scripts import GOOD, written
from wire.canonical import canonical_json, document_hash
from wire.script import Plan


def test_repeat_becomes_steps_of_their_own(tmp_path: Path) -> None:
    plan = load(
        written(tmp_path, GOOD.replace("    seconds: 4\n", "    seconds: 4\n    repeat: 3\n    title: Hello\n"))
    )
    assert [step.id for step in plan.steps] == ["greet-1", "greet-2", "greet-3", "cup", "drink"]
    assert [step.title for step in plan.steps[:2]] == ["Hello (1 of 3)", "Hello (2 of 3)"]
    assert {step.expected for step in plan.steps[:3]} == {"Hello."}


def test_defaults_are_written_out_and_untimed_steps_have_no_length(tmp_path: Path) -> None:
    plan = load(written(tmp_path, GOOD.replace("    seconds: 4\n", "")))
    greet, cup, drink = plan.steps
    assert (greet.countdown_seconds, greet.seconds, greet.title) == (3, 5, "greet")
    assert (cup.countdown_seconds, cup.seconds) == (3, 0)
    assert (drink.countdown_seconds, drink.seconds) == (0, 0)
    assert playing_seconds(plan) == 11


def test_the_hash_is_of_the_meaning_not_of_the_writing(tmp_path: Path) -> None:
    plan = load(written(tmp_path, GOOD))
    loud = "# a comment\n" + GOOD.replace("[audio, video]", "\n      - audio\n      - video").replace(
        "Hello.", "'Hello.'"
    )
    assert load(written(tmp_path, loud)).ref == plan.ref
    assert load(written(tmp_path, GOOD.replace("Hello.", "Hello!"))).ref.sha256 != plan.ref.sha256


def test_texts_are_nfc_and_versions_stay_text(tmp_path: Path) -> None:
    plan = load(written(tmp_path, GOOD.replace("Hello.", "Cafe\u0301.").replace('"1.0"', '"1.10"')))
    assert plan.steps[0].expected == "Caf\u00e9."
    assert plan.version == "1.10"


def test_yaml_is_1_2(tmp_path: Path) -> None:
    plan = load(
        written(tmp_path, GOOD.replace("title: Try out", "title: 12:30:45").replace("language: en", "language: no"))
    )
    assert (plan.title, plan.language) == ("12:30:45", "no")


def test_a_compiled_plan_loads_again(tmp_path: Path) -> None:
    plan = load("kitchen-greeting")
    path = tmp_path / "plan.json"
    path.write_bytes(canonical_json(plan))
    assert load(path) == plan
    assert document_hash(load(path)) == plan.ref.sha256


def test_the_kitchen_greeting_is_what_the_demo_promises() -> None:
    assert "kitchen-greeting" in shipped()
    plan = load("kitchen-greeting")
    assert [step.kind for step in plan.steps] == ["say", "say", "say", "do", "show", "answer"]
    assert 20 <= playing_seconds(plan) <= 30
    assert plan.consent.uses == ["video", "audio", "image", "text"]
    assert "stop whenever you like" in plan.consent.text
    assert plan.steps[3].objects == ["person"]
    assert plan.steps[4].objects == ["cup"]
    assert {review for step in plan.steps for review in step.reviews} == {"speech", "tracks", "boxes", "text"}


def test_a_folder_with_a_script_is_a_script(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    assert load(tmp_path).id == "try-out"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kitchen-greting", "Did you mean kitchen-greeting?"),
        ("no/such/file.yaml", "There is no script file"),
        ("script.yaml", "There is no script file"),
    ],
)
def test_what_is_not_there_is_one_sentence(name: str, said: str) -> None:
    with pytest.raises(ScriptMissing) as caught:
        load(name)
    assert said in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_bad_script_is_refused_with_all_its_findings(tmp_path: Path) -> None:
    text = GOOD.replace("kind: say", "kind: sing").replace('"1.0"', "1.0")
    with pytest.raises(ScriptInvalid) as caught:
        load(written(tmp_path, text))
    assert [row["code"] for row in caught.value.facts["findings"]] == ["version-not-quoted", "unknown-kind"]
    assert "(1 more)" in caught.value.message


# ------------------------------------------------------------------ any plan can be written down
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"]), min_size=1, max_size=30).filter(
    lambda text: text.strip() == text
)
IDS = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)


@st.composite
def sources(draw: st.DrawFn) -> dict[str, object]:
    ids = draw(st.lists(IDS, min_size=1, max_size=5, unique=True))
    steps = []
    for step_id in ids:
        kind = draw(st.sampled_from(["say", "do", "show", "answer"]))
        answered = draw(st.sampled_from(["text", "audio"]))
        record = {"say": ["audio", "video"], "do": ["video"], "show": ["image"], "answer": [answered]}[kind]
        step: dict[str, object] = {"id": step_id, "kind": kind, "prompt": draw(WORDS), "record": record}
        if kind == "say":
            step["expected"] = draw(WORDS)
        if kind in ("say", "do") or record == ["audio"]:
            step["seconds"] = draw(st.integers(1, 60) | st.sampled_from([0.5, 2.25]))
        steps.append(step)
    return {
        "id": draw(IDS),
        "version": draw(st.sampled_from(["1", "1.10", "2026-11-23", "no"])),
        "title": draw(WORDS),
        "language": draw(st.sampled_from(["en", "no", "de-AT", "zh-Hant-TW"])),
        "study": draw(IDS),
        "consent": {"text": draw(WORDS), "uses": ["video", "audio", "image", "text"]},
        "steps": steps,
    }


@settings(max_examples=150, deadline=None)
@given(sources())
def test_whatever_is_written_comes_back(tmp_path_factory: pytest.TempPathFactory, source: dict[str, object]) -> None:
    import unicodedata

    out = io.StringIO()
    YAML(typ="safe", pure=True).dump(source, out)
    plan = load(written(tmp_path_factory.getbasetemp(), out.getvalue()))
    assert (plan.id, plan.version, plan.language) == (source["id"], source["version"], source["language"])
    assert plan.title == unicodedata.normalize("NFC", str(source["title"])).strip()
    assert [step.id for step in plan.steps] == [step["id"] for step in source["steps"]]  # type: ignore[attr-defined]
    assert Plan.read(canonical_json(plan)) == plan
    for step, row in zip(plan.steps, source["steps"], strict=True):  # type: ignore[call-overload]
        assert step.seconds == row.get("seconds", 0), "what has no clock has no length"
