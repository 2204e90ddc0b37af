"""The video half: frames wait in a ring until what comes after them is known, and leave masked.

A frame is masked with everything known within the margin before and after it, so somebody who is first seen a second
after coming in is masked from the first moment. That costs the margin as delay and as memory: a frame of 1280 x 720
takes 1.4 MB, two seconds at 25 fps 69 MB. Nothing leaves the ring unmasked, and when it cannot be known what to
mask, nothing leaves at all.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Sequence

import numpy as np

from prelabel.media.pictures import Image
from prelabel.redaction import policy as limits
from prelabel.redaction.paint import Method, Rect, even_rect, i420_to_bgr, paint_bgr, paint_i420
from prelabel.redaction.people_finder import PeopleFinder, RedactionFailed, RedactionUnavailable
from prelabel.redaction.policy import margin_us
from prelabel.redaction.record import MaskLog
from prelabel.redaction.scene import MaskingScene
from wire.errors import GleanerError
from wire.redaction import MaskRecord, Why
from wire.script import Redaction

Frames = list[tuple[Image, int]]
Placed = tuple[tuple[str, int], Why, Rect]  # a mask: key of the thing, why, where

MAX_SIDE = 640
_SMOOTHING = 0.3


class VideoRedactor:
    """One recording of one camera. For one thread: the encoder's, which waits while the detectors look.

    Without `policy.faces` frames pass as they are. With `bystanders` only the participant stays visible, who begins
    inside `policy.zone`; without a zone, or when `allowed` is false, everybody is masked.

    Args:
        width, height: of the frames, both even.
        allowed: the participant agreed to be filmed.
        live: frames come from a camera that does not wait: looks are spread so that the encoder keeps up, and darkness
            or a gap of more than the margin ends the recording. Else (a file) they get every frame, darkness is
            masked whole and gaps of any length are bridged.
        longest: the longer side of the picture that the detectors get, when no smaller one is pushed.

    Raises:
        RedactionUnavailable: faces are to be masked and there is no finder.
        ValueError: a width or height that is not even.
    """

    def __init__(
        self,
        policy: Redaction,
        finder: PeopleFinder,
        width: int,
        height: int,
        allowed: bool,
        *,
        live: bool = True,
        longest: int = MAX_SIDE,
    ) -> None:
        if policy.faces is not None and finder is None:
            raise RedactionUnavailable("Faces must be masked, but there is no detector for them.")
        if width % 2 or height % 2 or width < 2 or height < 2:
            raise ValueError(f"frames of {width} x {height} are no I420 pictures")
        self._policy, self._finder = policy, finder
        self._width, self._height = width, height
        self._live, self._longest = live, longest
        self._margin_us = margin_us(policy)
        zone = policy.zone if policy.faces == "bystanders" and allowed else None
        self._log = MaskLog(policy, finder.sources if finder is not None else ())
        self._scene: MaskingScene | None = None
        if policy.faces is not None:
            scores = (finder.face_score, finder.person_score)
            self._scene = MaskingScene(width, height, self._margin_us, zone, scores)
        self._noise = np.random.default_rng(secrets.randbits(128))
        self._ring: deque[tuple[Image, int, int]] = deque()  # frame, its stamp, the time it counts as
        self._small: Image | None = None
        self._first_us: int | None = None
        self._looked_us: int | None = None
        self._light_us: int | None = None
        self._cost_seconds = 0.0
        self._failure: RedactionFailed | None = None
        self._finished = False

    def push(self, frame: Image, stamp_us: int, small: Image | None = None) -> Frames:
        """Take the next frame and give those that are safe to encode, oldest first.

        The frame is copied; what comes back is the caller's own.

        Args:
            frame: I420, uint8 of shape (height * 3 // 2, width).
            small: the same moment as a smaller I420 picture, for the detectors.

        Raises:
            RedactionFailed: a detector failed, it is too dark, or frames are missing. Nothing comes out from here on.
            ValueError: another shape than announced, or after `finish`.
        """
        self._go_on()
        if frame.shape != (self._height * 3 // 2, self._width) or frame.dtype != np.uint8:
            raise ValueError(f"a frame of shape {frame.shape} {frame.dtype} came, not I420 of the announced size")
        if self._first_us is None:
            self._first_us = stamp_us
        if self._scene is None:
            self._log.frame(stamp_us - self._first_us, ())
            return [(frame, stamp_us)]
        counts_as = self._in_order(stamp_us)
        if self._ring and counts_as - self._ring[-1][2] > limits.LOOK_EVERY_US:
            self._detect_in_last()
        self._ring.append((frame.copy(), stamp_us, counts_as))
        # Copied as well: the detectors may get it when the next frame shows a gap, or as the last one of all.
        self._small = None if small is None else small.copy()
        if self._looked_us is None or counts_as - self._looked_us >= self._interval_us():
            self._detect_in_last()
        return self._release(counts_as - self._margin_us)

    def finish(self) -> Frames:
        """End of the recording: the rest, masked.

        Raises:
            RedactionFailed: as `push`.
            ValueError: called twice.
        """
        self._go_on()
        if self._ring:
            self._detect_in_last()
        self._finished = True
        return self._release(self._ring[-1][2]) if self._ring else []

    def masked(self) -> MaskRecord:
        """What was masked in the frames that left so far; times are media time of the recording."""
        return self._log.record()

    def _go_on(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._finished:
            raise ValueError("the recording is finished")

    def _in_order(self, stamp_us: int) -> int:
        """The time a frame counts as: its stamp, or that of the frame before when its clock went back."""
        if not self._ring:
            return stamp_us
        before = self._ring[-1][2]
        gap = stamp_us - before
        if self._live and abs(gap) > self._margin_us:
            self._fail(f"The camera's frames have a gap of {abs(gap) / 1e6:.1f} s.")
        return max(stamp_us, before)

    def _interval_us(self) -> int:
        if not self._live:
            return 0  # a face may be there for one frame
        needed = round(self._cost_seconds / limits.LOOK_SHARE * 1_000_000)
        return min(limits.SLOWEST_LOOK_US, max(limits.LOOK_EVERY_US, needed))

    def _detect_in_last(self) -> None:
        """Run the detectors on the newest frame of the ring, unless that was done."""
        frame, _, time_us = self._ring[-1]
        if self._looked_us is not None and self._looked_us >= time_us:
            return
        assert self._scene is not None
        began = time.perf_counter()
        try:
            bgr = i420_to_bgr(frame if self._small is None else self._small, self._longest)
            seen = self._finder.find(bgr)
        except Exception as error:  # noqa: BLE001 - whatever a model throws: what it did not see may be a face
            reason = error.message if isinstance(error, GleanerError) else f"{type(error).__name__}: {error}."
            self._fail(f"The detectors failed on a frame: {reason}", error)
        took = time.perf_counter() - began
        self._cost_seconds += (took - self._cost_seconds) * (_SMOOTHING if self._cost_seconds else 1.0)
        self._looked_us = time_us
        if self._light_us is None or not seen.dark:
            self._light_us = time_us
        if self._live and time_us - self._light_us > self._margin_us:
            self._fail(
                "It is too dark to tell whether somebody is in the picture.", hint="Turn on a light and run the step."
            )
        self._scene.update(time_us, seen, (self._width / bgr.shape[1], self._height / bgr.shape[0]))

    def _release(self, until_us: int) -> Frames:
        """The frames up to a time, masked."""
        out: Frames = []
        assert self._scene is not None and self._first_us is not None
        while self._ring and self._ring[0][2] <= until_us:
            frame, stamp_us, time_us = self._ring.popleft()
            masks = [
                (mask.key, mask.why, rect)
                # After a clock went back it is not known when the frame was seen.
                for mask in (self._scene.masks(time_us) if stamp_us == time_us else self._scene.everything())
                if (rect := even_rect(mask.box, self._width, self._height)) is not None
            ]
            self._paint(frame, masks)
            self._log.frame(time_us - self._first_us, masks)
            out.append((frame, stamp_us))
        if out:
            self._scene.drop_before(self._ring[0][2] if self._ring else until_us)
        return out

    def _paint(self, frame: Image, masks: Sequence[Placed]) -> None:
        for method, rects in _by_method(masks, self._policy.method):
            paint_i420(frame, rects, method, self._noise)

    def _fail(self, message: str, cause: Exception | None = None, hint: str | None = None) -> None:
        """Drop the ring and refuse all that follows."""
        self._ring.clear()
        self._failure = RedactionFailed(message, hint=hint)
        raise self._failure from cause


def _by_method(masks: Sequence[Placed], method: Method) -> list[tuple[Method, list[Rect]]]:
    """The masks by how they are painted: an average of a whole unknown picture could still show somebody."""
    whole = [rect for _, why, rect in masks if why == "undecided"]
    return [(method, [rect for _, why, rect in masks if why != "undecided"]), ("solid", whole)]


def redact_picture(bgr: Image, policy: Redaction, finder: PeopleFinder, allowed: bool) -> tuple[Image, MaskRecord]:
    """A still H x W x 3 (uint8, BGR) masked, and the account of it (one frame, media time 0).

    Raises:
        RedactionUnavailable: there is no finder.
        RedactionFailed: a detector failed, or it is too dark.
    """
    if finder is None:
        raise RedactionUnavailable("Faces must be masked, but there is no detector for them.")
    height, width = bgr.shape[:2]
    masked = bgr.copy()
    log = MaskLog(policy, finder.sources)
    if policy.faces is None:
        log.frame(0, ())
        return masked, log.record()
    try:
        seen = finder.find(bgr)
    except Exception as error:  # whatever a model throws: what it did not see may be a face
        reason = error.message if isinstance(error, GleanerError) else f"{type(error).__name__}: {error}."
        raise RedactionFailed(f"The detectors failed on the picture: {reason}") from error
    if seen.dark and not seen.crowded:
        raise RedactionFailed("It is too dark to tell whether somebody is in the picture.", hint="Turn on a light.")
    zone = policy.zone if policy.faces == "bystanders" and allowed else None
    scene = MaskingScene(width, height, margin_us(policy), zone, (finder.face_score, finder.person_score))
    scene.update(0, seen, (1.0, 1.0))
    rows = [(mask.key, mask.why, even_rect(mask.box, width, height)) for mask in scene.masks(0)]
    masks = [(key, why, rect) for key, why, rect in rows if rect is not None]
    noise = np.random.default_rng(secrets.randbits(128))
    for method, rects in _by_method(masks, policy.method):
        paint_bgr(masked, rects, method, noise)
    log.frame(0, masks)
    return masked, log.record()
