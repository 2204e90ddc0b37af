/**
 * Answers on their way. A submit is written into this browser before it is sent, and sent until the collector
 * confirms it: the same UUID again gets the same answer, so sending twice is safe.
 */
import { signal } from "@preact/signals";
import { api, Problem, Unreachable } from "../api/client";
import type { Submit, SubmitReply } from "../api/types";
import { forget, keep, kept, keptNames, StorageFull } from "./storage";

export interface Letter {
  task: string;
  title: string;
  body: Submit;
  /** When it was posted, by this computer's clock: the order in which letters go out. */
  at?: number;
}

export interface OutboxEvents {
  confirmed(letter: Letter, reply: SubmitReply): void;
  /** The collector refused for good: a lost lease (409) or a document it cannot take. */
  refused(letter: Letter, problem: Problem): void;
  signedOut(): void;
}

const MAX_WAIT_MS = 30_000;

export class Outbox {
  readonly waiting = signal<readonly Letter[]>([]);
  /** Why nothing goes out at the moment; null when all is well. */
  readonly trouble = signal<string | null>(null);
  private sending: Promise<void> | null = null;
  private failures = 0;
  /** The letters that this browser could not store. */
  private readonly unkept = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly person: string,
    private readonly events: OutboxEvents,
  ) {
    this.unpackOldBox();
    this.waiting.value = this.stored();
    addEventListener("online", () => void this.flush());
    // Another tab wrote or sent an answer: what it leaves behind goes out from here.
    addEventListener("storage", (event) => {
      if (event.key === null || event.key.startsWith(`gleaner.${this.prefix}`)) this.follow();
    });
  }

  private get prefix(): string {
    return `letter.${encodeURIComponent(this.person)}.`;
  }

  /** A key for each letter: two tabs never overwrite each other's. */
  private name(letter: Letter): string {
    return `${this.prefix}${letter.body.submit}`;
  }

  private stored(): Letter[] {
    return keptNames(this.prefix)
      .map((name) => kept<Letter>(name))
      .filter((letter) => letter !== null)
      .sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
  }

  /** Earlier versions kept all letters of a person in one list. */
  private unpackOldBox(): void {
    const name = `outbox.${this.person}`;
    for (const letter of kept<Letter[]>(name) ?? []) this.keep(letter);
    forget(name);
  }

  private keep(letter: Letter): void {
    try {
      keep(this.name(letter), letter);
    } catch (error) {
      if (!(error instanceof StorageFull)) throw error;
      // An unsent answer then lives in memory only; the browser asks before the page is closed (main.tsx).
      this.unkept.add(letter.body.submit);
    }
  }

  /** Takes over what other tabs wrote, and lets go of what they sent. */
  private follow(): void {
    const stored = this.stored();
    const ids = new Set(stored.map((l) => l.body.submit));
    const mine = new Map(this.waiting.value.map((l) => [l.body.submit, l]));
    this.waiting.value = [
      ...this.waiting.value.filter((l) => ids.has(l.body.submit) || this.unkept.has(l.body.submit)),
      ...stored.filter((l) => !mine.has(l.body.submit)),
    ];
  }

  post(letter: Letter): void {
    const dated = { ...letter, at: Date.now() };
    this.keep(dated);
    this.waiting.value = [...this.waiting.value, dated];
    void this.flush();
  }

  has(task: string): boolean {
    return this.waiting.value.some((l) => l.task === task);
  }

  /** Sends what waits, oldest first. Settles when the box is empty or nothing can be sent now. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.sending ??= this.run().finally(() => {
      this.sending = null;
    });
    return this.sending;
  }

  private async run(): Promise<void> {
    for (let letter = this.waiting.value[0]; letter; letter = this.waiting.value[0]) {
      try {
        const reply = await api.submit(letter.task, letter.body);
        this.took(letter);
        this.events.confirmed(letter, reply);
      } catch (error) {
        if (error instanceof Problem && error.status === 401) {
          this.trouble.value = "you are signed out";
          return this.events.signedOut();
        }
        if (error instanceof Unreachable || (error instanceof Problem && error.retryable)) return this.wait(error);
        if (!(error instanceof Problem)) throw error;
        this.took(letter);
        this.events.refused(letter, error);
      }
    }
  }

  private took(letter: Letter): void {
    this.failures = 0;
    this.trouble.value = null;
    forget(this.name(letter));
    this.unkept.delete(letter.body.submit);
    this.waiting.value = this.waiting.value.filter((l) => l.body.submit !== letter.body.submit);
  }

  /** Deletes what was not sent: only by a person's own word. */
  clear(): void {
    clearTimeout(this.timer);
    for (const letter of this.waiting.value) forget(this.name(letter));
    this.unkept.clear();
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
