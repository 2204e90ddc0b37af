/** Labels as a person works on them: where they start from, their order, and every change. All functions are pure. */
import type { Label, LabelsDocument, Source, TaskView } from "../api/types";

/** The labels of each labelled capture, by capture id. */
export type Work = Readonly<Record<string, readonly Label[]>>;
export interface Ref {
  capture: string;
  id: string;
}

export const labelledCaptures = (task: TaskView): string[] =>
  task.captures.filter((c) => c.role === "labelled").map((c) => c.id);

/** A label of a document with its source written on it, so that it survives being merged and edited. */
const withSource = (label: Label, source: Source): Label => (label.source ? label : { ...label, source });

/** What models and scripts said, by capture: several documents become one list, ids stay, a clash gets a suffix. */
export function prelabelled(task: TaskView): Work {
  const out: Record<string, Label[]> = {};
  for (const capture of labelledCaptures(task)) {
    const taken = new Set<string>();
    const rows: Label[] = [];
    for (const document of task.prelabels) {
      if (document.capture !== capture) continue;
      const renamed = new Map<string, string>();
      for (const label of document.labels) {
        const id = freeId(label.id, taken);
        taken.add(id);
        renamed.set(label.id, id);
      }
      for (const label of document.labels) {
        const id = renamed.get(label.id) as string;
        const parent = label.parent == null ? undefined : (renamed.get(label.parent) ?? label.parent);
        rows.push(withSource({ ...label, id, ...(parent === undefined ? {} : { parent }) }, document.source));
      }
    }
    out[capture] = rows;
  }
  return out;
}

/** What a revision or a draft says, by capture; captures it does not speak of are empty. */
export function workOf(task: TaskView, documents: readonly LabelsDocument[]): Work {
  const out: Record<string, Label[]> = {};
  for (const capture of labelledCaptures(task)) {
    out[capture] = documents.filter((d) => d.capture === capture).flatMap((d) => d.labels);
  }
  return out;
}

/** The documents of a revision: one for each labelled capture, an empty one means looked at, nothing there. */
export function documentsOf(work: Work, person: string): LabelsDocument[] {
  return Object.entries(work).map(([capture, labels]) => ({
    schema: 1,
    capture,
    source: { kind: "person", name: person },
    labels: labels.map(sentAs),
  }));
}

/** Silent members are left out on the wire (wire/labels.py), so an untouched label is sent as it came. */
function sentAs(label: Label): Label {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(label)) {
    if (name !== "score" && (value === null || value === undefined || value === false)) continue;
    if (name === "attributes" && Object.keys(value as object).length === 0) continue;
    out[name] = value;
  }
  return out as unknown as Label;
}

export function freeId(wish: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wish)) return wish;
  for (let n = 2; ; n += 1) {
    const id = `${wish.slice(0, 60)}-${n}`;
    if (!taken.has(id)) return id;
  }
}

/** An id for a label a person makes: `p1`, `p2` …, free in this capture and among the pre-labels' ids. */
export function newId(labels: readonly Label[], before: readonly Label[]): string {
  const taken = new Set([...labels, ...before].map((l) => l.id));
  for (let n = 1; ; n += 1) if (!taken.has(`p${n}`)) return `p${n}`;
}

/** How unsure the source was: 1 at a score of one half and below is not different from doubt; null is sure. */
export const doubt = (label: Label): number => (label.score === null ? 0 : 1 - label.score);

const placeOf = (l: Label): number =>
  l.kind === "interval" ? l.start_us : l.kind === "track" ? (l.keyframes[0]?.frame ?? 0) : l.kind === "box" ? l.y : 0;

/** Least certain first; equal ones in time and reading order, so that the order never depends on ids. */
export const compareDoubt = (a: Label, b: Label): number =>
  doubt(b) - doubt(a) || placeOf(a) - placeOf(b) || (a.id < b.id ? -1 : 1);

export const byDoubt = (labels: readonly Label[]): Label[] => labels.slice().sort(compareDoubt);

/** Intervals in time order. */
export const byTime = (labels: readonly Label[]): Label[] =>
  labels.slice().sort((a, b) => startOf(a) - startOf(b) || (a.id < b.id ? -1 : 1));

const startOf = (label: Label): number =>
  label.kind === "interval" ? label.start_us : label.kind === "track" ? (label.keyframes[0]?.start_us ?? 0) : 0;

export const refs = (work: Work): Ref[] =>
  Object.entries(work).flatMap(([capture, labels]) => byDoubt(labels).map((l) => ({ capture, id: l.id })));

export const same = (a: Ref | null, b: Ref | null): boolean => a?.capture === b?.capture && a?.id === b?.id;

/** The label after (`step` 1) or before (-1) `from` in least-certain order over all captures, round and round. */
export function neighbour(work: Work, from: Ref | null, step: 1 | -1): Ref | null {
  const rows = orderedRefs(work);
  if (rows.length === 0) return null;
  const at = rows.findIndex((r) => same(r, from));
  if (at < 0) return (step > 0 ? rows[0] : rows[rows.length - 1]) ?? null;
  return rows[(at + step + rows.length) % rows.length] ?? null;
}

const orders = new WeakMap<Work, Ref[]>();

/** All labels of a task, least certain first over all its captures; the same array for the same work. */
export function orderedRefs(work: Work): Ref[] {
  const known = orders.get(work);
  if (known) return known;
  const rows = Object.entries(work).flatMap(([capture, labels]) => labels.map((label) => ({ capture, label })));
  rows.sort((a, b) => compareDoubt(a.label, b.label));
  const refs = rows.map(({ capture, label }) => ({ capture, id: label.id }));
  orders.set(work, refs);
  return refs;
}

export const find = (work: Work, ref: Ref | null): Label | undefined =>
  ref === null ? undefined : work[ref.capture]?.find((l) => l.id === ref.id);

/** Work with one label changed by `change`; a changed label that has a source is marked as edited. */
export function replaced(work: Work, ref: Ref, change: (label: Label) => Label): Work {
  const labels = work[ref.capture];
  const index = labels?.findIndex((l) => l.id === ref.id) ?? -1;
  if (!labels || index < 0) return work;
  const before = labels[index] as Label;
  const after = change(before);
  if (after === before) return work;
  const next = labels.slice();
  next[index] = before.source && before.source.kind !== "person" ? { ...after, edited: true } : after;
  return { ...work, [ref.capture]: next };
}

export const relabelled = (work: Work, ref: Ref, word: string): Work =>
  replaced(work, ref, (l) => (l.label === word ? l : { ...l, label: word }));

export function added(work: Work, capture: string, label: Label): Work {
  return { ...work, [capture]: [...(work[capture] ?? []), label] };
}

/** Work without a label and without what points to it. */
export function removed(work: Work, ref: Ref): Work {
  const labels = work[ref.capture];
  if (!labels?.some((l) => l.id === ref.id)) return work;
  return { ...work, [ref.capture]: labels.filter((l) => l.id !== ref.id && l.parent !== ref.id) };
}

/** Pre-labels that are no longer there: shown as ghosts until the task is submitted. */
export function ghosts(before: Work, now: Work): { ref: Ref; label: Label }[] {
  return Object.entries(before).flatMap(([capture, labels]) => {
    const left = new Set((now[capture] ?? []).map((l) => l.id));
    return labels.filter((l) => !left.has(l.id)).map((label) => ({ ref: { capture, id: label.id }, label }));
  });
}

/** A ghost brought back as the model made it, with what it belongs to and what went with it, where they stood. */
export function restored(work: Work, before: Work, ref: Ref): Work {
  const rows = before[ref.capture] ?? [];
  const next = (work[ref.capture] ?? []).slice();
  const here = new Set(next.map((l) => l.id));
  const back = new Set<string>();
  const missing = (id: unknown): Label | undefined => rows.find((l) => l.id === id && !here.has(l.id));
  for (let label = missing(ref.id); label && !back.has(label.id); label = missing(label.parent)) back.add(label.id);
  if (back.size === 0) return work;
  for (const label of rows) if (label.parent && back.has(label.parent) && !here.has(label.id)) back.add(label.id);
  rows.forEach((label, index) => {
    if (!back.has(label.id)) return;
    const before = rows.slice(0, index).reverse();
    const neighbour = before.find((l) => next.some((other) => other.id === l.id));
    next.splice(neighbour ? next.findIndex((l) => l.id === neighbour.id) + 1 : 0, 0, label);
  });
  return { ...work, [ref.capture]: next };
}

export const isModel = (label: Label): boolean => label.source?.kind === "model";

/** Low scores are amber: under this a person should look twice. */
export const LOW_SCORE = 0.6;
export const isLow = (label: Label): boolean => label.score !== null && label.score < LOW_SCORE && !label.edited;

/** `.54` as on the tag; 1 is `1.0`, no score is empty. */
export function scoreText(score: number | null): string {
  if (score === null) return "";
  if (score >= 0.995) return "1.0";
  return score.toFixed(2).replace(/^0/, "");
}
