/**
 * Answers that are being sent. A submit is saved in this browser before it is sent, and sent until the collector
 * confirms it: the same UUID again gets the same answer, so sending twice is safe.
 */
import { signal } from "@preact/signals";
import { Problem, Unreachable } from "../api/client";
import type { Submit, SubmitReply } from "../api/types";
import type { PrivateStorage } from "./private";

export interface PendingSubmit {
  task: string;
  title: string;
  body: Submit;
  /** When it was added, by this computer's clock: the order in which answers are sent. */
  at?: number;
}

/** Takes answers. */
export interface Receiver {
  submit(task: string, body: Submit): Promise<SubmitReply>;
}

export interface OutboxEvents {
  confirmed(pending: PendingSubmit, reply: SubmitReply): void;
  /** The collector refused for good: a lost lease (409) or a document it cannot take. */
  refused(pending: PendingSubmit, problem: Problem): void;
  signedOut(): void;
}

const MAX_WAIT_MS = 30_000;

export class Outbox {
  readonly waiting = signal<readonly PendingSubmit[]>([]);
  /** Why nothing can be sent at the moment; null when all is well. */
  readonly trouble = signal<string | null>(null);
  private sending: Promise<void> | null = null;
  private failures = 0;
  /** The submits that this browser could not save. */
  private readonly unsaved = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly collector: Receiver,
    private readonly storage: PrivateStorage,
    private readonly events: OutboxEvents,
  ) {
    this.waiting.value = this.stored(storage.ids("letter"));
    addEventListener("online", () => void this.flush());
    // Another tab saved or sent an answer: what it leaves behind is sent from here.
    addEventListener("storage", (event) => {
      if (event.key === null || storage.idOf("letter", event.key) !== null) this.follow();
    });
  }

  /** An entry per submit: two tabs never overwrite each other's. */
  private stored(ids: readonly string[]): PendingSubmit[] {
    return ids
      .map((id) => this.storage.load<PendingSubmit>("letter", id))
      .filter((pending) => pending !== null)
      .sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
  }

  private save(pending: PendingSubmit): void {
    // An answer that is not saved lives in memory only; the browser asks before the page is closed (views/app.tsx).
    if (!this.storage.save("letter", pending.body.submit, pending)) this.unsaved.add(pending.body.submit);
  }

  /** Adds what other tabs saved, and drops what they sent. */
  private follow(): void {
    const ids = this.storage.ids("letter");
    const mine = new Set(this.waiting.value.map((p) => p.body.submit));
    this.waiting.value = [
      ...this.waiting.value.filter((p) => ids.includes(p.body.submit) || this.unsaved.has(p.body.submit)),
      ...this.stored(ids.filter((id) => !mine.has(id))),
    ];
  }

  add(pending: PendingSubmit): void {
    const dated = { ...pending, at: Date.now() };
    this.save(dated);
    this.waiting.value = [...this.waiting.value, dated];
    void this.flush();
  }

  has(task: string): boolean {
    return this.waiting.value.some((p) => p.task === task);
  }

  /** Sends what waits, oldest first. Settles when nothing is left or nothing can be sent now. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.sending ??= this.run().finally(() => {
      this.sending = null;
    });
    return this.sending;
  }

  private async run(): Promise<void> {
    for (let pending = this.waiting.value[0]; pending; pending = this.waiting.value[0]) {
      try {
        const reply = await this.collector.submit(pending.task, pending.body);
        this.finish(pending);
        this.events.confirmed(pending, reply);
      } catch (error) {
        if (error instanceof Problem && error.status === 401) {
          this.trouble.value = "you are signed out";
          return this.events.signedOut();
        }
        if (error instanceof Unreachable || (error instanceof Problem && error.retryable)) return this.wait(error);
        if (!(error instanceof Problem)) throw error;
        this.finish(pending);
        this.events.refused(pending, error);
      }
    }
  }

  /** The collector has answered: nothing of it is left to send. */
  private finish(pending: PendingSubmit): void {
    this.failures = 0;
    this.trouble.value = null;
    this.storage.remove("letter", pending.body.submit);
    this.unsaved.delete(pending.body.submit);
    this.waiting.value = this.waiting.value.filter((p) => p.body.submit !== pending.body.submit);
  }

  /** Deletes what was not sent: only at a person's own request. */
  clear(): void {
    clearTimeout(this.timer);
    for (const pending of this.waiting.value) this.storage.remove("letter", pending.body.submit);
    this.unsaved.clear();
    this.waiting.value = [];
    this.trouble.value = null;
  }

  private wait(error: Unreachable | Problem): void {
    this.trouble.value = error instanceof Problem ? error.title : "no network";
    const ms = Math.min(MAX_WAIT_MS, 1000 * 2 ** Math.min(this.failures, 5)) * (0.5 + Math.random());
    this.failures += 1;
    this.timer = setTimeout(() => void this.flush(), ms);
  }
}
