"""The video half on a world of coloured boxes: what leaves the ring, when, and what is masked in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.redaction.people_finder import FrameDetections, PeopleFinder, RedactionFailed, RedactionUnavailable
from prelabel.redaction.policy import LOOK_LIMIT_US, SOLID_YUV
from prelabel.redaction.video import VideoRedactor, redact_picture
from tests.prelabel.redaction import colours as c
from tests.prelabel.redaction.scenes import is_solid
from wire.redaction import MaskRecord
from wire.script import Redaction

RATE = 25
STEP_US = 1_000_000 // RATE
EVERYONE = Redaction(faces="everyone")
MIDDLE = (0.3, 0.0, 0.4, 1.0)
BYSTANDERS = Redaction(faces="bystanders", zone=MIDDLE)
Boxes = Sequence[tuple[tuple[int, int, int], c.Box]]
Masked = Callable[[int, c.Box], float]


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> PeopleFinder:
    return c.finder(tmp_path_factory.mktemp("colours"))


def redactor(policy: Redaction, finder: PeopleFinder, *, allowed: bool = True, live: bool = False) -> VideoRedactor:
    return VideoRedactor(policy, finder, c.WIDTH, c.HEIGHT, allowed, live=live)


def run(redactor: VideoRedactor, film: Sequence[Boxes]) -> tuple[list[np.ndarray], MaskRecord]:
    """All frames of a film at 25 a second, as they leave."""
    out = []
    for number, boxes in enumerate(film):
        out += redactor.push(c.frame(*boxes), number * STEP_US)
    out += redactor.finish()
    assert [stamp for _, stamp in out] == [number * STEP_US for number in range(len(film))]
    return [frame for frame, _ in out], redactor.masked()


def share(frame: np.ndarray, box: c.Box) -> float:
    x, y, width, height = box
    return float(is_solid(frame, SOLID_YUV)[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)].mean())


# ---------------------------------------------------------------- whom
def somebody(x: int, colour: tuple[int, int, int] = c.RED, face: tuple[int, int, int] | None = c.BLUE) -> Boxes:
    body = [(colour, (x, 90, 80, 220))]
    return body if face is None else [*body, (face, (x + 22, 100, 36, 44))]


def test_a_face_is_masked_on_every_frame_and_its_person_is_not(finder: PeopleFinder) -> None:
    film = [somebody(20 + 6 * number) for number in range(75)]
    frames, record = run(redactor(EVERYONE, finder), film)
    for number, frame in enumerate(frames):
        x = 20 + 6 * number
        assert share(frame, (x + 22, 100, 36, 44)) == 1
        assert share(frame, (x, 220, 80, 90)) == 0
    assert record.frames == record.frames_masked == 75
    assert {row.why for row in record.regions} == {"face"}


def test_a_person_without_a_face_is_masked_whole(finder: PeopleFinder) -> None:
    film = [somebody(20 + 6 * number, face=c.BROWN) for number in range(75)]
    frames, record = run(redactor(EVERYONE, finder), film)
    assert all(share(frame, (20 + 6 * number, 90, 80, 220)) == 1 for number, frame in enumerate(frames))
    assert {row.why for row in record.regions} == {"person"}


def test_two_people_with_one_face_leave_one_of_them_masked_whole(finder: PeopleFinder) -> None:
    """A face belongs to one person: whoever stands close by is not excused by it."""
    film = [[(c.GREEN, (180, 90, 200, 220)), *somebody(250)] for _ in range(30)]
    frames, _ = run(redactor(EVERYONE, finder), film)
    assert all(share(frame, (180, 90, 200, 220)) == 1 for frame in frames)


def test_a_face_without_a_person_is_masked_alone(finder: PeopleFinder) -> None:
    frames, _ = run(redactor(EVERYONE, finder), [[(c.BLUE, (300, 150, 40, 50))] for _ in range(30)])
    for frame in frames:
        assert share(frame, (300, 150, 40, 50)) == 1
        assert 0.01 < is_solid(frame, SOLID_YUV).mean() < 0.1


def test_a_head_that_turned_away_stays_masked_by_its_person(finder: PeopleFinder) -> None:
    """The face is seen, then not for 1.6 s, then again: the head is masked all the while, the legs never."""
    film = [somebody(100 + number, face=c.BROWN if 25 <= number < 65 else c.BLUE) for number in range(90)]
    frames, record = run(redactor(EVERYONE, finder), film)
    for number, frame in enumerate(frames):
        assert share(frame, (122 + number, 100, 36, 44)) == 1
        assert share(frame, (100 + number, 240, 80, 70)) == 0
    assert {row.why for row in record.regions} == {"face", "person"}


def test_what_is_seen_late_was_masked_before(finder: PeopleFinder) -> None:
    """Nothing finds the face in the first second; it leaves masked from its first frame on, by what came after."""
    film = [[(c.BROWN if number < 25 else c.BLUE, (200 + 3 * number, 100, 40, 50))] for number in range(75)]
    frames, _ = run(redactor(EVERYONE, finder), film)
    assert all(share(frame, (200 + 3 * number, 100, 40, 50)) == 1 for number, frame in enumerate(frames))


def test_what_hid_behind_something_stays_masked(finder: PeopleFinder) -> None:
    film = [[(c.BLUE if not 20 <= number < 50 else c.BROWN, (100 + 5 * number, 80, 40, 50))] for number in range(75)]
    frames, _ = run(redactor(EVERYONE, finder), film)
    assert all(share(frame, (100 + 5 * number, 80, 40, 50)) == 1 for number, frame in enumerate(frames))


# ---------------------------------------------------------------- the participant
def test_the_participant_in_the_zone_stays_visible_and_a_passer_by_does_not(finder: PeopleFinder) -> None:
    film = [[*somebody(280), *somebody(20 + number, c.GREEN, c.YELLOW)] for number in range(75)]
    frames, record = run(redactor(BYSTANDERS, finder), film)
    for number, frame in enumerate(frames):
        assert share(frame, (280, 90, 80, 220)) == 0
        assert share(frame, (42 + number, 100, 36, 44)) == 1
    assert record.frames_masked == 75


@pytest.mark.parametrize(
    ("policy", "allowed", "x"),
    [
        (BYSTANDERS, False, 280),  # they did not agree to be filmed
        (Redaction(faces="bystanders"), True, 280),  # nowhere to stand
        (EVERYONE, True, 280),
        (BYSTANDERS, True, 20),  # not where the participant stands
    ],
)
def test_without_a_grant_a_zone_or_a_place_in_it_everybody_is_masked(
    finder: PeopleFinder, policy: Redaction, allowed: bool, x: int
) -> None:
    frames, _ = run(redactor(policy, finder, allowed=allowed), [somebody(x) for _ in range(30)])
    assert all(share(frame, (x + 22, 100, 36, 44)) == 1 for frame in frames)


def test_who_walks_into_the_zone_is_not_the_participant(finder: PeopleFinder) -> None:
    frames, _ = run(redactor(BYSTANDERS, finder), [somebody(20 + 4 * number) for number in range(75)])
    assert all(share(frame, (42 + 4 * number, 100, 36, 44)) == 1 for number, frame in enumerate(frames))


def test_two_who_begin_in_the_zone_are_both_masked(finder: PeopleFinder) -> None:
    film = [[*somebody(210), *somebody(350, c.GREEN, c.YELLOW)] for _ in range(30)]
    frames, _ = run(redactor(BYSTANDERS, finder), film)
    assert all(share(frame, (x, 100, 36, 44)) == 1 for frame in frames for x in (232, 372))


def test_from_a_crossing_on_both_are_masked(finder: PeopleFinder) -> None:
    """The passer-by meets the participant in the middle; who is who afterwards nobody can say."""
    xs = [20 + 2 * number for number in range(250)]
    film = [[*somebody(x, c.GREEN, c.YELLOW), *somebody(280)] for x in xs]
    frames, _ = run(redactor(BYSTANDERS, finder), film)
    touching = next(number for number, x in enumerate(xs) if x + 80 >= 280)
    assert all(share(frame, (302, 100, 36, 44)) == 0 for frame in frames[: touching - 60])
    assert all(share(frame, (302, 100, 36, 44)) == 1 for frame in frames[touching + 5 :])
    # While one hides the other only the one in front can be seen.
    assert all(
        share(frame, (x + 22, 100, 36, 44)) == 1
        for frame, x in zip(frames, xs, strict=True)
        if x + 80 <= 280 or x >= 360
    )


def test_a_participant_who_was_lost_is_masked_afterwards(finder: PeopleFinder) -> None:
    film: list[Boxes] = [somebody(280) if not 30 <= number < 50 else [] for number in range(100)]
    frames, _ = run(redactor(BYSTANDERS, finder), film)
    assert all(share(frame, (302, 100, 36, 44)) == 0 for frame in frames[:25])
    assert all(share(frame, (302, 100, 36, 44)) == 1 for frame in frames[50:])


def test_a_second_face_at_the_participant_masks_both(finder: PeopleFinder) -> None:
    """Somebody looks over their shoulder: which face is whose is not certain."""
    film: list[Boxes] = [
        [*somebody(280), *([(c.YELLOW, (330, 96, 30, 36))] if number >= 90 else [])] for number in range(130)
    ]
    frames, _ = run(redactor(BYSTANDERS, finder), film)
    assert all(share(frame, (302, 100, 36, 44)) == 0 for frame in frames[:25])
    assert all(share(frame, (330, 96, 30, 36)) == 1 and share(frame, (302, 100, 28, 44)) == 1 for frame in frames[90:])


# ---------------------------------------------------------------- fail closed
def test_without_a_finder_nothing_begins() -> None:
    with pytest.raises(RedactionUnavailable, match="no detector"):
        VideoRedactor(EVERYONE, None, 640, 352, True)  # type: ignore[arg-type]


def test_values_that_are_no_numbers_let_nothing_out(finder: PeopleFinder) -> None:
    made = redactor(EVERYONE, finder)
    for number in range(40):
        assert made.push(c.frame(*somebody(100)), number * STEP_US) == []
    with pytest.raises(RedactionFailed, match="not finite") as failed:
        for number in range(40, 60):
            made.push(c.frame(*somebody(100), (c.MAGENTA, (400, 100, 50, 50))), number * STEP_US)
    assert failed.value.code == "redaction-failed" and len(made._ring) == 0
    for again in (lambda: made.push(c.frame(), 60 * STEP_US), made.finish):
        with pytest.raises(RedactionFailed):
            again()
    assert made.masked().frames == 0


def test_a_finder_that_raises_lets_nothing_out(finder: PeopleFinder) -> None:
    class Broken(PeopleFinder):
        def find(self, bgr: np.ndarray) -> FrameDetections:
            raise MemoryError("no room")

    broken = object.__new__(Broken)
    vars(broken).update(vars(finder))
    with pytest.raises(RedactionFailed, match="MemoryError: no room"):
        redactor(EVERYONE, broken).push(c.frame(*somebody(100)), 0)


def test_darkness_ends_a_live_recording_and_masks_a_file_whole(finder: PeopleFinder) -> None:
    dark = np.concatenate(
        [np.full((c.HEIGHT, c.WIDTH), 17, np.uint8), np.full((c.HEIGHT // 2, c.WIDTH), 128, np.uint8)]
    )
    made = redactor(EVERYONE, finder, live=True)
    with pytest.raises(RedactionFailed, match="too dark"):
        for number in range(80):
            made.push(dark, number * STEP_US)
    made = redactor(EVERYONE, finder)
    out = [pair for number in range(80) for pair in made.push(dark, number * STEP_US)] + made.finish()
    assert len(out) == 80 and all(is_solid(frame, SOLID_YUV).all() for frame, _ in out)
    (region,) = made.masked().regions
    assert region.why == "undecided" and region.keyframes[0] == (0, 0, 0, c.WIDTH, c.HEIGHT)


@pytest.mark.parametrize("dark_frames", [5, 20])
def test_a_stretch_that_nobody_looked_at_is_masked_whole(finder: PeopleFinder, dark_frames: int) -> None:
    dark = c.frame(((4, 4, 4), (0, 0, c.WIDTH, c.HEIGHT)))
    made = redactor(EVERYONE, finder)
    out = []
    for number in range(60):
        image = dark if 20 <= number < 20 + dark_frames else c.frame(*somebody(100))
        out += made.push(image, number * STEP_US)
    out += made.finish()
    whole = [number for number, (frame, _) in enumerate(out) if is_solid(frame, SOLID_YUV).all()]
    if dark_frames * STEP_US <= LOOK_LIMIT_US / 2:
        assert whole == []
    else:
        assert set(range(20, 20 + dark_frames)) <= set(whole) <= set(range(17, 23 + dark_frames))


@pytest.mark.parametrize("jump_us", [3_000_000, -3_000_000])
def test_missing_frames_end_a_live_recording(finder: PeopleFinder, jump_us: int) -> None:
    made = redactor(EVERYONE, finder, live=True)
    made.push(c.frame(), 5_000_000)
    with pytest.raises(RedactionFailed, match=r"gap of 3\.0 s"):
        made.push(c.frame(), 5_000_000 + jump_us)


def test_a_file_with_few_frames_is_looked_at_frame_by_frame(finder: PeopleFinder) -> None:
    made = redactor(EVERYONE, finder)
    out = []
    for number in range(6):
        out += made.push(c.frame((c.BLUE, (40 + 90 * number, 100, 40, 50))), number * 3_000_000)
    out += made.finish()
    for number, (frame, _) in enumerate(out):
        assert share(frame, (40 + 90 * number, 100, 40, 50)) == 1 and is_solid(frame, SOLID_YUV).mean() < 0.2


# ---------------------------------------------------------------- the ring
@settings(max_examples=25, deadline=None)
@given(
    gaps=st.lists(st.integers(1_000, 300_000), min_size=1, max_size=40),
    margin=st.sampled_from([0.5, 1.0, 2.0]),
    first=st.integers(-(10**9), 10**12),
)
def test_every_frame_leaves_once_in_order_and_after_its_margin(
    finder: PeopleFinder, gaps: list[int], margin: float, first: int
) -> None:
    made = redactor(Redaction(faces="everyone", margin_seconds=margin), finder, live=True)
    stamps = [first + sum(gaps[:number]) for number in range(len(gaps))]
    out: list[int] = []
    for stamp in stamps:
        image = c.frame(*somebody(100))
        before = image.copy()
        for frame, left in made.push(image, stamp):
            assert stamp - left >= margin * 1_000_000 and frame.shape == image.shape
            out.append(left)
        assert (image == before).all()
        assert len(made._ring) == sum(stamp - other < margin * 1_000_000 for other in stamps if other <= stamp)
    out += [stamp for _, stamp in made.finish()]
    assert out == stamps


def test_a_clock_that_stood_still_loses_no_frame(finder: PeopleFinder) -> None:
    made = redactor(EVERYONE, finder, live=True)
    stamps = [0, 40_000, 40_000, 30_000, 80_000]
    out = [pair for stamp in stamps for pair in made.push(c.frame(*somebody(100)), stamp)] + made.finish()
    assert [stamp for _, stamp in out] == stamps
    assert all(share(frame, (122, 100, 36, 44)) == 1 for frame, _ in out)
    assert [is_solid(frame, SOLID_YUV).all() for frame, _ in out] == [False, False, False, True, False]
    assert MaskRecord.read(made.masked().to_json()).frames == 5


def test_a_smaller_picture_may_be_looked_at_instead(finder: PeopleFinder, tmp_path: Path) -> None:
    made = VideoRedactor(EVERYONE, finder, 2 * c.WIDTH, 2 * c.HEIGHT, True, live=False)
    large = np.full((3 * c.HEIGHT, 2 * c.WIDTH), 128, np.uint8)
    out = [
        pair for number in range(10) for pair in made.push(large, number * STEP_US, c.frame(*somebody(100)))
    ] + made.finish()
    assert all(share(frame, (2 * 122, 200, 72, 88)) == 1 for frame, _ in out)


def test_without_a_wish_for_faces_frames_pass_as_they_are(finder: PeopleFinder) -> None:
    made = VideoRedactor(Redaction(speech="outside-prompts"), None, c.WIDTH, c.HEIGHT, True)  # type: ignore[arg-type]
    image = c.frame(*somebody(100))
    ((frame, stamp),) = made.push(image, 7)
    assert stamp == 7 and (frame == c.frame(*somebody(100))).all() and made.finish() == []


@pytest.mark.parametrize("shape", [(528, 638), (352, 640), (528, 640, 3)])
def test_a_frame_of_another_shape_is_refused(finder: PeopleFinder, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="announced"):
        redactor(EVERYONE, finder).push(np.zeros(shape, np.uint8), 0)


# ---------------------------------------------------------------- the account
def test_the_account_says_where_the_masks_are(finder: PeopleFinder) -> None:
    film = [somebody(20 + 6 * number, face=c.BROWN if number > 60 else c.BLUE) for number in range(75)]
    frames, record = run(redactor(EVERYONE, finder), film)
    again = MaskRecord.read(record.to_json())
    assert again == record and {row.name for row in record.models} == {"planted"}
    for number, frame in enumerate(frames):
        here = [row for row in record.regions if row.start_us <= number * STEP_US < row.end_us]
        told = np.zeros((c.HEIGHT, c.WIDTH), bool)
        for row in here:
            times = [key[0] for key in row.keyframes]
            x, y, width, height = (
                np.interp(number * STEP_US, times, [key[n] for key in row.keyframes]) for n in range(1, 5)
            )
            told[max(0, round(y)) : round(y + height), max(0, round(x)) : round(x + width)] = True
        painted = is_solid(frame, SOLID_YUV)
        # Keyframes are exact to eight pixels, on each side of a mask.
        edge = np.ones((17, 17), np.uint8)

        assert (painted <= (cv2.dilate(told.astype(np.uint8), edge) > 0)).all()
        assert (told <= (cv2.dilate(painted.astype(np.uint8), edge) > 0)).all()
    keys = [len(row.keyframes) for row in record.regions]
    assert sum(keys) < 75 and all(a[0] < b[0] for row in record.regions for a, b in pairwise(row.keyframes))


def test_a_picture_is_masked_like_a_film_of_one(finder: PeopleFinder) -> None:
    bgr = c.picture(*somebody(280), *somebody(60, c.GREEN, c.BROWN))
    masked, record = redact_picture(bgr, EVERYONE, finder, allowed=True)
    assert (masked[100:144, 302:338] == SOLID_YUV[0]).all() and (masked[90:310, 60:140] == SOLID_YUV[0]).all()
    assert (masked[240:310, 280:360] == bgr[240:310, 280:360]).all()
    assert record.frames == record.frames_masked == 1
    masked, record = redact_picture(bgr, BYSTANDERS, finder, allowed=True)
    assert (masked[90:310, 280:360] == bgr[90:310, 280:360]).all() and record.frames_masked == 1
    with pytest.raises(RedactionFailed, match="too dark"):
        redact_picture(np.zeros_like(bgr), EVERYONE, finder, allowed=True)
    with pytest.raises(RedactionFailed, match="not finite"):
        redact_picture(c.picture((c.MAGENTA, (9, 9, 50, 50))), EVERYONE, finder, allowed=True)
