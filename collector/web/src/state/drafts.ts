/**
 * Nothing a person did is ever lost: each change is saved in this browser a twentieth of a second later, or when the
 * page is left, whichever comes first, and at the collector soon after. A crash, a lost network and a lease that
 * went to somebody else all leave a draft behind.
 */
import { signal } from "@preact/signals";
import { Problem, type ReviewApi } from "../api/client";
import { documentsOf, type Ref, type Work } from "../model/labels";
import { packed, type Packed } from "../model/replay";
import * as clock from "./clock";
import type { PrivateStorage } from "./private";
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

/** The steps of undo, saved when the hand rests: `work` is the state that they lead back from. */
interface SavedSteps extends Packed {
  at: number;
  mark: number | undefined;
}

export type Saved =
  { state: "saved" } | { state: "saving" } | { state: "here"; why: string } | { state: "failed"; why: string };

export interface DraftEvents {
  /** The collector refused a draft because this page may not work on the task any more. */
  lost(task: OpenTask, problem: Problem): void;
  signedOut(): void;
}

/** Long enough for the frame that shows the change to come first. */
const WRITE_MS = 50;
const DEBOUNCE_MS = 1500;
const RETRY_MS = 5000;

export class Drafts {
  readonly saved = signal<Saved>({ state: "saved" });
  /** What changed since the last frame: a thousand labels are not written out while a key waits for its picture. */
  private readonly unwritten = new Map<string, Draft>();
  private writing: ReturnType<typeof setTimeout> | undefined;
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  /** Tasks that were changed since their steps were saved. */
  private readonly changed = new Set<OpenTask>();

  constructor(
    private readonly api: ReviewApi,
    private readonly storage: PrivateStorage,
    private readonly person: string,
    private readonly events: DraftEvents,
  ) {
    addEventListener("pagehide", this.write);
    document.addEventListener("visibilitychange", this.write);
    // A page that goes away, by a reload or for good, leaves its steps behind.
    addEventListener("pagehide", () => this.changed.forEach((task) => this.saveSteps(task)));
  }

  private load(task: string): Draft | null {
    return this.storage.load<Draft>("draft", task);
  }

  /** What this browser has of a task, if the collector has nothing newer. */
  of(task: string, newerThan: string | null): Draft | null {
    this.write();
    const draft = this.load(task);
    if (!draft) return null;
    return newerThan !== null && Date.parse(newerThan) > draft.at ? null : draft;
  }

  /** The steps of undo that lead to this draft; null where they belong to another state of the work. */
  stepsOf(task: string, draft: Draft): Packed | null {
    const steps = this.storage.load<SavedSteps>("steps", task);
    return draft.mark !== undefined && steps?.mark === draft.mark ? steps : null;
  }

  private saveSteps(task: OpenTask): void {
    this.changed.delete(task);
    this.write();
    const draft = this.load(task.id);
    if (!draft) return;
    const steps: SavedSteps = { at: draft.at, mark: draft.mark, ...packed(task.history.value) };
    // The work itself is saved: where there is no space for its steps only undo starts from here.
    if (!this.storage.save("steps", task.id, steps)) this.storage.remove("steps", task.id);
  }

  /** Saves the task as it is now, here, and at the collector when the hand rests. */
  save(task: OpenTask): void {
    const at = clock.now();
    const draft: Draft = {
      fence: task.hold.value.fence,
      at,
      mark: at,
      work: task.work.value,
      selected: task.selected.value,
    };
    this.unwritten.set(task.id, draft);
    this.writing ??= setTimeout(this.write, WRITE_MS);
    if (this.saved.value.state !== "here") this.saved.value = { state: "saving" };
    this.changed.add(task);
    this.sendLater(task, DEBOUNCE_MS);
  }

  /** Sends what was begun on a task that went to someone else: the collector stores it as late work. */
  sendLate(task: OpenTask): void {
    if (task.touched || task.restored) this.sendLater(task, 0);
  }

  /** Sends the newest state of a task at once, if the collector does not have it yet. */
  async flush(task: OpenTask): Promise<void> {
    if (!this.timers.has(task.id)) return;
    clearTimeout(this.timers.get(task.id));
    await this.send(task);
  }

  /**
   * Sends every draft of this person that the collector may not have, but for tasks whose answer waits to be sent.
   * Returns how many could not be sent.
   */
  async flushAll(isAnswered: (task: string) => boolean): Promise<number> {
    let left = 0;
    for (const task of this.unsent(isAnswered)) {
      const draft = this.load(task);
      if (!draft) continue;
      try {
        await this.api.draft(task, draft.fence, documentsOf(draft.work, this.person));
        this.markSent(task);
      } catch (error) {
        if (!(error instanceof Problem) || error.retryable || error.status === 401) left += 1;
        else if (error.consentEnded) this.remove(task);
        // 409: the collector has stored it as late work. A task that is gone needs no draft.
        else this.markSent(task);
      }
    }
    return left;
  }

  /** Writes what is not written yet, and writes and sends no more. */
  stop(): void {
    this.write();
    this.changed.forEach((task) => this.saveSteps(task));
    this.timers.forEach((timer) => clearTimeout(timer));
    this.timers.clear();
  }

  /** The tasks whose newest draft is only here, but for those whose answer waits to be sent. */
  unsent(isAnswered: (task: string) => boolean): string[] {
    this.write();
    return this.storage.ids("draft").filter((task) => !isAnswered(task) && this.load(task)?.sent !== true);
  }

  /** Deletes the drafts, with `keep` only those that the collector has: an answer that waits may still be refused. */
  clear(keep: boolean, isAnswered: (task: string) => boolean): void {
    this.stop();
    for (const task of this.storage.ids("draft"))
      if (!keep || (this.load(task)?.sent === true && !isAnswered(task))) this.remove(task);
  }

  private readonly write = (): void => {
    clearTimeout(this.writing);
    this.writing = undefined;
    const refused = [...this.unwritten].filter(([task, draft]) => !this.storage.save("draft", task, draft));
    if (refused.length > 0)
      this.saved.value = { state: "failed", why: "this browser cannot save it; the collector does" };
    this.unwritten.clear();
  };

  private sendLater(task: OpenTask, ms: number): void {
    clearTimeout(this.timers.get(task.id));
    this.timers.set(
      task.id,
      setTimeout(() => void this.send(task), ms),
    );
  }

  private async send(task: OpenTask): Promise<void> {
    this.timers.delete(task.id);
    this.saveSteps(task);
    const sent = task.work.value;
    try {
      const reply = await this.api.draft(task.id, task.hold.value.fence, documentsOf(sent, this.person));
      clock.syncClock(reply.now);
      if (task.work.value !== sent || this.timers.has(task.id)) return;
      this.saved.value = { state: "saved" };
      this.markSent(task.id, Date.parse(reply.saved_at));
    } catch (error) {
      this.failed(task, error);
    }
  }

  private failed(task: OpenTask, error: unknown): void {
    if (error instanceof Problem && error.endsWork) {
      if (!error.consentEnded) {
        this.markSent(task.id);
        this.saved.value = { state: "here", why: "this item went to someone else" };
      }
      if (task.hold.value.lost === null) this.events.lost(task, error);
      return;
    }
    if (error instanceof Problem && error.status === 401) this.events.signedOut();
    if (error instanceof Problem && !error.retryable) {
      this.saved.value = { state: "here", why: error.title };
      return;
    }
    this.saved.value = { state: "here", why: "the collector does not answer" };
    if (!this.timers.has(task.id)) this.sendLater(task, RETRY_MS);
  }

  /** `at`: when the collector stored it; what this browser has is as new as that. */
  private markSent(task: string, at = 0): void {
    this.write();
    const draft = this.load(task);
    if (!draft || draft.sent) return;
    const sent: Draft = { ...draft, at: Math.max(draft.at, at), sent: true };
    this.storage.save("draft", task, sent);
  }

  /** Sends no more drafts of a task that is being submitted; what this browser has stays until it is confirmed. */
  cancel(task: string): void {
    clearTimeout(this.timers.get(task));
    this.timers.delete(task);
    if (this.timers.size === 0) this.saved.value = { state: "saved" };
  }

  /** The work is in a revision, or must not be here any more: this browser drops its draft. */
  remove(task: string): void {
    this.cancel(task);
    this.unwritten.delete(task);
    this.storage.remove("draft", task);
    this.storage.remove("steps", task);
    this.changed.forEach((changed) => changed.id === task && this.changed.delete(changed));
  }
}
