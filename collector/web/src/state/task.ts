/** One task that is open on this page: its labels and their history, what is selected, its lease. */
import { computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { Activity, Label, LabelsDocument, Lease, TaskView } from "../api/types";
import * as labels from "../model/labels";
import type { Ref, Work } from "../model/labels";
import { unpacked, type Packed } from "../model/replay";
import * as undo from "../model/undo";
import { nowText } from "./clock";

export interface Hold {
  fence: number;
  expiresAt: number;
  /** Why it is no longer ours; null while it is. */
  lost: string | null;
}

/** `expiresAt` is in milliseconds since 1970, NaN without a lease. */
export const holdOf = (lease: Lease | null): Hold => ({
  fence: lease?.fence ?? 0,
  expiresAt: Date.parse(lease?.expires_at ?? ""),
  lost: null,
});

export class OpenTask {
  readonly before: Work;
  private readonly origins: ReadonlyMap<string, Label>;
  readonly history: Signal<undo.UndoHistory<Work>>;
  readonly work: ReadonlySignal<Work>;
  readonly ghosts: ReadonlySignal<{ ref: Ref; label: Label }[]>;
  readonly selected: Signal<Ref | null>;
  readonly hold: Signal<Hold>;
  /** The word of the last new label, so that ten cups in a row need no digit. */
  lastWord: string;
  openedAt: string | null = null;
  firstInputAt: string | null = null;
  activity: Activity[] = [];
  /** Set by the store: journals a change. */
  onChange: (() => void) | null = null;
  /** Whether it began with unfinished work of this person. */
  readonly restored: boolean;

  constructor(
    readonly view: TaskView,
    start: Work | null,
    readonly reopened = false,
    steps: Packed | null = null,
  ) {
    this.before = labels.prelabelled(view);
    this.origins = new Map(
      Object.entries(this.before).flatMap(([capture, rows]) =>
        rows.map((label): [string, Label] => [`${capture}/${label.id}`, label]),
      ),
    );
    this.restored = start !== null || view.draft !== null;
    const first = start ?? startOf(view) ?? this.before;
    this.history = signal(steps ? unpacked(first, steps) : undo.started(first));
    this.work = computed(() => this.history.value.now);
    this.ghosts = computed(() => labels.ghosts(this.before, this.work.value));
    this.selected = signal(labels.orderedRefs(first)[0] ?? null);
    this.hold = signal(holdOf(view.lease));
    this.lastWord = view.classes[0] ?? "object";
  }

  get id(): string {
    return this.view.id;
  }

  get touched(): boolean {
    return this.history.value.past.length > 0;
  }

  /** The pre-label behind a label, undefined for one a person added. */
  beforeOf(ref: Ref): Label | undefined {
    return this.origins.get(`${ref.capture}/${ref.id}`);
  }

  label(): Label | undefined {
    return labels.find(this.work.value, this.selected.value);
  }

  /** Applies a change; changes with the same `series` are one step of undo. */
  change(next: Work, series: string | null = null): void {
    const history = undo.changed(this.history.value, next, series);
    if (history === this.history.value) return;
    this.history.value = history;
    this.onChange?.();
  }

  /** Changes the selected label. */
  edit(change: (label: Label) => Label, series: string | null = null): void {
    const ref = this.selected.value;
    if (ref) this.change(labels.replaced(this.work.value, ref, change), series && `${series}:${ref.capture}/${ref.id}`);
  }

  add(capture: string, make: (id: string) => Label): void {
    const id = labels.newId(this.work.value[capture] ?? [], this.before[capture] ?? []);
    this.change(labels.added(this.work.value, capture, make(id)));
    this.selected.value = { capture, id };
  }

  /** Takes a label away and selects the next least certain one. */
  reject(ref: Ref | null = this.selected.value): boolean {
    if (!ref) return false;
    const follow = labels.neighbour(this.work.value, ref, 1);
    const next = labels.removed(this.work.value, ref);
    if (next === this.work.value) return false;
    this.change(next);
    this.selected.value = labels.same(follow, ref) ? null : follow;
    return true;
  }

  restore(ref: Ref): void {
    this.change(labels.restored(this.work.value, this.before, ref));
    this.selected.value = ref;
  }

  undo(): boolean {
    return this.go(undo.undone(this.history.value));
  }

  redo(): boolean {
    return this.go(undo.redone(this.history.value));
  }

  commit(): void {
    this.history.value = undo.ended(this.history.value);
  }

  private go(history: undo.UndoHistory<Work>): boolean {
    if (history === this.history.value) return false;
    const was = this.work.value;
    this.history.value = history;
    this.selected.value = followed(was, history.now, this.selected.value);
    this.onChange?.();
    return true;
  }

  select(step: 1 | -1): void {
    this.commit();
    this.selected.value = labels.neighbour(this.work.value, this.selected.value, step);
  }

  input(): void {
    this.firstInputAt ??= nowText();
  }
}

/** A reopened task starts from what was submitted, one with a draft from the draft. */
function startOf(view: TaskView): Work | null {
  const documents: LabelsDocument[] | null = view.draft?.documents ?? view.revision?.documents ?? null;
  return documents === null ? null : labels.workOf(view, documents);
}

/** After undo the label that came back or changed is the selected one: the eye is where the change is. */
function followed(was: Work, now: Work, selected: Ref | null): Ref | null {
  for (const [capture, rows] of Object.entries(now)) {
    const old = new Map((was[capture] ?? []).map((l) => [l.id, l]));
    const differs = rows.find((l) => old.get(l.id) !== l);
    if (differs) return { capture, id: differs.id };
  }
  return labels.find(now, selected) ? selected : (labels.orderedRefs(now)[0] ?? null);
}
