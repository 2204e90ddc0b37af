/** Keeps an item from being accepted before a person could have seen it. */
import { effect, signal, untracked } from "@preact/signals";

/** Nobody looks at an item and presses Enter sooner than this: a faster one was meant for the item before. */
const TOO_SOON_MS = 400;

/** What the gate asks of the editor that shows the item. */
export interface ReadySource {
  /** Reads signals only: the gate asks again when one of them changes, and at no other time. */
  unready(): string | null;
}

export class Gate {
  /** Whether the item on the page can be accepted now. */
  readonly open = signal(false);
  private source: ReadySource | null = null;
  private stop: (() => void) | null = null;
  private frame = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Closes until this editor has shown what it was given; null: nothing is shown. */
  watch(source: ReadySource | null): void {
    this.stop?.();
    this.stop = null;
    this.close();
    this.source = source;
    if (source) this.stop = effect(() => this.update(source.unready()));
  }

  /** Why the item must not be accepted; null when it may be. */
  refusal(): string | null {
    const { source } = this;
    if (!source) return "This item is not on screen yet.";
    const why = untracked(() => source.unready());
    if (why !== null) return why;
    return this.open.peek() ? null : "This item has only just appeared. Look at it first.";
  }

  /** An item counts as seen from the frame after the one in which all of it was there. */
  private update(why: string | null): void {
    this.close();
    if (why !== null) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = requestAnimationFrame(() => {
        this.timer = setTimeout(() => (this.open.value = true), TOO_SOON_MS);
      });
    });
  }

  private close(): void {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.open.value = false;
  }
}
