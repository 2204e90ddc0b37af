/** What is only in this browser when a person signs out: answers that wait, drafts that were not sent. */
import type { Drafts } from "./drafts";
import type { History } from "./history";
import type { Outbox } from "./outbox";

export class Unsent {
  constructor(
    private readonly outbox: Outbox,
    private readonly drafts: Drafts,
    private readonly history: History,
  ) {}

  private readonly isAnswered = (task: string): boolean => this.outbox.has(task);

  get count(): number {
    return this.outbox.waiting.value.length + this.drafts.unsent(this.isAnswered).length;
  }

  /** Returns how many of each are left. */
  async sendAll(): Promise<{ answers: number; drafts: number }> {
    await this.outbox.flush();
    const drafts = await this.drafts.flushAll(this.isAnswered);
    return { answers: this.outbox.waiting.value.length, drafts };
  }

  /** Deletes what this browser stores of the work; with `keep` only what the collector has, and what says what was done. */
  clear(keep: boolean): void {
    if (!keep) this.outbox.clear();
    this.drafts.clear(keep, this.isAnswered);
    this.history.clear();
  }
}
