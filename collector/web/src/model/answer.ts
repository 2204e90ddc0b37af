/** The one text of a take, typed or spoken: written, emptied, written again. Pure. */
import type { Label, TextLabel } from "../api/types";
import { isText } from "./kinds";
import { added, ghosts, newId, removed, replaced, restored, type Ref, type Work } from "./labels";
import { movedSpans } from "./spans";

/** What a new answer is called where the study has no other word for it. */
const WORD = "answer";

/** The word of a new answer: `answer` where the study knows it or names nothing, else the last one that was given. */
export const answerWord = (classes: readonly string[], last: string): string =>
  classes.length === 0 || classes.includes(WORD) ? WORD : last;

/** The answer of a capture: the selected text, or the one whose span is selected, else the first one. */
export function answerOf(work: Work, capture: string, selected: Ref | null): TextLabel | null {
  const labels = work[capture] ?? [];
  const texts = labels.filter(isText);
  const chosen = selected?.capture === capture ? labels.find((l) => l.id === selected.id) : undefined;
  const id = chosen?.kind === "span" ? chosen.parent : chosen?.id;
  return texts.find((l) => l.id === id) ?? texts[0] ?? null;
}

/** The answer that was there before and was taken away. */
export function rejectedAnswer(work: Work, before: Work, capture: string): TextLabel | null {
  const gone = ghosts(before, work).filter((g) => g.ref.capture === capture);
  return gone.map((g) => g.label).find(isText) ?? null;
}

/**
 * Work in which the answer says `text`, and the answer's id. Blanks are no answer: its label goes. An answer that went
 * and is written again is the one that was there before, corrected; where there was none it is a new one.
 */
export function written(
  work: Work,
  before: Work,
  ref: Ref | { capture: string; id: null },
  text: string,
  like: { label: string; language: string | null },
): [Work, string | null] {
  const { capture } = ref;
  const blank = text.trim() === "";
  if (ref.id !== null) return blank ? [removed(work, ref), null] : [withNewText(work, ref, text), ref.id];
  if (blank) return [work, null];
  const { language } = like;
  const gone = rejectedAnswer(work, before, capture);
  if (gone !== null) {
    const back = { capture, id: gone.id };
    const next = withNewText(restored(work, before, back), back, text);
    return [inLanguage(next, back, language), gone.id];
  }
  const id = newId(work[capture] ?? [], before[capture] ?? []);
  const label: TextLabel = { id, kind: "text", label: like.label, score: null, text, ...(language ? { language } : {}) };
  return [added(work, capture, label), id];
}

/** Work in which this answer is in another language. */
export const inLanguage = (work: Work, ref: Ref, language: string | null): Work =>
  replaced(work, ref, (l) => (isText(l) && (l.language ?? null) !== language ? { ...l, language } : l));

/** Spans of the text move with it. */
function withNewText(work: Work, ref: Ref, text: string): Work {
  const before = work[ref.capture]?.find((l) => l.id === ref.id);
  if (!isText(before) || before.text === text) return work;
  const next = replaced(work, ref, (l): Label => ({ ...l, text }) as TextLabel);
  return { ...next, [ref.capture]: movedSpans(next[ref.capture] ?? [], ref.id, before.text, text) };
}
