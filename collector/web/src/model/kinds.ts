/** Which kind a label is, for TypeScript. */
import type { BoxLabel, IntervalLabel, Label, SpanLabel, TextLabel, TrackLabel } from "../api/types";

export const isBox = (label: Label | undefined): label is BoxLabel => label?.kind === "box";
export const isTrack = (label: Label | undefined): label is TrackLabel => label?.kind === "track";
export const isInterval = (label: Label | undefined): label is IntervalLabel => label?.kind === "interval";
export const isText = (label: Label | undefined): label is TextLabel => label?.kind === "text";
export const isSpan = (label: Label | undefined): label is SpanLabel => label?.kind === "span";
