/** How a label is written and coloured, the same on the medium, on the timeline and in the list. */
import type { Label } from "../api/types";
import type { Surface } from "../model/keys";
import { isLow, scoreText } from "../model/labels";
import { codePointLength } from "../model/spans";

/** Number of Okabe-Ito colours in tokens.css (`--label-0` …); further classes take them again with stripes. */
const COLOURS = 7;

export interface Look {
  name: string;
  /** 1 to 9, or 0 when the name has no digit. */
  digit: number;
  score: string;
  low: boolean;
  /** A model's, not touched by a person: dashed. */
  model: boolean;
  colour: number;
  striped: boolean;
}

/** What an item is mostly about. */
export const KINDS: Record<Surface, string> = {
  boxes: "boxes",
  tracks: "tracks",
  speech: "speech",
  text: "typed answers",
  spoken: "spoken answers",
  reading: "texts",
};

const looks = new WeakMap<Label, { classes: readonly string[]; look: Look }>();

/** The look of a label; the same object as long as the label is the same, so that views may compare it. */
export function lookOf(label: Label, classes: readonly string[]): Look {
  const known = looks.get(label);
  if (known?.classes === classes) return known.look;
  const look = makeLook(label, classes);
  looks.set(label, { classes, look });
  return look;
}

function makeLook(label: Label, classes: readonly string[]): Look {
  const index = classes.indexOf(label.label);
  const place = index < 0 ? hash(label.label) : index;
  return {
    name: label.label,
    digit: index >= 0 && index < 9 ? index + 1 : 0,
    score: scoreText(label.score),
    low: isLow(label),
    model: Boolean(label.source) && label.source?.kind !== "person" && label.edited !== true,
    colour: place % COLOURS,
    striped: place % (2 * COLOURS) >= COLOURS,
  };
}

/** A word outside the schema keeps one colour, whatever stands beside it. */
function hash(word: string): number {
  let sum = 0;
  for (const char of word) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 9973;
  return sum;
}

export const classNames = (...names: (string | false | null | undefined)[]): string => names.filter(Boolean).join(" ");

/** `1 character`, `12 characters`. */
export function characters(text: string): string {
  const count = codePointLength(text);
  return `${count} character${count === 1 ? "" : "s"}`;
}

/** Where a label comes from, for the list. */
export function sourceText(label: Label): string {
  const source = label.source;
  if (!source || source.kind === "person") return "yours";
  return source.kind === "script" ? "script" : source.name;
}
