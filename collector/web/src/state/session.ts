/** Who is signed in on this page, how they sign out, and what of their work stays in this browser. */
import { signal } from "@preact/signals";
import { Problem, Unreachable, type ReviewApi } from "../api/client";
import type { BrowserStorage, Me } from "../api/types";
import { PrivateStorage } from "./private";
import { load, remove, save } from "./storage";
import { Tabs } from "./tabs";
import type { Unsent } from "./unsent";

const RETRY_MS = 5_000;
const LOOK_MS = 15_000;
/** The session that was ended here while the collector did not answer. */
const ENDED = "ended-session";

/** How a person left. */
export interface Ended {
  /** Answers and drafts that were not sent: how many this browser still has, encrypted, and how many were deleted. */
  kept: number;
  deleted: number;
  /** Whether the collector has ended the session too. */
  confirmed: boolean;
}

/** Who is signed in, and the key of what this browser stores of them. Throws Problem (401: nobody) and Unreachable. */
export async function signedIn(api: ReviewApi): Promise<{ me: Me; browser: BrowserStorage }> {
  const [me, browser] = await Promise.all([api.me(), api.browserStorage()]);
  // Another tab signed somebody in between the two.
  if (browser.name !== me.name) return signedIn(api);
  if (load<string>(ENDED) === browser.session) {
    await api.leave();
    remove(ENDED);
    throw new Problem(401, "not-signed-in", "You have signed out here.", "", false);
  }
  return { me, browser };
}

export class Session {
  readonly storage: PrivateStorage;
  /** Null as long as nobody signed out by their own word. */
  readonly ended = signal<Ended | null>(null);
  private readonly tabs: Tabs;
  private readonly endsAt: number;

  /** Calls `signedOut` when the session ends by itself, and when another tab signs out or opens somebody else's link. */
  constructor(
    private readonly api: ReviewApi,
    private readonly browser: BrowserStorage,
    private readonly signedOut: () => void,
  ) {
    this.storage = new PrivateStorage(browser);
    this.tabs = new Tabs(browser.name, signedOut);
    this.endsAt = Date.now() + browser.ends_in_seconds * 1000;
    setInterval(this.look, LOOK_MS);
    // A computer that slept, a page that comes back out of the browser's cache of pages.
    document.addEventListener("visibilitychange", this.look);
    addEventListener("pageshow", this.look);
  }

  /** The page clears itself at the end of the session, also when the collector cannot be asked. */
  private readonly look = (): void => {
    const idleUntil = this.api.answeredAt() + this.browser.idle_seconds * 1000;
    if (this.storage.isOpen && Date.now() >= Math.min(this.endsAt, idleUntil)) this.signedOut();
  };

  /**
   * Signs out. What the collector has is deleted here; the rest is too, or stays encrypted with `keep`.
   * Throws Problem: nothing is deleted, the person is still signed in.
   */
  async end(keep: boolean, unsent: Unsent): Promise<void> {
    const confirmed = await this.leave();
    const { count } = unsent;
    unsent.clear(keep);
    this.ended.value = { kept: keep ? count : 0, deleted: keep ? 0 : count, confirmed };
    if (!confirmed) this.leaveLater();
    this.tabs.signedOut();
  }

  /** Whether the collector has ended the session; where it does not answer, the page ends it later. */
  private async leave(): Promise<boolean> {
    try {
      await this.api.leave();
    } catch (error) {
      if (error instanceof Unreachable || (error instanceof Problem && error.retryable)) {
        save(ENDED, this.browser.session);
        return false;
      }
      if (!(error instanceof Problem && error.status === 401)) throw error;
    }
    remove(ENDED);
    return true;
  }

  private leaveLater(): void {
    setTimeout(() => {
      this.leave().then(
        (confirmed) => {
          if (!confirmed) return this.leaveLater();
          if (this.ended.value) this.ended.value = { ...this.ended.value, confirmed };
        },
        () => undefined, // refused for good: the session ends by its time
      );
    }, RETRY_MS);
  }
}
