"""A voice: espeak-ng speaks a sentence. The program where it is installed, else the library of the espeakng-loader
package in a process of its own (it is GPL-3 code, and a crash of it must not take the agent along).

Run as `python -m device_agent.sensors.simulated.speech VOICE` this module is that process: text on standard input,
a WAV file on standard output. It imports only what that needs.
"""

from __future__ import annotations

import ctypes
import hashlib
import io
import shutil
import subprocess
import sys
import threading
import wave
from importlib.util import find_spec
from typing import TYPE_CHECKING

from device_agent.sensors.base import SensorLibraryMissing

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Voice = npt.NDArray[np.float32]

MAX_SECONDS = 30
PEAK = 0.5
# speak_lib.h of espeak-ng: AUDIO_OUTPUT_SYNCHRONOUS, espeakCHARS_UTF8, espeakRATE.
_SYNCHRONOUS, _UTF8, _RATE = 2, 1, 1
WORDS_PER_MINUTE = 165


class SpeechFailed(SensorLibraryMissing):
    """espeak-ng is there but gave no speech."""

    code = "speech-failed"
    hint = "Install it again: apt-get install espeak-ng."


def has_speech() -> bool:
    """Whether this machine can speak."""
    return shutil.which("espeak-ng") is not None or find_spec("espeakng_loader") is not None


def need_speech() -> None:
    """Raises SensorLibraryMissing when this machine cannot speak."""
    if not has_speech():
        raise SensorLibraryMissing(
            "The simulated participant cannot speak: espeak-ng is missing.",
            hint="apt-get install espeak-ng, or pip install espeakng-loader.",
        )


class Speaker:
    """Sentences as samples, each synthesised once."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._lock = threading.Lock()
        self._spoken: dict[str, Voice] = {}

    def speak(self, text: str, language: str = "en-GB") -> Voice:
        """float32 in -1..1, silence at both ends cut off; empty for a text without words.

        Raises:
            SensorLibraryMissing, SpeechFailed.
        """
        key = hashlib.sha256(f"{language}\n{text}".encode()).hexdigest()
        with self._lock:
            if key not in self._spoken:
                self._spoken[key] = _samples(synthesise(text, language), self._sample_rate)
            return self._spoken[key]


def synthesise(text: str, language: str) -> bytes:
    """A WAV file of the text in the nearest voice espeak-ng has for the language.

    Raises:
        SensorLibraryMissing, SpeechFailed.
    """
    need_speech()
    tag = language.lower()
    said = ""
    for voice in dict.fromkeys((tag, tag.split("-")[0], "en")):
        data, said = _run(_command(voice), text)
        if data:
            return data
    raise SpeechFailed(f"espeak-ng did not speak: {said or 'it gave no sound'}.")


def _command(voice: str) -> list[str]:
    program = shutil.which("espeak-ng")
    if program is not None:
        return [program, "-b", "1", "-v", voice, "-s", str(WORDS_PER_MINUTE), "--stdin", "--stdout"]
    return [sys.executable, "-P", "-m", __spec__.name if __spec__ is not None else __name__, voice]


def _run(command: list[str], text: str) -> tuple[bytes, str]:
    """(WAV bytes, "") or (b"", what the program said)."""
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return b"", f"it did not answer in {MAX_SECONDS} s"
    except OSError as error:
        return b"", error.strerror or str(error)
    if done.returncode != 0 or len(done.stdout) <= 44:
        return b"", (done.stderr.decode("utf-8", "replace").strip().splitlines() or [""])[-1]
    return done.stdout, ""


def _samples(data: bytes, sample_rate: int) -> Voice:
    """WAV bytes as float32 at `sample_rate`, one channel, trimmed, at an even loudness."""
    import av
    import numpy as np

    resampler = av.AudioResampler(format="flt", layout="mono", rate=sample_rate)
    with av.open(io.BytesIO(data)) as container:
        pieces = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
        pieces += resampler.resample(None)
    heard = [piece.to_ndarray().reshape(-1) for piece in pieces]
    voice = np.concatenate(heard).astype(np.float32) if heard else np.zeros(0, np.float32)
    loud = np.flatnonzero(np.abs(voice) > 0.01)
    if len(loud) == 0:
        return np.zeros(0, np.float32)
    margin = sample_rate // 100
    voice = voice[max(0, loud[0] - margin) : loud[-1] + margin]
    return np.asarray(voice * (PEAK / float(np.abs(voice).max())), np.float32)


def main(voice: str) -> int:
    """The process: speak standard input with the library of espeakng-loader, write a WAV file to standard output."""
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    if rate <= 0 or library.espeak_SetVoiceByName(voice.encode()) != 0:
        sys.stderr.write(f"there is no voice {voice}\n")
        return 1
    library.espeak_SetParameter(_RATE, WORDS_PER_MINUTE, 0)
    sound = io.BytesIO()
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

    def take(samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        if samples and count > 0:
            sound.write(ctypes.string_at(samples, count * 2))
        return 0

    callback = kind(take)
    library.espeak_SetSynthCallback(callback)
    text = sys.stdin.buffer.read() + b"\0"
    library.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 1, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    with wave.open(sys.stdout.buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
