"""Error rates against a table of edits, the normaliser by examples, and when a transcript is pre-filled."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.quality.texts import (
    PREFILL_BELOW,
    EditSums,
    TextPair,
    character_edits,
    characters,
    expected_word_error_rate,
    normalised,
    word_edits,
)
from tests.support.trials import SOAK, rounds


def distance(first: list[str], second: list[str]) -> int:
    """Levenshtein's recursion as it stands in a book."""

    @cache
    def d(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        return min(d(i - 1, j) + 1, d(i, j - 1) + 1, d(i - 1, j - 1) + (first[i - 1] != second[j - 1]))

    return d(len(first), len(second))


sayings = st.lists(st.sampled_from(["put", "the", "cup", "cups", "down", "a"]), max_size=6).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(sayings, sayings)
def test_edits_are_the_fewest(truth: str, made: str) -> None:
    words, signs = word_edits(truth, made), character_edits(truth, made)
    assert (words.edits, words.length) == (distance(truth.split(), made.split()), len(truth.split()))
    assert (signs.edits, signs.length) == (distance(list(truth), list(made)), len(truth))


@pytest.mark.parametrize(
    ("text", "language", "same"),
    [
        ("Hello,  World!", "en", "hello world"),
        ("Don’t  stop", "en", "don't stop"),
        ("'quoted' rock'n'roll", "en", "quoted rock'n'roll"),
        ("well-known 3,5 %", "en", "well known 3 5"),
        ("Straße", "de", "strasse"),
        ("ｆｕｌｌ width", None, "full width"),
        ("e\u0301te\u0301", "fr", "été"),
        ("हिन्दी", "hi", "हिन्दी"),
        ("今日は、いい天気。", "ja", "今 日 は い い 天 気"),
        ("今日 は", "ja-JP", "今 日 は"),
        ("😀 ok", "en", "ok"),
        ("", "en", ""),
    ],
)
def test_normalised(text: str, language: str | None, same: str) -> None:
    assert normalised(text, language) == same
    assert normalised(same, language) == same


def test_a_language_without_spaces_counts_signs() -> None:
    edits = word_edits("今日は天気", "今日は元気", "ja")
    assert (edits.edits, edits.length) == (1, 5)
    assert character_edits("今日 は", "今日は", "ja").edits == 0


def pairs(count: int, wrong: int, words: int = 10, language: str = "en", shown: bool = False) -> list[TextPair]:
    truth = " ".join(f"word{number}" for number in range(words))
    made = " ".join(f"word{number}" if number >= wrong else "x" for number in range(words))
    return [TextPair(language, truth, made, shown)] * count


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ([], None),
        (pairs(19, 0), None),
        (pairs(30, 0, words=5), None),  # 150 words
        (pairs(20, 1), True),
        (pairs(20, 3), False),
        (pairs(20, 1, language="de"), None),
        (pairs(20, 1, language="en-GB"), True),
        (pairs(20, 5) + pairs(200, 0, shown=True), False),  # people agree with what they are shown
        (pairs(5, 5) + pairs(200, 0, shown=True), True),
        (pairs(15, 0) + pairs(5, 10), False),  # one in four on average, so unevenly that it may well be one in three
        (pairs(20, 2) + pairs(20, 3), True),  # evenly one in four
    ],
)
def test_the_upper_end_decides_where_there_is_evidence(given: list[TextPair], allowed: bool | None) -> None:
    expected = expected_word_error_rate("en", given)
    assert (None if expected is None else expected.high < PREFILL_BELOW) is allowed
    assert expected is None or expected.low <= expected.rate <= expected.high


@pytest.mark.soak
def test_the_interval_holds_the_rate_as_often_as_it_says() -> None:
    """Drawn anew from texts whose words are wrong together, 95 % intervals miss in about one of twenty."""
    import numpy as np

    rng = np.random.default_rng(3)
    held, times = 0, rounds(100, 400)
    for _ in range(times):
        rate = rng.choice([0.0, 0.1, 0.4], size=60)
        drawn = [pair for share in rate for pair in pairs(1, int(rng.binomial(10, share)))]
        expected = expected_word_error_rate("en", drawn)
        assert expected is not None
        held += expected.low <= (0.0 + 0.1 + 0.4) / 3 <= expected.high
    least, most = (0.90, 0.985) if SOAK else (0.88, 0.995)  # by chance a short round is a little off
    assert least <= held / times <= most


def test_chinese_languages_under_their_own_codes_have_no_spaces() -> None:
    for language in ("cmn", "cmn-Hans-CN", "nan-Hant-TW", "hak"):
        edits = word_edits("今天天气", "今天天汽", language)
        assert (edits.edits, edits.length) == (1, 4)


@pytest.mark.parametrize(
    ("truth", "made", "language"),
    [
        ("می\u200cروم خانه", "میروم خانه", "fa"),  # a joiner that keeps letters apart without a space
        ("ක්\u200dෂමා", "ක්ෂමා", "si"),  # a joiner that binds them
        ("left\u00adover tea", "leftover tea", "en"),
        ("I \u2764\ufe0f tea", "I tea", "en"),
        ("the \U0001f469\u200d\U0001f373 cooks", "the cooks", "en"),
        ("press 1\ufe0f\u20e3 now", "press 1 now", "en"),
        ("waving \U0001f44b\U0001f3fd hand", "waving hand", "en"),
        ("\u202bשלום\u202c", "שלום", "he"),
        ("ISPARTA IŞIĞI", "ısparta ışığı", "tr-TR"),
        ("İZMİR", "izmir", "tr"),
        ("I\u0307ZMIR", "izmır", "az"),
        ("葛\U000e0100城", "葛城", "ja"),
    ],
)
def test_what_nobody_sees_or_writes_otherwise_is_no_mistake(truth: str, made: str, language: str) -> None:
    assert word_edits(truth, made, language).edits == 0
    assert character_edits(truth, made, language).edits == 0


def test_an_i_without_a_dot_is_another_letter_in_turkish() -> None:
    assert word_edits("kısa", "kisa", "tr").edits == 1
    assert word_edits("ILL", "ill", "en").edits == 0


@pytest.mark.parametrize(
    ("text", "language", "same"),
    [
        ("我用 iPhone15 打电话", "cmn-Hans-CN", "我 用 iphone15 打 电 话"),
        ("スーパーでUSBを買う", "ja", "ス ー パ ー で usb を 買 う"),
        ("tâi-oân 話", "nan", "tâi oân 話"),
        ("ไปกิน KFC", "th", "ไ ป กิ น kfc"),
        ("a\u200bb", "en", "a b"),
    ],
)
def test_scripts_without_spaces_are_parted_and_others_are_not(text: str, language: str, same: str) -> None:
    assert normalised(text, language) == same


def test_characters_are_what_people_see() -> None:
    """A syllable of several code points is one character: one wrong of three."""
    edits = character_edits("नमस्ते", "नमस्तु", "hi")
    assert edits.edits == 1 and edits.length == len(characters("नमस्ते")) < len("नमस्ते")
    assert character_edits("\u1100\u1161\u11a8간", "\uac01간", "ko") == EditSums(0, 2)


@pytest.mark.soak
def test_texts_without_an_error_prove_no_more_than_their_number() -> None:
    """One text in forty wholly wrong: most samples of 25 show none, and the upper end must hold all the same."""
    import numpy as np

    rng = np.random.default_rng(8)
    held, times = 0, rounds(75, 300)
    for _ in range(times):
        wrong = rng.random(25) < 1 / 40
        drawn = [pair for bad in wrong for pair in pairs(1, 10 if bad else 0)]
        expected = expected_word_error_rate("en", drawn)
        assert expected is not None
        held += expected.high >= 1 / 40
    assert held / times >= 0.95
    none_wrong = expected_word_error_rate("en", pairs(25, 0))
    assert none_wrong is not None and none_wrong.high == pytest.approx(1 - 0.025 ** (1 / 25), abs=1e-6)
