/** The words of an interval and when they were said: what stays of them when its text changes. Pure. */
import type { IntervalLabel } from "../api/types";

export type Word = NonNullable<IntervalLabel["words"]>[number];

interface Placed {
  word: Word;
  from: number;
  to: number;
}

/** Where the words stand in the text, in order. Null: they are not the words of this text. */
function placed(words: readonly Word[], text: string): Placed[] | null {
  const rows: Placed[] = [];
  let at = 0;
  for (const word of words) {
    const from = text.indexOf(word.text, at);
    if (from < 0) return null;
    at = from + word.text.length;
    rows.push({ word, from, to: at });
  }
  return rows;
}

/**
 * The words after their text has changed. Words that the change does not touch keep their times. As many words as were
 * touched keep their times under their new spelling; where the number differs, only those that are still the same stay:
 * nobody measured when the others were said.
 */
export function wordsAfter(words: readonly Word[], before: string, after: string): Word[] {
  const rows = placed(words, before);
  if (rows === null) return words.slice();
  const [head, tail] = common(before, after);
  const end = before.length - tail;
  const written = after.slice(head, after.length - tail);
  const touched = touchedBy(rows, before, head, end);
  const first = touched[0];
  const last = touched[touched.length - 1];
  if (!first || !last) return words.slice();
  const piece =
    before.slice(Math.min(first.from, head), head) + written + before.slice(end, Math.max(last.to, end));
  const now = respelled(
    touched.map((row) => row.word),
    piece.split(/\s+/).filter((token) => token !== ""),
  );
  const at = rows.indexOf(first);
  return [...words.slice(0, at), ...now, ...words.slice(at + touched.length)];
}

function touchedBy(rows: readonly Placed[], before: string, head: number, end: number): Placed[] {
  const near = rows.filter((row) => row.to >= head && row.from <= end);
  // Between two words that no space parts (as in Chinese), what is written belongs to the first.
  if (head === end) return near.slice(0, 1);
  // A word beside the change is touched where the space before or behind it went.
  const joins = (at: number): boolean => /\s/.test(before[at] ?? "");
  return near.filter((row) => (row.to > head || joins(head)) && (row.from < end || joins(end - 1)));
}

function respelled(words: readonly Word[], tokens: readonly string[]): Word[] {
  if (words.length === tokens.length)
    return words.map((word, at) => (word.text === tokens[at] ? word : { ...word, text: tokens[at] as string }));
  const shorter = Math.min(words.length, tokens.length);
  let head = 0;
  while (head < shorter && words[head]?.text === tokens[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && words[words.length - 1 - tail]?.text === tokens[tokens.length - 1 - tail]) tail += 1;
  return [...words.slice(0, head), ...words.slice(words.length - tail)];
}

/** The length of what two texts have in common at their beginning and at their end. */
function common(before: string, after: string): [number, number] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  return [head, tail];
}
