/**
 * Answers on their way. A submit is written into this browser before it is sent, and sent until the collector
 * confirms it: the same UUID again gets the same answer, so sending twice is safe.
 */
import { signal } from "@preact/signals";
import { api, Problem, Unreachable } from "../api/client";
import type { Submit, SubmitReply } from "../api/types";
import { forget, keep, kept, StorageFull } from "./storage";

export interface Letter {
  task: string;
  title: string;
  body: Submit;
}

export interface OutboxEvents {
  confirmed(letter: Letter, reply: SubmitReply): void;
  /** The collector refused for good: a lost lease (409) or a document it cannot take. */
  refused(letter: Letter, problem: Problem): void;
  signedOut(): void;
}

const LONGEST_WAIT_MS = 30_000;

export class Outbox {
  readonly waiting = signal<readonly Letter[]>([]);
  /** Why nothing goes out at the moment; null when all is well. */
  readonly trouble = signal<string | null>(null);
  private sending: Promise<void> | null = null;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly person: string,
    private readonly events: OutboxEvents,
  ) {
    this.waiting.value = kept<Letter[]>(this.name) ?? [];
    addEventListener("online", () => void this.flush());
  }

  private get name(): string {
    return `outbox.${this.person}`;
  }

  post(letter: Letter): void {
    this.set([...this.waiting.value, letter]);
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
    this.set(this.waiting.value.filter((l) => l !== letter));
  }

  private wait(error: Unreachable | Problem): void {
    this.trouble.value = error instanceof Problem ? error.title : "no network";
    const ms = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** Math.min(this.failures, 5)) * (0.5 + Math.random());
    this.failures += 1;
    this.timer = setTimeout(() => void this.flush(), ms);
  }

  private set(letters: readonly Letter[]): void {
    this.waiting.value = letters;
    if (letters.length === 0) return forget(this.name);
    try {
      keep(this.name, letters);
    } catch (error) {
      if (!(error instanceof StorageFull)) throw error;
      // Unsent answers then live in memory only; the browser asks before the page is closed (main.tsx).
    }
  }
}
