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
