/** Why people skip and correct items: the codes that the collector counts, with the words for them, in the order of keys. */
import type { CorrectionCode, SkipCode } from "../api/types";

export interface Coded<Code> {
  code: Code;
  text: string;
}

export const SKIP_REASONS: readonly Coded<SkipCode>[] = [
  { code: "not-perceptible", text: "it cannot be seen or heard well enough" },
  { code: "recording-broken", text: "the recording is broken" },
  { code: "not-covered", text: "the instructions do not cover this" },
  { code: "knows-person", text: "I know this person" },
];

export const CORRECTIONS: readonly Coded<CorrectionCode>[] = [
  { code: "missed", text: "something was missed" },
  { code: "extra", text: "something is marked that is not there" },
  { code: "wrong-name", text: "a name is wrong" },
  { code: "inexact", text: "a place or a time is inexact" },
  { code: "wrong-text", text: "a text is wrong" },
  { code: "instructions-changed", text: "the instructions have changed since" },
  { code: "confirmed", text: "nothing: the work was right" },
];
