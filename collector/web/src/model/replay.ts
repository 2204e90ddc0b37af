/**
 * The steps of undo and redo as they are stored: only what differs between one state and the next, so that a hundred
 * steps over a thousand labels stay small. Pure.
 */
import type { Label } from "../api/types";
import type { Work } from "./labels";
import type { UndoHistory } from "./undo";

/** In this capture's list, `removed` labels from `at` on became `added`. */
interface Splice {
  capture: string;
  at: number;
  removed: number;
  added: readonly Label[];
}
type Step = readonly Splice[];

/** `past` leads from now back, `future` from now on; the nearest step first. */
export interface Packed {
  past: readonly Step[];
  future: readonly Step[];
}

const MAX_STEPS = 100;

function stepBetween(from: Work, to: Work): Step {
  return Object.keys(to).flatMap((capture) => {
    const a = from[capture] ?? [];
    const b = to[capture] ?? [];
    if (a === b) return [];
    const most = Math.min(a.length, b.length);
    let at = 0;
    while (at < most && a[at] === b[at]) at += 1;
    let tail = 0;
    while (tail < most - at && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
    return [{ capture, at, removed: a.length - tail - at, added: b.slice(at, b.length - tail) }];
  });
}

function after(work: Work, step: Step): Work {
  const next: Record<string, readonly Label[]> = { ...work };
  for (const { capture, at, removed, added } of step) {
    const rows = next[capture] ?? [];
    next[capture] = [...rows.slice(0, at), ...added, ...rows.slice(at + removed)];
  }
  return next;
}

/** Each state's step from the one before it in the list, beginning at `now`. */
const stepsFrom = (now: Work, states: readonly Work[]): Step[] =>
  states.slice(0, MAX_STEPS).map((state, index) => stepBetween(states[index - 1] ?? now, state));

function statesFrom(now: Work, steps: readonly Step[]): Work[] {
  const states: Work[] = [];
  for (const step of steps) states.push(after(states[states.length - 1] ?? now, step));
  return states;
}

export const packed = (history: UndoHistory<Work>): Packed => ({
  past: stepsFrom(history.now, history.past.slice().reverse()),
  future: stepsFrom(history.now, history.future),
});

/** The history that was packed while `now` was the work. */
export const unpacked = (now: Work, steps: Packed): UndoHistory<Work> => ({
  past: statesFrom(now, steps.past).reverse(),
  now,
  future: statesFrom(now, steps.future),
  series: null,
});
