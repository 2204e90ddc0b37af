/** What the page says about a capture that the device masked before it wrote (wire/capture.py, Redacted). Pure. */
import type { CaptureView } from "../api/types";

/** Null where nothing was to be masked. Numbers that were lost when the device stopped are left out. */
export function maskedWord(capture: Pick<CaptureView, "medium" | "redaction">): string | null {
  const { medium, redaction } = capture;
  if (!redaction) return null;
  if (medium === "audio") {
    const us = redaction.speech_us;
    if (us === 0) return "no speech to mute outside prompts";
    return us == null ? "sound muted outside prompts" : `sound muted outside prompts (${(us / 1e6).toFixed(1)} s)`;
  }
  const faces = redaction.faces;
  if (faces === 0) return "no faces to mask";
  return faces == null ? "faces masked" : `faces masked (${faces})`;
}
