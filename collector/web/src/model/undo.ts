/** Undo and redo over immutable values. */

export interface UndoHistory<T> {
  readonly past: readonly T[];
  readonly now: T;
  readonly future: readonly T[];
  /** Changes with the same series name (a held arrow key, typing in one field) are one step back. */
  readonly series: string | null;
}

const DEPTH = 500;

export const started = <T>(now: T): UndoHistory<T> => ({ past: [], now, future: [], series: null });

export function changed<T>(history: UndoHistory<T>, now: T, series: string | null = null): UndoHistory<T> {
  if (Object.is(now, history.now)) return history;
  const joins = series !== null && series === history.series;
  const past = joins ? history.past : [...history.past, history.now].slice(-DEPTH);
  return { past, now, future: [], series };
}

/** Ends a series, so that the next change is a step of its own. */
export const ended = <T>(history: UndoHistory<T>): UndoHistory<T> =>
  history.series === null ? history : { ...history, series: null };

export function undone<T>(history: UndoHistory<T>): UndoHistory<T> {
  const now = history.past[history.past.length - 1];
  if (history.past.length === 0) return history;
  return { past: history.past.slice(0, -1), now: now as T, future: [history.now, ...history.future], series: null };
}

export function redone<T>(history: UndoHistory<T>): UndoHistory<T> {
  if (history.future.length === 0) return history;
  const [now, ...future] = history.future;
  return { past: [...history.past, history.now], now: now as T, future, series: null };
}
