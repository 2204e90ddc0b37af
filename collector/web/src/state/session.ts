/** Who is signed in on this page, and how they sign out. */
import { Problem, type ReviewApi } from "../api/client";
import type { Me } from "../api/types";
import type { Drafts } from "./drafts";
import type { History } from "./history";
import type { Outbox } from "./outbox";
import { Tabs } from "./tabs";

export class Session {
  /** Signed out at the person's own request: nothing of the work is left in this browser. */
  ended = false;
  private readonly tabs: Tabs;

  /** Calls `signedOut` when another tab signs out or opens somebody else's link. */
  constructor(
    private readonly api: ReviewApi,
    me: Me,
    private readonly outbox: Outbox,
    private readonly drafts: Drafts,
    private readonly history: History,
    signedOut: () => void,
  ) {
    this.tabs = new Tabs(me.name, signedOut);
  }

  /** Sends answers and drafts that are only in this browser. Returns how many of each are left. */
  async sendAll(): Promise<{ answers: number; drafts: number }> {
    await this.outbox.flush();
    const drafts = await this.drafts.flushAll((task) => this.outbox.has(task));
    return { answers: this.outbox.waiting.value.length, drafts };
  }

  /**
   * Signs out and deletes what this browser stores of the person's work.
   * Throws Problem or Unreachable: nothing is deleted, the person is still signed in.
   */
  async end(): Promise<void> {
    try {
      await this.api.leave();
    } catch (error) {
      if (!(error instanceof Problem && error.status === 401)) throw error;
    }
    this.outbox.clear();
    this.drafts.clear();
    this.history.clear();
    this.ended = true;
    this.tabs.signedOut();
  }
}
