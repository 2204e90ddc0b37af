/** Keeps an item from being accepted before a person could have seen it. */
import { signal } from "@preact/signals";

/** Nobody looks at an item and presses Enter sooner than this: a faster one was meant for the item before. */
const TOO_SOON_MS = 400;

/** What the gate asks of the editor that shows the item. */
export interface Shower {
  unready(): string | null;
}

export class Gate {
  /** Whether the item on the page can be accepted now. */
  readonly open = signal(false);
  private shower: Shower | null = null;
  private seenAt: number | null = null;
  private frame = 0;

  /** Closes until this editor has shown what it was given; null: nothing is shown. */
  watch(shower: Shower | null): void {
    cancelAnimationFrame(this.frame);
    this.shower = shower;
    this.seenAt = null;
    this.open.value = false;
    if (shower) this.frame = requestAnimationFrame(this.look);
  }

  /** Why the item must not be accepted; null when it may be. */
  refusal(): string | null {
    if (!this.shower) return "This item is not on screen yet.";
    const why = this.shower.unready();
    if (why !== null) return why;
    return this.open.value ? null : "This item has only just appeared: look at it first.";
  }

  /** Once a frame: an item counts as seen from the frame after the one in which all of it was there. */
  private readonly look = (now: number): void => {
    if (!this.shower) return;
    if (this.shower.unready() !== null) {
      this.seenAt = null;
      this.open.value = false;
    } else {
      this.seenAt ??= now;
      this.open.value = now - this.seenAt >= TOO_SOON_MS;
    }
    this.frame = requestAnimationFrame(this.look);
  };
}
