"""What participants read when something went wrong: short sentences, nothing to operate.

Operators read the error's own words, on the agent's terminal, in the session record and in the snapshot's `facts`.
"""

from __future__ import annotations

_AGAIN = "Please press Start to record this step again."
_HELP = "If it happens again, please tell the people who run the study."
_CAMERA = f"The camera stopped working for a moment. {_AGAIN} {_HELP}"
_SOUND = f"The microphone stopped working for a moment. {_AGAIN} {_HELP}"
_RECORDING = f"The recording did not work. {_AGAIN} {_HELP}"
_SENDING = "Sending has to wait. Your recordings are safe on this device. Please tell the people who run the study."
_STORED = "One recording cannot be sent. It is safe on this device. Please tell the people who run the study."

SENTENCES = {
    "spool-full": "The device has no room left for recordings. Please pause, and tell the people who run the study.",
    "take-without-picture": _CAMERA,
    "take-without-sound": _SOUND,
    "take-interrupted": f"The device stood still while it recorded. {_AGAIN} {_HELP}",
    "sensor-lost": f"The camera or the microphone does not answer. {_AGAIN} {_HELP}",
    "sensor-missing": f"The camera or the microphone cannot be found. {_AGAIN} {_HELP}",
    "redaction-failed": f"What you asked to be hidden could not be hidden, so nothing was kept. {_AGAIN} {_HELP}",
    "collector-unreachable": "There is no connection just now. Your recordings are safe on this device.",
    "collector-untrusted": _SENDING,
    "device-refused": _SENDING,
    "device-forbidden": _SENDING,
    "not-a-collector": _SENDING,
    "uplink-failed": _SENDING,
    "upload-offset": _SENDING,
    "upload-gone": _SENDING,
    "upload-spoiled": _SENDING,
    "parts-missing": _SENDING,
    "receipt-forged": _SENDING,
    "receipt-mismatch": _SENDING,
    "collector-problem": _SENDING,
    "collector-busy": "Sending has to wait a little. Your recordings are safe on this device and are sent afterwards.",
    "capture-withdrawn": _STORED,
    "capture-conflict": _STORED,
    "part-damaged": _STORED,
    "spool-damaged": _STORED,
}
# Labels are for reviewers: that a model gave up changes nothing for whoever sits in front of the page.
SILENT = {"model-failed", "model-stuck", "speech-failed"}


def plain(message: str | None, code: str | None) -> str | None:
    """The sentence of an error with this code for participants; a message without a code was written for them."""
    if message is None or code in SILENT:
        return None
    return message if code is None else SENTENCES.get(code, _RECORDING)
