"""Files redacted into new ones: times, samples and shapes kept, faces and speech gone, nothing half written."""

from __future__ import annotations

import hashlib
import json
import struct
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from prelabel.audio.vad import VadModel
from prelabel.labelling.outputs import OutputExists
from prelabel.models.package import open_model
from prelabel.redaction.files import Claimed, FileRedaction, redact_file
from prelabel.redaction.people_finder import PeopleFinder, RedactionFailed, RedactionUnavailable
from prelabel.redaction.policy import SOLID_YUV
from tests.prelabel import graphs
from tests.prelabel.redaction import colours as c
from tests.support.recordings import wav, write_sound, write_video
from wire.errors import GleanerError
from wire.script import Redaction

BOTH = Redaction(faces="everyone", speech="outside-prompts", margin_seconds=0.5)
RATE = 16_000
FACE = (122, 100, 36, 44)
# Uneven, as cameras are: milliseconds, so that Matroska can hold them too.
TIMES_MS = [0, 40, 81, 119, 160, 240, 241, 290, 330, 371, 410, 1000, 1040, 1083, 1120, 1160]


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], PeopleFinder]:
    made = c.finder(tmp_path_factory.mktemp("colours"))
    return lambda: made


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], VadModel]:
    """Hears the mean of a window: a constant level is speech."""
    text = graphs.manifest("vad", *graphs.VAD_IO, ["speech"])
    made = VadModel(open_model(graphs.save_package(tmp_path_factory.mktemp("vad"), graphs.vad(), text)))
    return lambda: made


@pytest.fixture
def redact(finder: Any, voice: Any, tmp_path: Path) -> Callable[..., Any]:
    def run(path: Path, policy: Redaction = BOTH, **more: Any) -> Any:
        return redact_file(path, tmp_path / "out", policy, finder=finder, voice=voice, **more)

    return run


def tone(seconds: float, *speech: tuple[float, float]) -> np.ndarray:
    """A quiet tone, with a loud constant level (speech to the planted network) in [from, to) seconds."""
    t = np.arange(round(seconds * RATE)) / RATE
    samples = np.round(900 * np.sin(2 * np.pi * 440 * t)).astype(np.int16)
    for start, end in speech:
        samples[round(start * RATE) : round(end * RATE)] = 26_000
    return samples


def write_person(
    path: Path,
    sound: np.ndarray | None = None,
    size: tuple[int, int] = (c.WIDTH, c.HEIGHT),
    times_ms: list[int] = TIMES_MS,
) -> None:
    """A person with a face at uneven times; the first frame 200 ms after the sound begins."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25, options={"bf": "2", "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p" if size[0] % 2 == 0 else "yuv444p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        heard: Any = None
        if sound is not None:
            heard = container.add_stream("aac", rate=RATE)
            heard.layout = "mono"
        for at in times_ms:
            bgr = c.picture((c.RED, (100, 90, 80, 220)), (c.BLUE, FACE))[: size[1], : size[0]]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(bgr), format="bgr24")
            frame.pts, frame.time_base = at + (200 if sound is not None else 0), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if heard is not None and sound is not None:
            part = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="mono")
            part.sample_rate, part.pts = RATE, 0
            container.mux(heard.encode(part))
            container.mux(heard.encode(None))


def frames_of(path: Path) -> tuple[list[np.ndarray], list[float]]:
    with av.open(str(path)) as container:
        rows = [
            (frame.to_ndarray(format="yuv420p"), float(frame.pts * frame.time_base))
            for frame in container.decode(video=0)
        ]
    return [row[0] for row in rows], [row[1] for row in rows]


def sound_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        parts = [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate(parts)


def near_solid(frame: np.ndarray, box: c.Box) -> bool:
    """Whether a decoded box is the fill, as far as an encoder keeps it."""
    x, y, width, height = box
    return bool(np.abs(frame[y : y + height, x : x + width].astype(int) - SOLID_YUV[0]).max() < 12)


# ---------------------------------------------------------------- videos
@pytest.mark.parametrize(("suffix", "left"), [(".mp4", ".mp4"), (".mkv", ".mkv"), (".mov", ".mp4")])
def test_a_video_keeps_its_times_and_loses_its_faces_and_speech(
    redact: Callable[..., Any], tmp_path: Path, suffix: str, left: str
) -> None:
    name = "kitchen" if suffix == left else f"kitchen{suffix}"
    path = tmp_path / f"kitchen{suffix}"
    write_person(path, tone(2.0, (0.8, 1.2)))
    before = path.read_bytes()
    told: list[tuple[int, int]] = []
    made = redact(path, progress=lambda done, total: told.append((done, total)))
    assert made.output == tmp_path / "out" / f"{name}.redacted{left}" and path.read_bytes() == before
    old, old_times = frames_of(path)
    new, new_times = frames_of(made.output)
    assert [time - new_times[0] for time in new_times] == pytest.approx([ms / 1000 for ms in TIMES_MS], abs=1e-9)
    assert new_times[0] == pytest.approx(old_times[0], abs=1e-9)
    assert all(near_solid(frame, FACE) for frame in new) and not any(near_solid(frame, FACE) for frame in old)
    heard = sound_of(made.output)
    assert np.abs(heard[round(0.65 * RATE) : round(1.35 * RATE)]).max() < 60
    assert np.abs(heard[round(0.1 * RATE) : round(0.5 * RATE)]).max() > 700
    assert told[-1][0] == 1_360_000 and told[-1][1] == pytest.approx(2_000_000, rel=0.1)
    facts = FileRedaction.read(made.account.read_bytes())
    assert facts.original.name == path.name and facts.redacted.bytes == made.output.stat().st_size
    assert facts.masks.frames == facts.masks.frames_masked == len(TIMES_MS)
    assert {row.why for row in facts.masks.regions} == {"face", "speech"} and len(facts.masks.models) == 3
    assert sorted(row.name for row in (tmp_path / "out").iterdir()) == sorted([made.output.name, made.account.name])


def test_sound_is_kept_when_only_faces_go(redact: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    write_person(path, tone(2.0, (0.8, 1.2)))
    made = redact(path, Redaction(faces="everyone"))
    assert np.abs(sound_of(made.output)[round(0.9 * RATE) : round(1.1 * RATE)]).min() > 20_000
    assert {row.why for row in made.facts.masks.regions} == {"face"}


def test_pictures_are_kept_when_only_speech_goes(redact: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_person(path, tone(2.0, (0.8, 1.2)))
    made = redact(path, Redaction(speech="outside-prompts"))
    frames, _ = frames_of(made.output)
    assert len(frames) == len(TIMES_MS) and not any(near_solid(frame, FACE) for frame in frames)
    assert np.abs(sound_of(made.output)[round(0.7 * RATE) : round(1.3 * RATE)]).max() < 60
    assert made.facts.masks.frames_masked == 0 and made.facts.masks.samples_muted > 0


def test_a_turned_video_is_looked_at_and_written_upright(redact: Callable[..., Any], tmp_path: Path) -> None:
    """A telephone held upright writes its picture lying, with a mark: unturned, no detector finds the face."""
    path = tmp_path / "phone.mp4"
    write_person(path)
    data = path.read_bytes()
    identity = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    quarter = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    at = data.index(identity, data.index(b"tkhd"))
    path.write_bytes(data[:at] + quarter + data[at + len(identity) :])
    with av.open(str(path)) as container:
        turned = next(container.decode(video=0)).rotation
    assert turned in (-90, 90)
    made = redact(path)
    frames, _ = frames_of(made.output)
    assert frames[0].shape == (c.WIDTH * 3 // 2, c.HEIGHT)
    with av.open(str(made.output)) as container:
        assert next(container.decode(video=0)).rotation == 0
    x, y, width, height = FACE
    place = (c.HEIGHT - y - height, x, height, width) if turned == -90 else (y, c.WIDTH - x - width, height, width)
    assert all(near_solid(frame, place) for frame in frames)


@pytest.mark.parametrize("late_ms", [900, 5300])
def test_matroska_that_begins_late_is_whole(redact: Callable[..., Any], tmp_path: Path, late_ms: int) -> None:
    path = tmp_path / "late.mkv"
    write_person(path, times_ms=[late_ms + at for at in TIMES_MS])
    made = redact(path)
    assert made.facts.masks.frames == len(TIMES_MS)
    cut_video(path, 0.5)
    with pytest.raises(GleanerError) as refused:
        redact(path, force=True)
    assert refused.value.code == "not-redactable"


def test_an_odd_picture_loses_its_last_row_and_column(redact: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    write_person(path, size=(c.WIDTH - 1, c.HEIGHT - 1))
    frames, _ = frames_of(redact(path).output)
    assert frames[0].shape == ((c.HEIGHT - 2) * 3 // 2, c.WIDTH - 2) and all(
        near_solid(frame, FACE) for frame in frames
    )


@pytest.mark.parametrize(("rate", "codec"), [(RATE, "aac"), (37_800, "flac")])
def test_an_old_video_that_does_not_say_where_its_channels_are(
    redact: Callable[..., Any], tmp_path: Path, rate: int, codec: str
) -> None:
    """AVI says how many channels there are, not which; and its sound may have a rate that AAC does not know."""
    path = tmp_path / "camcorder.avi"
    sound = np.repeat(tone(2.0, (0.8, 1.2))[:, np.newaxis], 2, axis=1)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = c.WIDTH, c.HEIGHT, "yuv420p"
        heard: Any = container.add_stream("pcm_s16le", rate=rate)
        heard.layout = "stereo"
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(c.picture((c.BLUE, FACE)), format="bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        part = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="stereo")
        part.sample_rate = rate
        container.mux(heard.encode(part))
    with av.open(str(path)) as container:
        assert container.streams.audio[0].codec_context.layout.name == "2 channels"
    made = redact(path)
    frames, _ = frames_of(made.output)
    assert len(frames) == 50 and all(near_solid(frame, FACE) for frame in frames)
    with av.open(str(made.output)) as container:
        context = container.streams.audio[0].codec_context
        assert (context.name, context.layout.name, context.sample_rate) == (codec, "stereo", rate)
    assert made.facts.masks.samples_muted > 0


# ---------------------------------------------------------------- stills
def jpeg_with_thumbnail() -> bytes:
    """A JPEG whose EXIF has an orientation, a place and the picture itself as a thumbnail."""
    _, small = cv2.imencode(".jpg", c.picture((c.RED, (100, 90, 80, 220)), (c.BLUE, FACE))[::2, ::2])
    thumbnail = small.tobytes()
    entries = struct.pack("<H", 1) + struct.pack("<HHII", 0x010E, 2, 8, 26)
    after = 8 + 2 + 12 + 4
    first = entries + struct.pack("<I", after + 8) + b"Elm St 5"
    second = struct.pack("<H", 2)
    offset = after + 8 + 2 + 24 + 4
    second += struct.pack("<HHII", 0x0201, 4, 1, offset) + struct.pack("<HHII", 0x0202, 4, 1, len(thumbnail))
    exif = b"Exif\0\0" + b"II*\0" + struct.pack("<I", 8) + first + second + struct.pack("<I", 0) + thumbnail
    _, full = cv2.imencode(".jpg", c.picture((c.RED, (100, 90, 80, 220)), (c.BLUE, FACE)))
    data = full.tobytes()
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


def test_a_still_loses_its_faces_its_exif_and_its_thumbnail(redact: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "still.jpg"
    path.write_bytes(jpeg_with_thumbnail())
    made = redact(path)
    data = made.output.read_bytes()
    assert made.output.name == "still.redacted.jpg"
    assert b"Exif" not in data and b"Elm St" not in data and data.count(b"\xff\xd8\xff") == 1
    left = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    x, y, width, height = FACE
    assert np.abs(left[y : y + height, x : x + width].astype(int) - SOLID_YUV[0]).max() < 12
    assert (left[250:300, 110:170, 2] > 150).all()
    assert made.facts.masks.frames == 1 and json.loads(made.account.read_text())["masks"]["regions"]


def test_a_picture_without_loss_stays_one(redact: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    bgr = c.picture((c.RED, (100, 90, 80, 220)), (c.BLUE, FACE))
    cv2.imwrite(str(path), bgr)
    left = cv2.imread(str(redact(path).output))
    assert (left[250:300] == bgr[250:300]).all() and (left[110:140, 125:155] == SOLID_YUV[0]).all()


# ---------------------------------------------------------------- sound
@pytest.mark.parametrize(("suffix", "left"), [(".wav", ".wav"), (".flac", ".flac"), (".mp3", ".flac")])
def test_sound_keeps_every_sample_beside_its_speech(
    redact: Callable[..., Any], tmp_path: Path, suffix: str, left: str
) -> None:
    path = tmp_path / f"room{suffix}"
    samples = tone(4.0, (1.5, 2.0))
    codec = {".wav": "pcm_s16le", ".flac": "flac", ".mp3": "mp3"}[suffix]
    write_sound(path, samples, RATE, codec=codec, form="s16p" if suffix == ".mp3" else None)
    made = redact(path)
    old, new = sound_of(path), sound_of(made.output)
    assert made.output.suffix == left and len(new) == len(old)
    assert (new[round(1.35 * RATE) : round(2.15 * RATE)] == 0).all()
    if suffix != ".mp3":
        assert (new[: round(1.2 * RATE)] == samples[: round(1.2 * RATE)]).all()
        assert (new[round(2.3 * RATE) :] == samples[round(2.3 * RATE) :]).all()
    assert made.facts.masks.samples_muted == pytest.approx(0.9 * RATE, rel=0.2)


def test_speech_that_was_asked_for_stays(redact: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "room.wav"
    samples = tone(6.0, (1.5, 2.0), (4.0, 4.5))
    path.write_bytes(wav(samples, RATE))
    new = sound_of(redact(path, prompted=[(1_000_000, 2_500_000)]).output)
    assert (new[: 3 * RATE] == samples[: 3 * RATE]).all()
    assert (new[round(3.85 * RATE) : round(4.65 * RATE)] == 0).all()


def test_twenty_four_bits_stay(redact: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "wide.wav"
    values = (tone(2.0).astype(np.int32) * 256 + 77)[:, np.newaxis]
    raw = b"".join(int(value).to_bytes(3, "little", signed=True) for value in values[:, 0])
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(3)
        out.setframerate(RATE)
        out.writeframes(raw)
    with av.open(str(redact(path).output)) as container:
        parts = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
        assert container.streams.audio[0].codec_context.name == "pcm_s24le"
    assert (np.concatenate(parts) == values[:, 0] << 8).all()


# ---------------------------------------------------------------- refusals
def cut_video(path: Path, share: float) -> None:
    write_person(path, tone(8.0), times_ms=list(range(0, 8000, 40)))
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])


def huge_png() -> bytes:
    ihdr = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    import zlib

    def chunk(body: bytes) -> bytes:
        return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))

    return b"\x89PNG\r\n\x1a\n" + chunk(ihdr) + chunk(b"IDAT" + zlib.compress(b"\0" * 1000)) + chunk(b"IEND")


def speck(path: Path) -> None:
    """A video of one pixel."""
    write_video(path, [np.zeros((1, 1, 3), np.uint8)], codec="ffv1", pixels="bgr0")


REFUSED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no media": ("a.mp4", lambda path: path.write_text("hello " * 100), "not-redactable"),
    "an empty file": ("a.mp4", lambda path: path.write_bytes(b""), "not-redactable"),
    "cut WAV": ("a.wav", lambda path: path.write_bytes(wav(tone(3.0), RATE)[:50_000]), "not-redactable"),
    "WAV of nothing": ("a.wav", lambda path: path.write_bytes(wav(tone(0.0), RATE)), "not-redactable"),
    "cut Matroska": ("a.mkv", lambda path: cut_video(path, 0.5), "not-redactable"),
    "cut MP4": ("a.mp4", lambda path: cut_video(path, 0.5), "not-redactable"),
    "one pixel": ("a.mkv", speck, "not-redactable"),
    "cut JPEG": ("a.jpg", lambda path: path.write_bytes(jpeg_with_thumbnail()[:-4000]), "picture-unreadable"),
    "huge PNG": ("a.png", lambda path: path.write_bytes(huge_png()), "picture-too-large"),
    "nothing there": ("a.mp4", lambda path: None, "file-missing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_gets_one_sentence_and_leaves_nothing(redact: Callable[..., Any], tmp_path: Path, name: str) -> None:
    file, write, code = REFUSED[name]
    path = tmp_path / file
    write(path)
    with pytest.raises(GleanerError) as refused:
        redact(path)
    assert refused.value.code == code and "\n" not in refused.value.message and refused.value.hint
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_with_the_detector_removed_nothing_is_written(voice: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_person(path, tone(2.0))

    def gone() -> PeopleFinder:
        raise RedactionUnavailable("Redaction needs the model yolox-nano, which is not on this machine.")

    with pytest.raises(RedactionUnavailable):
        redact_file(path, tmp_path / "out", BOTH, finder=gone, voice=voice)
    assert not (tmp_path / "out").exists()


def test_a_detector_that_fails_in_the_middle_leaves_nothing(redact: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), c.picture((c.MAGENTA, (10, 10, 50, 50)), (c.BLUE, FACE)))
    with pytest.raises(RedactionFailed):
        redact(path)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("a.wav", Redaction(faces="everyone")),
        ("a.png", Redaction(speech="outside-prompts")),
        ("a.mp4", Redaction(speech="outside-prompts")),
    ],
)
def test_nothing_to_do_makes_no_file_that_looks_redacted(
    redact: Callable[..., Any], tmp_path: Path, name: str, policy: Redaction
) -> None:
    path = tmp_path / name
    if name == "a.wav":
        path.write_bytes(wav(tone(1.0), RATE))
    elif name == "a.png":
        cv2.imwrite(str(path), c.picture())
    else:
        write_person(path)
    with pytest.raises(GleanerError) as refused:
        redact(path, policy)
    assert refused.value.code == "nothing-to-redact" and not (tmp_path / "out").exists()


def test_what_is_there_is_replaced_only_when_asked(redact: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(tone(1.0), RATE))
    made = redact(path)
    made.output.write_bytes(b"mine")
    with pytest.raises(GleanerError) as refused:
        redact(path)
    assert refused.value.code == "output-exists" and made.output.read_bytes() == b"mine"
    assert redact(path, force=True).output.read_bytes() != b"mine"


def test_files_whose_names_differ_share_neither_an_output_nor_an_account(
    redact: Callable[..., Any], tmp_path: Path
) -> None:
    names = ["a.png", "a.PNG", "a.bmp", "a.jpg", "a.jpeg", "a.wav", "a.flac", "a.mka", "a.mkv", "a.mp4", "a.mov"]
    claimed, made = Claimed(), []
    for number, name in enumerate(names):
        path = tmp_path / name
        match path.suffix.lower():
            case ".wav":
                path.write_bytes(wav(tone(1.0), RATE))
            case ".flac" | ".mka":
                write_sound(path, tone(1.0), RATE)
            case ".mkv" | ".mp4" | ".mov":
                write_person(path, times_ms=TIMES_MS[: number + 1])
            case _:
                cv2.imwrite(str(path), c.picture((c.BLUE, (10 * number, 20, 30, 40))))
        made.append(redact(path, force=True, claimed=claimed))
    assert len({row.output for row in made}) == len({row.account for row in made}) == len(names)
    for name, row in zip(names, made, strict=True):
        facts = FileRedaction.read(row.account.read_bytes())
        assert (facts.original.name, facts.redacted.name) == (name, row.output.name)
        assert facts.redacted.sha256 == hashlib.sha256(row.output.read_bytes()).hexdigest()


def test_force_lets_no_file_of_a_run_replace_another(redact: Callable[..., Any], tmp_path: Path) -> None:
    paths = [tmp_path / folder / "p.png" for folder in ("a", "b")]
    for number, path in enumerate(paths):
        path.parent.mkdir()
        cv2.imwrite(str(path), c.picture((c.BLUE, (100 * number, 20, 30, 40))))
    claimed = Claimed(paths)
    made = redact(paths[0], claimed=claimed)
    before = made.output.read_bytes(), made.account.read_bytes()
    with pytest.raises(OutputExists, match="different folders"):
        redact(paths[1], force=True, claimed=claimed)
    assert (made.output.read_bytes(), made.account.read_bytes()) == before
    assert redact(paths[1], force=True).output == made.output  # a run of its own replaces what was there


def test_no_output_replaces_an_original_of_the_run(finder: Any, voice: Any, tmp_path: Path) -> None:
    paths = [tmp_path / "p.png", tmp_path / "p.redacted.png"]
    for path in paths:
        cv2.imwrite(str(path), c.picture((c.BLUE, FACE)))
    before = paths[1].read_bytes()
    with pytest.raises(OutputExists, match="an original"):
        redact_file(paths[0], tmp_path, BOTH, finder=finder, voice=voice, force=True, claimed=Claimed(paths))
    assert paths[1].read_bytes() == before and not (tmp_path / "p.png.redaction.json").exists()


def test_a_place_that_cannot_be_written_is_one_sentence(finder: Any, voice: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(tone(1.0), RATE))
    (tmp_path / "file").write_text("")
    with pytest.raises(GleanerError) as refused:
        redact_file(path, tmp_path / "file" / "out", BOTH, finder=finder, voice=voice)
    assert refused.value.code == "output-unwritable"
