"""What a study asks for, and the engine's own limits: the numbers that decide how much more than seen is masked."""

from __future__ import annotations

from wire.script import Redaction

# ---------------------------------------------------------------- looking
# Recall first: a false mask is cheap. A face of 14 pixels, turned by 30 degrees, still scores 0.17 with CenterFace.
FACE_FLOOR = 0.15
# From here on a face excuses the rest of its person. CenterFace gives backs of heads up to 0.49, profiles 0.5 to 0.73
# and faces that look at the camera 0.8 and more.
SURE_FACE = 0.6
PERSON_FLOOR = 0.2
LOOK_EVERY_US = 80_000
# A stretch without a look that is longer than this is masked whole.
LOOK_LIMIT_US = 400_000
# Live, looks are spread so that they take this share of one core, and never further apart than SLOWEST_LOOK_US.
LOOK_SHARE = 0.6
SLOWEST_LOOK_US = 320_000
# Mean of a picture's bytes: below DIM it is brightened for the detectors, below DARK no look is trusted.
DIM = 50.0
BRIGHTENED = 100.0
DARK = 10.0

# ---------------------------------------------------------------- masks
FACE_GROW = 1.5
HEAD_WIDTH = 0.9  # of a face's height: a mask is never narrower before it grows
PERSON_GROW = 1.15
# A frame is masked with every box that was seen this near to it, in addition to the place its own time gives. Half of
# what two looks may lie apart: each frame is then masked with one of them at least, even if two tracks were mixed up.
UNION_US = LOOK_LIMIT_US // 2
# What was seen once and weakly reaches this far; all else reaches through the whole ring.
WEAK_REACH_US = 400_000
# The head is masked by its person's box as well when its face was not seen this near to the frame.
FACE_LOST_US = 300_000
SOLID_YUV = (48, 128, 128)
MOSAIC_BLOCK = 20
MOSAIC_NOISE = 12

# ---------------------------------------------------------------- telling apart
# The participant is in the zone when the recording begins: whoever turns up there later than this is not.
PLACED_US = 1_000_000
# A participant who was not seen for this long may be somebody else afterwards.
BREAK_US = 400_000
# Share of the smaller of two boxes that they have in common: from here on their tracks may have been exchanged.
CROSSING = 0.1
NEAR_GROW = 1.2

# ---------------------------------------------------------------- sound
# silero-vad labels speech from 0.5 to 0.35; what may be speech is muted from half of that on.
SPEECH_ON = 0.25
SPEECH_OFF = 0.1
WIDEN_US = 200_000
# Pauses up to half the margin and at most this long belong to the speech around them.
MAX_PAUSE_US = 1_000_000
FADE_US = 20_000
NOISE_DBFS = -50.0
NOISE_BAND_HZ = (200.0, 4000.0)
# A block that begins this far from where the last one ended: what is missing there may have been speech.
SOUND_GAP_US = 50_000


def margin_us(policy: Redaction) -> int:
    """How long a frame or sample waits: the margin before and after."""
    return round(policy.margin_seconds * 1_000_000)
