/** What a correction changed in a text, by words. Pure. */

export interface Piece {
  kind: "same" | "out" | "in";
  text: string;
}

/** More words than this on both sides of a change are not compared one by one: the whole stretch was rewritten. */
const MAX_WORDS = 800;

/** The text as words, each with the space behind it; where nothing parts words (Chinese, Japanese), its signs. */
const tokens = (text: string): string[] => text.match(/[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+\s*|\s+/gu) ?? [];

/** `before` and `after` as one text: what stayed, what went out, what came in, in the order they are read. */
export function textDiff(before: string, after: string): Piece[] {
  if (before === after) return before === "" ? [] : [{ kind: "same", text: before }];
  const a = tokens(before);
  const b = tokens(after);
  const shorter = Math.min(a.length, b.length);
  let head = 0;
  while (head < shorter && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  return joined([
    { kind: "same", text: a.slice(0, head).join("") },
    ...between(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    { kind: "same", text: a.slice(a.length - tail).join("") },
  ]);
}

/** The longest common subsequence of two short lists of words; of long ones all went out and came in. */
function between(a: readonly string[], b: readonly string[]): Piece[] {
  if (a.length * b.length > MAX_WORDS ** 2)
    return [
      { kind: "out", text: a.join("") },
      { kind: "in", text: b.join("") },
    ];
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      common[i * width + j] =
        a[i] === b[j]
          ? (common[(i + 1) * width + j + 1] as number) + 1
          : Math.max(common[(i + 1) * width + j] as number, common[i * width + j + 1] as number);
  const pieces: Piece[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      pieces.push({ kind: "same", text: a[i] as string });
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && (common[(i + 1) * width + j] as number) >= (common[i * width + j + 1] as number))) {
      pieces.push({ kind: "out", text: a[i] as string });
      i += 1;
    } else {
      pieces.push({ kind: "in", text: b[j] as string });
      j += 1;
    }
  }
  return pieces;
}

/** Neighbours of one kind are one piece; what is empty goes. */
function joined(pieces: readonly Piece[]): Piece[] {
  const out: Piece[] = [];
  for (const piece of pieces) {
    const last = out[out.length - 1];
    if (piece.text === "") continue;
    if (last?.kind === piece.kind) last.text += piece.text;
    else out.push({ ...piece });
  }
  return out;
}
