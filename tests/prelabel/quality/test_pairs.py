"""Pairs for calibration and for the limit on transcripts."""

from __future__ import annotations

from prelabel.quality.pairs import ScorePair, score_pairs, text_pairs
from prelabel.quality.texts import TextPair
from tests.prelabel.quality.made import box, interval, kept, reviewed, text, track


def test_only_what_chance_chose_counts() -> None:
    labels = [box("b1", score=0.9), box("b2", 50, score=0.3), box("b3", 90)]
    after = [kept(box("b1", 2)), box("n1", 50, label="mug")]
    assert score_pairs([reviewed(labels, after)]) == []
    expected = [ScorePair("cup", 0.9, True, "cap-1"), ScorePair("cup", 0.3, False, "cap-1")]  # the third has no score
    assert score_pairs([reviewed(labels, after, drawn_by_chance=True)]) == expected
    assert score_pairs([reviewed(labels, after, sight="nothing")]) == []  # opened before the model ran: drawn by nobody
    assert score_pairs([reviewed(labels, after, sight="nothing", drawn_by_chance=True)]) == expected


def test_right_is_at_least_half_shared() -> None:
    times = tuple(frame * 40_000 for frame in range(20))
    seen = track("t", [(0, 0, 0, 9, 9), (9, 0, 0, 9, 9)], score=0.8)
    for last, right in ((4, True), (3, False)):  # 5 and 4 of 10 frames
        true = track("t", [(0, 0, 0, 9, 9), (last, 0, 0, 9, 9)])
        item = reviewed([seen], [kept(true)], task_type="tracks", times_us=times, drawn_by_chance=True)
        assert score_pairs([item]) == [ScorePair("person", 0.8, right, "cap-1")]
    heard = [interval("s", 0, 2, score=0.7), interval("s2", 5, 6, score=0.6)]
    item = reviewed(heard, [kept(interval("s", 1, 2)), interval("n", 5.6, 6)], drawn_by_chance=True)
    assert score_pairs([item]) == [ScorePair("speech", 0.7, True, "cap-1"), ScorePair("speech", 0.6, False, "cap-1")]
    read = [text("t", "exit", score=0.9), text("u", "N0", score=0.5)]
    item = reviewed(read, [kept(text("t", "exit")), kept(text("u", "NO"))], drawn_by_chance=True)
    assert score_pairs([item]) == [ScorePair("answer", 0.9, True, "cap-1"), ScorePair("answer", 0.5, False, "cap-1")]


def test_text_pairs_of_whole_recordings() -> None:
    heard = [interval("s2", 3, 4, text="down"), interval("s1", 0, 1, text="put it")]
    item = reviewed(heard, [interval("s1", 0, 4, text="put it down")], language="en")
    assert text_pairs([item], shown=True) == [TextPair("en", "put it down", "put it down", True)]
    blind = reviewed(heard, [], language="en", sight="nothing")
    assert text_pairs([blind, reviewed([interval("s", 0, 1)], [])], shown=True) == [
        TextPair("en", "", "put it down", False)
    ]
