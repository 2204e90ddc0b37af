/** Text offsets: the wire counts Unicode code points, the browser UTF-16 units (contracts.md, Text). */
import type { Label, SpanLabel } from "../api/types";

/** Code points before the UTF-16 offset `units`. An offset inside a surrogate pair counts as before the pair. */
export function toCodePoints(text: string, units: number): number {
  let count = 0;
  let at = 0;
  for (const char of text) {
    if (at + char.length > units) break;
    at += char.length;
    count += 1;
  }
  return count;
}

/** UTF-16 units before the code point offset `points`. */
export function toUnits(text: string, points: number): number {
  let at = 0;
  let count = 0;
  for (const char of text) {
    if (count >= points) break;
    at += char.length;
    count += 1;
  }
  return at;
}

export const codePointLength = (text: string): number => toCodePoints(text, text.length);

/** What a person typed, as it is stored: NFC at input, none after. */
export const asStored = (typed: string): string => typed.normalize("NFC");

/**
 * Where spans go when their text changes from `before` to `after`: those before the change stay, those behind it
 * move, those it touches are dropped (their words are no longer what was marked).
 */
export function movedSpans(labels: readonly Label[], textId: string, before: string, after: string): Label[] {
  const a = [...before];
  const b = [...after];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail])
    tail += 1;
  const changeEnd = a.length - tail;
  const shift = b.length - a.length;
  return labels.flatMap((label): Label[] => {
    if (label.kind !== "span" || label.parent !== textId) return [label];
    const span: SpanLabel = label;
    if (span.end <= head) return [span];
    if (span.start >= changeEnd) return [{ ...span, start: span.start + shift, end: span.end + shift }];
    return [];
  });
}

export interface Mark {
  span: SpanLabel;
  /** What is marked on screen, in UTF-16 units: a sign that is only partly in the span is marked whole. */
  from: number;
  to: number;
  /** Spans that share text lie on lines of their own, 0 nearest to it. */
  lane: number;
}

/** The spans of a text as they are drawn: in the order they begin, the longer one first. */
export function marksOf(text: string, textId: string, labels: readonly Label[]): Mark[] {
  const spans = labels.filter((l): l is SpanLabel => l.kind === "span" && l.parent === textId);
  spans.sort((a, b) => a.start - b.start || b.end - a.end || (a.id < b.id ? -1 : 1));
  const ends: number[] = [];
  return spans.map((span) => {
    const [from, to] = signsOf(text, span);
    const free = ends.findIndex((end) => end <= from);
    const lane = free < 0 ? ends.length : free;
    ends[lane] = to;
    return { span, from, to, lane };
  });
}

/** The words of a span, with a sign that is cut shown whole. */
export const wordsOf = (text: string, span: SpanLabel): string => text.slice(...signsOf(text, span));

/** The stretch of a span in UTF-16 units, widened to whole graphemes: half of one cannot be seen. */
function signsOf(text: string, span: SpanLabel): [number, number] {
  const signs = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text);
  const from = signs.containing(toUnits(text, span.start))?.index ?? text.length;
  const last = signs.containing(toUnits(text, span.end) - 1);
  return [from, last ? last.index + last.segment.length : text.length];
}
