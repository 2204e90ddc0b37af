/**
 * Nothing a person did is ever lost: each change is written into this browser a twentieth of a second later, or when
 * the page is left, whichever comes first, and to the collector soon after. A crash, a lost network and a lease that
 * went to somebody else all leave a draft behind.
 */
import { signal } from "@preact/signals";
import { api, Problem } from "../api/client";
import { documentsOf, type Ref, type Work } from "../model/labels";
import { packed, type Packed } from "../model/replay";
import * as clock from "./clock";
import { forget, keep, kept, keptNames, StorageFull } from "./storage";
import type { OpenTask } from "./task";

export interface Draft {
  fence: number;
  at: number;
  work: Work;
  selected: Ref | null;
  /** Which state of the work this is: its steps of undo name the same one. */
  mark?: number;
  /** The collector has this state of it. */
  sent?: boolean;
}

/** The steps of undo, stored when the hand rests: `work` is the state that they lead back from. */
interface StoredSteps extends Packed {
  at: number;
  mark: number | undefined;
}

export type Saved =
  { state: "saved" } | { state: "saving" } | { state: "here"; why: string } | { state: "failed"; why: string };

/** Long enough for the frame that shows the change to come first. */
const WRITE_MS = 50;
const DEBOUNCE_MS = 1500;
const RETRY_MS = 5000;
const KEPT_DAYS = 14;

export class Drafts {
  readonly saved = signal<Saved>({ state: "saved" });
  /** What changed since the last frame: a thousand labels are not written out while a key waits for its picture. */
  private readonly unwritten = new Map<string, Draft>();
  private writing: ReturnType<typeof setTimeout> | undefined;
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  private onLost: (task: OpenTask, problem: Problem) => void = () => undefined;

  private onSignedOut: () => void = () => undefined;

  constructor(private readonly person: string) {
    addEventListener("pagehide", this.write);
    document.addEventListener("visibilitychange", this.write);
    const oldest = Date.now() - KEPT_DAYS * 86_400_000;
    for (const prefix of ["draft.", "steps."])
      for (const name of keptNames(prefix)) if ((kept<{ at: number }>(name)?.at ?? 0) < oldest) forget(name);
    // A page that goes away, by a reload or for good, leaves its steps behind.
    addEventListener("pagehide", () => this.open.forEach((task) => this.storeSteps(task)));
  }

  /** Tasks that were changed since their steps were stored. */
  private readonly open = new Set<OpenTask>();

  whenSignedOut(tell: () => void): void {
    this.onSignedOut = tell;
  }

  whenLost(tell: (task: OpenTask, problem: Problem) => void): void {
    this.onLost = tell;
  }

  private name(task: string): string {
    return `draft.${this.person}.${task}`;
  }

  private stepsName(task: string): string {
    return `steps.${this.person}.${task}`;
  }

  /** The tasks of which this browser stores a draft of this person. */
  private stored(): string[] {
    const prefix = this.name("");
    // Another person's name may begin with this one and a dot; a task's id has none.
    return keptNames(prefix)
      .map((name) => name.slice(prefix.length))
      .filter((task) => !task.includes("."));
  }

  /** What this browser kept of a task, if the collector has nothing newer. */
  of(task: string, newerThan: string | null): Draft | null {
    this.write();
    const draft = kept<Draft>(this.name(task));
    if (!draft) return null;
    return newerThan !== null && Date.parse(newerThan) > draft.at ? null : draft;
  }

  /** The steps of undo that lead to this draft; null where they belong to another state of the work. */
  stepsOf(task: string, draft: Draft): Packed | null {
    const steps = kept<StoredSteps>(this.stepsName(task));
    return draft.mark !== undefined && steps?.mark === draft.mark ? steps : null;
  }

  private storeSteps(task: OpenTask): void {
    this.open.delete(task);
    this.write();
    const draft = kept<Draft>(this.name(task.id));
    if (!draft) return;
    try {
      keep(this.stepsName(task.id), { at: draft.at, mark: draft.mark, ...packed(task.history.value) } satisfies StoredSteps);
    } catch (error) {
      if (!(error instanceof StorageFull)) throw error;
      // The work itself is stored: without room only undo begins anew.
      forget(this.stepsName(task.id));
    }
  }

  /** Journals the task as it is now, and sends it to the collector when the hand rests. */
  journal(task: OpenTask): void {
    const at = clock.now();
    const draft: Draft = {
      fence: task.hold.value.fence,
      at,
      mark: at,
      work: task.work.value,
      selected: task.selected.value,
    };
    this.unwritten.set(this.name(task.id), draft);
    this.writing ??= setTimeout(this.write, WRITE_MS);
    if (this.saved.value.state !== "here") this.saved.value = { state: "saving" };
    this.open.add(task);
    this.later(task, DEBOUNCE_MS);
  }

  /** Sends what was begun on a task that went to someone else: the collector stores it as late work. */
  late(task: OpenTask): void {
    if (task.touched || task.restored) this.later(task, 0);
  }

  /** Sends the newest state of a task at once, if it is not there yet. */
  async flush(task: OpenTask): Promise<void> {
    if (!this.timers.has(task.id)) return;
    clearTimeout(this.timers.get(task.id));
    await this.send(task);
  }

  /**
   * Sends every draft of this person that the collector may not have, but for tasks whose answer waits to be sent.
   * Returns how many could not be sent.
   */
  async flushStored(isAnswered: (task: string) => boolean): Promise<number> {
    let left = 0;
    this.write();
    for (const task of this.stored()) {
      const draft = kept<Draft>(this.name(task));
      if (!draft || draft.sent || isAnswered(task)) continue;
      try {
        await api.draft(task, draft.fence, documentsOf(draft.work, this.person));
        this.markSent(task);
      } catch (error) {
        if (error instanceof Problem && error.consentEnded) this.done(task);
        // 409: the collector has stored it as late work. A task that is gone needs no draft.
        if (!(error instanceof Problem) || error.retryable || error.status === 401) left += 1;
      }
    }
    return left;
  }

  /** Leaves nothing of this person's work in this browser. */
  clear(): void {
    this.timers.forEach((timer) => clearTimeout(timer));
    this.timers.clear();
    this.open.clear();
    this.unwritten.clear();
    for (const task of this.stored()) {
      forget(this.name(task));
      forget(this.stepsName(task));
    }
  }

  private readonly write = (): void => {
    clearTimeout(this.writing);
    this.writing = undefined;
    try {
      for (const [name, draft] of this.unwritten) keep(name, draft);
    } catch (error) {
      if (!(error instanceof StorageFull)) throw error;
      this.saved.value = { state: "failed", why: "this browser cannot store it; the collector does" };
    } finally {
      this.unwritten.clear();
    }
  };

  private later(task: OpenTask, ms: number): void {
    clearTimeout(this.timers.get(task.id));
    this.timers.set(
      task.id,
      setTimeout(() => void this.send(task), ms),
    );
  }

  private async send(task: OpenTask): Promise<void> {
    this.timers.delete(task.id);
    this.storeSteps(task);
    const sent = task.work.value;
    try {
      const reply = await api.draft(task.id, task.hold.value.fence, documentsOf(sent, this.person));
      clock.heard(reply.now);
      if (task.work.value !== sent || this.timers.has(task.id)) return;
      this.saved.value = { state: "saved" };
      this.markSent(task.id, Date.parse(reply.saved_at));
    } catch (error) {
      if (error instanceof Problem && error.endsWork) {
        if (!error.consentEnded) {
          this.markSent(task.id);
          this.saved.value = { state: "here", why: "this item went to someone else" };
        }
        if (task.hold.value.lost === null) this.onLost(task, error);
        return;
      }
      if (error instanceof Problem && error.status === 401) this.onSignedOut();
      if (error instanceof Problem && !error.retryable) {
        this.saved.value = { state: "here", why: error.title };
        return;
      }
      this.saved.value = { state: "here", why: "the collector does not answer" };
      if (!this.timers.has(task.id)) this.later(task, RETRY_MS);
    }
  }

  /** `at`: when the collector stored it; what is stored here is as new as that. */
  private markSent(task: string, at = 0): void {
    this.write();
    const draft = kept<Draft>(this.name(task));
    if (!draft || draft.sent) return;
    try {
      keep(this.name(task), { ...draft, at: Math.max(draft.at, at), sent: true } satisfies Draft);
    } catch (error) {
      if (!(error instanceof StorageFull)) throw error;
    }
  }

  /** Stops sending drafts of a task that is being submitted; what this browser kept stays until it is confirmed. */
  hush(task: string): void {
    clearTimeout(this.timers.get(task));
    this.timers.delete(task);
    if (this.timers.size === 0) this.saved.value = { state: "saved" };
  }

  /** The work is in a revision: nothing to keep. */
  done(task: string): void {
    this.hush(task);
    this.unwritten.delete(this.name(task));
    forget(this.name(task));
    forget(this.stepsName(task));
    this.open.forEach((open) => open.id === task && this.open.delete(open));
  }
}
