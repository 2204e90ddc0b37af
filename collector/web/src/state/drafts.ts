/**
 * Nothing a person did is ever lost: each change is written into this browser a twentieth of a second later, or when
 * the page is left, whichever comes first, and to the collector soon after. A crash, a lost network and a lease that
 * went to somebody else all leave a draft behind.
 */
import { signal } from "@preact/signals";
import { api, Problem } from "../api/client";
import { documentsOf, type Ref, type Work } from "../model/labels";
import * as clock from "./clock";
import { forget, keep, kept, keptNames, StorageFull } from "./storage";
import type { OpenTask } from "./task";

export interface Draft {
  fence: number;
  at: number;
  work: Work;
  selected: Ref | null;
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
    for (const name of keptNames("draft.")) if ((kept<Draft>(name)?.at ?? 0) < oldest) forget(name);
  }

  whenSignedOut(tell: () => void): void {
    this.onSignedOut = tell;
  }

  whenLost(tell: (task: OpenTask, problem: Problem) => void): void {
    this.onLost = tell;
  }

  private name(task: string): string {
    return `draft.${this.person}.${task}`;
  }

  /** What this browser kept of a task, if the collector has nothing newer. */
  of(task: string, newerThan: string | null): Draft | null {
    this.write();
    const draft = kept<Draft>(this.name(task));
    if (!draft) return null;
    return newerThan !== null && Date.parse(newerThan) > draft.at ? null : draft;
  }

  /** Journals the task as it is now, and sends it to the collector when the hand rests. */
  journal(task: OpenTask): void {
    const draft: Draft = {
      fence: task.hold.value.fence,
      at: clock.now(),
      work: task.work.value,
      selected: task.selected.value,
    };
    this.unwritten.set(this.name(task.id), draft);
    this.writing ??= setTimeout(this.write, WRITE_MS);
    if (this.saved.value.state !== "here") this.saved.value = { state: "saving" };
    if (task.hold.value.lost === null) this.later(task, DEBOUNCE_MS);
    else this.saved.value = { state: "here", why: "this item went to someone else" };
  }

  private readonly write = (): void => {
    clearTimeout(this.writing);
    this.writing = undefined;
    try {
      for (const [name, draft] of this.unwritten) keep(name, draft);
    } catch (error) {
      if (!(error instanceof StorageFull)) throw error;
      this.saved.value = { state: "failed", why: "this browser keeps nothing; the collector still does" };
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
    const sent = task.work.value;
    try {
      const reply = await api.draft(task.id, task.hold.value.fence, documentsOf(sent, this.person));
      clock.heard(reply.now);
      if (task.work.value === sent && !this.timers.has(task.id)) this.saved.value = { state: "saved" };
    } catch (error) {
      if (error instanceof Problem && error.endsWork) return this.onLost(task, error);
      if (error instanceof Problem && error.status === 401) this.onSignedOut();
      if (error instanceof Problem && !error.retryable) {
        this.saved.value = { state: "here", why: error.title };
        return;
      }
      this.saved.value = { state: "here", why: "the collector does not answer" };
      if (!this.timers.has(task.id)) this.later(task, RETRY_MS);
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
  }
}
