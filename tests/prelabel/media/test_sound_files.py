"""Sound files of every kind, whole and broken. Files are made by PyAV and by hand."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.media.sound_files import SoundCut, SoundEmpty, SoundMissing, SoundUnreadable, open_sound, read_sound
from tests import needs
from tests.support.recordings import write_video
from tests.support.sounds import tone, video, write_wav
from wire.errors import GleanerError


def encoded(path: Path, codec: str, samples: np.ndarray, rate: int, kind: str = "s16", **options: Any) -> Path:
    with av.open(str(path), "w", **options) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = "mono"
        stream.format = kind
        planar = samples[np.newaxis]
        packed = np.round(planar * 32767).astype(np.int16) if kind.startswith("s16") else planar.astype(np.float32)
        size = 1024
        for at in range(0, packed.shape[1], size):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(packed[:, at : at + size]), kind, "mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("missing", "words"),
    [(1, "the last 1 byte is missing"), (30, "the last 30 bytes are missing"), (6400, "0.20 s are missing")],
)
def test_a_cut_of_any_length_is_told_in_its_own_unit(tmp_path: Path, missing: int, words: str) -> None:
    path = write_wav(tmp_path / "a.wav", tone(32_000))
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(SoundCut, match=words):
        read_sound(path)


@pytest.mark.parametrize(("share", "after"), [(0.5, b""), (0.1, b""), (1.0, b"LIST\x04\0\0\0INFO"), (0.999, b"")])
def test_a_wav_with_more_than_its_header_says(tmp_path: Path, share: float, after: bytes) -> None:
    """A recorder that crashed wrote its last header long before its last sample."""
    path = write_wav(tmp_path / "a.wav", tone(32_000))
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = (round(64_000 * share) // 2 * 2).to_bytes(4, "little")
    path.write_bytes(bytes(data) + after)
    if share < 0.9:
        with pytest.raises(SoundUnreadable, match="more sound than its header says"):
            read_sound(path)
    else:
        assert len(read_sound(path)[0]) >= 31_000


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_wav_of_every_width_is_exact(tmp_path: Path, width: int, rate: int) -> None:
    samples = tone(12_345, rate)
    got, found = read_sound(write_wav(tmp_path / "a.wav", samples, rate, width))
    assert found == rate and got.dtype == np.float32 and len(got) == 12_345
    assert np.abs(got - samples).max() < 1.1 * 2.0 ** (1 - 8 * width) + 1e-6


def test_channels_are_averaged(tmp_path: Path) -> None:
    both = np.stack([tone(5000), np.zeros(5000, np.float32)], axis=1)
    path = write_wav(tmp_path / "a.wav", both)
    assert np.abs(read_sound(path)[0] - tone(5000) / 2).max() < 1e-4


@pytest.mark.parametrize(
    ("name", "codec", "kind", "rate", "exact"),
    [
        ("a.flac", "flac", "s16", 16000, True),
        ("a.opus", "libopus", "s16", 48000, False),
        ("a.ogg", "libopus", "s16", 48000, False),
        ("a.mp3", "libmp3lame", "s16p", 44100, False),
        ("a.m4a", "aac", "fltp", 44100, False),
        ("a.mka", "flac", "s16", 48000, True),
    ],
)
def test_other_kinds_have_the_length_that_went_in(
    tmp_path: Path, name: str, codec: str, kind: str, rate: int, exact: bool
) -> None:
    needs.need(codec in av.codec.codecs_available, f"PyAV was built without {codec}")
    samples = tone(rate + 777, rate)
    got, found = read_sound(encoded(tmp_path / name, codec, samples, rate, kind))
    assert found == rate
    if exact:
        assert np.array_equal(np.round(got * 32768), np.round(samples * 32767))
    assert abs(len(got) - len(samples)) <= (0 if exact else 1024)
    inside = slice(4000, 40_000)
    assert exact or np.corrcoef(got[inside], samples[inside])[0, 1] > 0.99, "no delay"


def test_the_recorders_flac_without_a_length(tmp_path: Path) -> None:
    """A sink that cannot seek leaves the length in the header at zero."""
    samples = tone(16_000)
    seekless = io.BytesIO()

    class Sink:
        def write(self, data: bytes) -> int:
            return seekless.write(data)

    with av.open(Sink(), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=16000)
        stream.layout, stream.format = "mono", "s16"
        packed = np.round(samples[np.newaxis] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(packed, "s16", "mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (tmp_path / "a.flac").write_bytes(seekless.getvalue())
    with open_sound(tmp_path / "a.flac") as sound:
        assert sound.duration_us is None
        assert sum(len(block) for block in sound.blocks()) == sound.samples == 16_000


def test_the_sound_of_a_video_lies_at_the_files_own_times(tmp_path: Path) -> None:
    plain, rate = read_sound(video(tmp_path / "a.mkv"))
    assert rate == 16000 and len(plain) == 16_000 and (plain == 0.25).all()
    later = read_sound(video(tmp_path / "b.mkv", offset=3200, hole=4800))[0]
    expected = np.full(24_000, 0.25, np.float32)
    expected[:3200] = expected[11_200:16_000] = 0
    assert len(later) == 24_000 and np.count_nonzero(later != expected) <= 64, "Matroska keeps whole milliseconds"


def test_memory_is_the_blocks(tmp_path: Path) -> None:
    with open_sound(write_wav(tmp_path / "a.wav", np.zeros(160_000, np.float32))) as sound:
        assert sound.duration_us == 10_000_000
        assert max(len(block) for block in sound.blocks()) <= 16_384


# ---------------------------------------------------------------- what is broken
def test_a_wav_cut_short_says_how_much_is_missing(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(32_000))
    path.write_bytes(path.read_bytes()[: 44 + 2 * 12_000])
    with pytest.raises(SoundCut, match=r"promises 2\.00 s of sound, 0\.75 s are there, 1\.25 s are missing"):
        read_sound(path)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 44 + 2 * 4000 - 1))
def test_a_wav_cut_anywhere_is_refused(length: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = write_wav(Path(folder) / "a.wav", tone(4000))
        path.write_bytes(path.read_bytes()[:length])
        with pytest.raises((SoundCut, SoundEmpty, SoundUnreadable)) as caught:
            read_sound(path)
        assert str(path) in caught.value.message and caught.value.exit_code == 1


def test_a_streamed_wav_knows_no_length(tmp_path: Path) -> None:
    """A program that writes into a pipe leaves all ones where the sizes go."""
    path = write_wav(tmp_path / "a.wav", tone(8000))
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert len(read_sound(path)[0]) == 8000


def test_a_wav_of_64_bits_is_held_against_its_own_size(tmp_path: Path) -> None:
    body = np.round(tone(8000) * 32767).astype("<i2").tobytes()

    def rf64(promised: int) -> bytes:
        ds64 = struct.pack("<4sIQQQI", b"ds64", 28, 72 + promised, promised, 8000, 0)
        fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16)
        return b"RF64\xff\xff\xff\xffWAVE" + ds64 + fmt + b"data\xff\xff\xff\xff" + body

    path = tmp_path / "a.wav"
    path.write_bytes(rf64(len(body)))
    assert len(read_sound(path)[0]) == 8000
    path.write_bytes(rf64(len(body) * 2))
    with pytest.raises(SoundCut, match=r"1\.00 s of sound, 0\.50 s are there"):
        read_sound(path)


@pytest.mark.parametrize(("name", "codec", "kind"), [("a.flac", "flac", "s16"), ("a.mp4", "aac", "fltp")])
def test_a_file_that_counts_its_samples_and_has_fewer(tmp_path: Path, name: str, codec: str, kind: str) -> None:
    options = {"options": {"movflags": "+faststart"}} if name.endswith("mp4") else {}
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 48_000).astype(np.float32)
    path = encoded(tmp_path / name, codec, noise, 16000, kind, **options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with pytest.raises((SoundCut, SoundUnreadable), match=r"cut off|damaged|decoded"):
        read_sound(path)


def not_a_number(path: Path) -> None:
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + 400, b"WAVE", b"fmt ", 16, 3, 1, 16000, 64000, 4, 32, b"data", 400
    )
    path.write_bytes(header + np.full(100, np.nan, "<f4").tobytes())


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda path: None, SoundMissing, "There is no file"),
        (lambda path: path.mkdir(), SoundMissing, "is a folder, not a file"),
        (lambda path: path.write_bytes(b""), SoundEmpty, r"is empty \(0 bytes\)"),
        (lambda path: write_wav(path, np.zeros(0, np.float32)), SoundEmpty, "its length is zero"),
        (lambda path: path.write_text("Dear diary,\n" * 50), SoundUnreadable, "is not a sound file|no sound in it"),
        (lambda path: path.write_bytes(bytes(range(256)) * 40), SoundUnreadable, "is not a sound file|no sound in it"),
        (not_a_number, SoundUnreadable, "not finite"),
    ],
)
def test_what_is_no_sound_is_one_sentence(tmp_path: Path, make: Any, error: type[GleanerError], said: str) -> None:
    path = tmp_path / "a.wav"
    make(path)
    with pytest.raises(error, match=said) as caught:
        read_sound(path)
    assert caught.value.message.count(". ") == 0 and caught.value.message.endswith(".")
    assert caught.value.exit_code == (3 if error is SoundMissing else 1)


def test_a_picture_or_a_silent_video_has_no_sound(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [np.zeros((72, 64), np.uint8)], codec="mpeg4")
    with pytest.raises(SoundUnreadable, match="has no sound in it"):
        read_sound(tmp_path / "a.mp4")


def test_a_path_is_never_an_address(tmp_path: Path) -> None:
    odd = tmp_path / "concat:a|b"
    odd.mkdir(parents=True)
    path = write_wav(odd / "http:x.wav", tone(100))
    assert len(read_sound(path)[0]) == 100
