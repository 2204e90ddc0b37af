"""What is wrong in a script is found all at once, each finding at its place with its stable code."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts import check, shipped
from scripts.library import source_path
from tests.support.scripts import GOOD, findings_of

ROOT = Path(__file__).resolve().parents[2]


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_a_good_script_has_no_findings(tmp_path: Path) -> None:
    assert findings_of(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "code", "said"),
    [
        ("kind: say", "kind: sya", 13, 11, "unknown-kind", "Did you mean say?"),
        ("kind: say", "kind: dance", 13, 11, "unknown-kind", "expected one of say, do, show, answer"),
        ("    prompt: Say hello.\n", "", 12, 5, "missing-prompt", "Step greet has no prompt"),
        ("    expected: Hello.\n", "", 13, 11, "missing-expected", "has no words to say"),
        ("prompt: Say hello.", "promt: Say hello.", 14, 5, "unknown-field", "Did you mean prompt?"),
        ("  - id: drink", "  - id: greet", 25, 9, "duplicate-id", "first in line 12"),
        ("  - id: cup", "  - id: a cup", 19, 9, "bad-id", "letters, digits"),
        ("title: Try out", "title: Try out\ntitle: Again", 4, 1, "duplicate-key", "first in line 3"),
        ('version: "1.0"', "version: 1.10", 2, 10, "version-not-quoted", '"1.10"'),
        ("title: Try out", "title: 12", 3, 8, "wrong-type", '"12"'),
        ("title: Try out", "title:", 3, 1, "empty", "title of the script is empty"),
        ("language: en", "language: English please", 4, 11, "bad-language", "en-GB"),
        ("uses: [video, audio, image, text]", "uses: [video, audio, text]", 23, 14, "medium-not-consented", "image"),
        ("uses: [video, audio, image, text]", "uses: [vdieo, audio]", 8, 10, "unknown-medium", "Did you mean video?"),
        ("record: [audio, video]", "record: [video]", 16, 5, "medium-missing", "must record audio"),
        ("record: [audio, video]", "record: audio", 16, 13, "wrong-type", "expected a list"),
        ("record: [audio, video]", "record: []", 16, 13, "empty", "empty list"),
        ("record: [audio, video]", "record: [audio, image]", 16, 21, "medium-not-recordable", "cannot record image"),
        ("record: [audio, video]", "record: [audio, audio]", 16, 21, "duplicate-word", "twice"),
        ("reviews: [speech]", "reviews: [tracks, boxes]", 18, 23, "review-without-medium", "records no image"),
        ("reviews: [speech]", "reviews: [text]", 18, 15, "review-without-medium", "records no text or image"),
        ("reviews: [speech]", "reviews: [spech]", 18, 15, "unknown-review", "Did you mean speech?"),
        ("objects: [cup]", "objects: [cpu]", 22, 15, "unknown-object", "Did you mean cup?"),
        ("seconds: 4", "seconds: long", 17, 14, "wrong-type", "a number from 0.5 to 3600"),
        ("seconds: 4", "seconds: 0", 17, 14, "out-of-range", "expected a number"),
        ("seconds: 4", "repeat: 2.5", 17, 13, "wrong-type", "whole number"),
        ("record: [image]", "record: [image]\n    seconds: 3", 24, 5, "field-not-used", "show does not use seconds"),
        ("record: [text]", "record: [text]\n    seconds: 3", 29, 5, "field-not-used", "typed answer"),
        ("record: [text]", "record: [text, audio]", 28, 5, "answer-two-ways", "text or audio, not both"),
        ("record: [text]", "record: [audio]\n    expected: Tea", 29, 5, "field-not-used", "does not use expected"),
        ("record: [text]", "record: [image]", 28, 14, "medium-not-recordable", "it records text or audio"),
        ("boxes: [person, cup]", "boxes: [cup]\n  speech: [cough]", 19, 15, "speech-not-shown", "lack the word speech"),
        ("consent:\n  text: We record you.\n", "consent:\n", 7, 3, "missing-text", "Consent has no text"),
        ("labels:\n  boxes: [person, cup]", "labels: [person]", 9, 9, "wrong-type", "a list"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_place_and_code(
    tmp_path: Path, old: str, new: str, line: int, column: int, code: str, said: str
) -> None:
    rows = findings_of(tmp_path, changed(old, new))
    hit = [row for row in rows if row.code == code]
    assert hit, [str(row) for row in rows]
    assert (hit[0].place.line, hit[0].place.column) == (line, column), str(hit[0])
    assert said in hit[0].message
    assert str(hit[0]).startswith(f"{tmp_path / 'script.yaml'}:{line}:{column} {code} ")


def test_all_findings_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace("kind: say", "kind: sing").replace('"1.0"', "1.0").replace("id: cup", "id: greet")
    rows = findings_of(tmp_path, text.replace("reviews: [text]", "reviews: [text]\n    colour: red"))
    assert [row.code for row in rows] == ["version-not-quoted", "unknown-kind", "duplicate-id", "unknown-field"]
    assert [row.place for row in rows] == sorted(row.place for row in rows)


def test_a_repeat_that_makes_a_used_id_is_found(tmp_path: Path) -> None:
    text = changed("    seconds: 4\n", "    repeat: 2\n").replace("id: drink", "id: greet-2")
    rows = findings_of(tmp_path, text)
    assert [row.code for row in rows] == ["duplicate-id"]


def test_a_use_that_no_step_needs_is_a_warning_only(tmp_path: Path) -> None:
    steps = GOOD[: GOOD.index("  - id: drink")]
    rows = findings_of(tmp_path, steps)
    assert [(row.code, row.severity) for row in rows] == [("use-not-needed", "warning")]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: [1\nb: 2\n", "yaml-syntax", 2),
        ("id: x\n\ttitle: y\n", "yaml-syntax", 2),
        ("a: *nowhere\n", "yaml-syntax", 1),
        ("--- 1\n--- 2\n", "yaml-syntax", 2),
        ("id: \x01\n", "yaml-syntax", 1),
        ("", "empty", 1),
        ("# only a comment\n", "empty", 1),
        ("- a\n- b\n", "wrong-type", 1),
        ("just words\n", "wrong-type", 1),
        ("[" * 3000, "yaml-syntax", 1),
        (b"\xff\xfe\x00binary", "not-text", 1),
        (b"x" * ((1 << 20) + 1), "too-large", 1),
    ],
)
def test_what_is_no_script_is_one_sentence(tmp_path: Path, text: str | bytes, code: str, line: int) -> None:
    rows = findings_of(tmp_path, text)
    assert [(row.code, row.place.line) for row in rows] == [(code, line)]
    assert "\n" not in rows[0].message


def test_a_missing_file_and_a_folder_are_one_sentence_each(tmp_path: Path) -> None:
    assert [row.code for row in check(tmp_path / "none.yaml")] == ["file-missing"]
    assert [row.code for row in check(tmp_path)] == ["is-folder"]


@pytest.mark.parametrize("name", shipped())
def test_shipped_scripts_have_no_findings_at_all(name: str) -> None:
    assert check(source_path(name)) == []


def test_every_code_is_in_the_docs() -> None:
    import re

    codes = set()
    for path in (ROOT / "scripts").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        codes |= set(re.findall(r"(?:error|warning)\([^\"]*?\"([a-z]+(?:-[a-z]+)+|empty)\"", text, re.S))
        codes |= set(re.findall(r"code=?:? ?(?:str )?= ?\"([a-z]+(?:-[a-z]+)+)\"", text))
    assert len(codes) > 20
    docs = (ROOT / "docs" / "scripts.md").read_text(encoding="utf-8")
    assert sorted(code for code in codes if f"`{code}`" not in docs) == []


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_no_bytes_whatever_bring_it_down(tmp_path_factory: pytest.TempPathFactory, text: str | bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    rows = findings_of(folder, data)
    assert rows
    assert all(row.place.line >= 1 and row.place.column >= 1 and row.message for row in rows)


LINES = GOOD.splitlines(keepends=True)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.sampled_from(list("[]{}:-*&!#\"'\n\t x0"))), max_size=6),
    st.sets(st.integers(0, len(LINES) - 1), max_size=3),
)
def test_a_damaged_script_is_either_sound_or_has_findings(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, str]], gone: set[int]
) -> None:
    from scripts import ScriptInvalid, load

    text = "".join(line for number, line in enumerate(LINES) if number not in gone)
    for place, sign in edits:
        text = text[:place] + sign + text[place + 1 :]
    rows = findings_of(tmp_path_factory.getbasetemp(), text)
    path = tmp_path_factory.getbasetemp() / "script.yaml"
    if any(row.severity == "error" for row in rows):
        with pytest.raises(ScriptInvalid):
            load(path)
    else:
        assert load(path).steps


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "words"),
    [
        ("title: Try out", "title:\u202fTry out", 3, 7, "U+202F NARROW NO-BREAK SPACE"),
        ("language: en", "language\uff1a en", 4, 9, "U+FF1A FULLWIDTH COLON"),
        ("prompt: Say hello.", "prompt: Repeat after me: hello.", 14, 28, "must be in quotes"),
        ("    seconds: 4", "\tseconds: 4", 17, 1, "tab"),
    ],
)
def test_the_usual_slips_in_yaml_are_named_where_they_are(
    tmp_path: Path, old: str, new: str, line: int, column: int, words: str
) -> None:
    (finding,) = findings_of(tmp_path, changed(old, new))
    assert (finding.place.line, finding.place.column, finding.code) == (line, column, "yaml-syntax")
    assert words in finding.message


def test_a_no_break_space_inside_a_text_is_not_blamed_for_another_mistake(tmp_path: Path) -> None:
    (finding,) = findings_of(tmp_path, changed("prompt: Say hello.", "prompt: Dites\u00a0: bonjour: encore."))
    assert "in quotes" in finding.message and "U+00A0" not in finding.message


@pytest.mark.parametrize("brackets", ["[]", "{}"])
@pytest.mark.parametrize("depth", [400, 5000])
def test_deep_nesting_is_told_at_its_place(tmp_path: Path, brackets: str, depth: int) -> None:
    opening, closing = ("[", "]") if brackets == "[]" else ("{a: ", "}")
    text = changed("objects: [cup]", "objects: " + opening * depth + "x" + closing * depth)
    (finding,) = [row for row in findings_of(tmp_path, text) if row.place.line > 1]
    if finding.code == "yaml-syntax":
        assert "nested more than 50" in finding.message
    assert finding.place.line == 22


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("seconds: 4", "seconds: .nan", "out-of-range", "not a number (.nan)"),
        ("seconds: 4", "seconds: .inf", "out-of-range", "inf"),
        ("seconds: 4", "seconds: 1e999", "out-of-range", "inf"),
        ("kind: say", "kind: s\u0430y", "unknown-kind", "character 2 is U+0430 CYRILLIC SMALL LETTER A"),
        ("kind: say", "kind: say\u200d", "unknown-kind", "character 4 is U+200D ZERO WIDTH JOINER"),
        ("kind: say", "k\u0456nd: say", "unknown-field", "U+0456"),
        ("id: greet", "id: gre\u0435t", "bad-id", "U+0435"),
        ("    prompt: Say hello.", "    <<: {a: 1}\n    prompt: Say hello.", "unknown-field", "Merge keys"),
        ("title: Try out", "title: " + "x" * 201, "out-of-range", "201 characters"),
        ("prompt: Say hello.", "prompt: " + "y" * 2001, "out-of-range", "at most 2000"),
        ("text: We record you.", "text: " + "z" * 50_001, "out-of-range", "at most 50000"),
    ],
)
def test_values_that_look_right_and_are_not(tmp_path: Path, old: str, new: str, code: str, words: str) -> None:
    found = [row for row in findings_of(tmp_path, changed(old, new)) if row.code == code]
    assert found and words in found[0].message


def test_a_wrong_record_gives_no_warning_about_consent(tmp_path: Path) -> None:
    text = changed("record: [audio, video]", "record: audio and video")
    assert [row.code for row in findings_of(tmp_path, text)] == ["wrong-type"]


def test_what_is_heard_is_named_among_the_labels_too(tmp_path: Path) -> None:
    text = changed("  boxes: [person, cup]", "  boxes: [person, cup]\n  speech: [speech, glass]")
    text = text.replace("kind: say\n", "kind: do\n").replace("    expected: Hello.\n", "    objects: [glas]\n")
    (finding,) = findings_of(tmp_path, text)
    assert finding.code == "unknown-object" and "Did you mean glass?" in finding.message
    assert findings_of(tmp_path, text.replace("[glas]", "[glass]")) == []


def test_labels_that_differ_in_case_only_are_a_warning(tmp_path: Path) -> None:
    (finding,) = findings_of(tmp_path, changed("boxes: [person, cup]", "boxes: [person, cup, PERSON]"))
    assert (finding.code, finding.severity) == ("similar-words", "warning")


def test_a_session_has_at_most_twelve_hours(tmp_path: Path) -> None:
    long = changed("    seconds: 4", "    seconds: 3600\n    repeat: 12")
    assert findings_of(tmp_path, long) == []
    over = long.replace("    seconds: 3600", "    seconds: 3600\n    countdown_seconds: 1")
    assert [row.code for row in findings_of(tmp_path, over)] == ["session-too-long"]


def test_checking_stops_after_a_hundred_findings(tmp_path: Path) -> None:
    found = findings_of(tmp_path, GOOD + "".join(f"extra{number}: 1\n" for number in range(3000)))
    assert len(found) == 101
    assert [row.code for row in found].count("too-many-findings") == 1
