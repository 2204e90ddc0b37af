/** The word in the bar about what happened last. */
import { signal } from "@preact/signals";

export interface Notice {
  text: string;
  /** A warning stays longer, and survives the next key. */
  kind: "word" | "care";
  /** The item that it is about: gone with it. */
  about?: string | undefined;
}

const WORD_MS = 8_000;
const CARE_MS = 32_000;

export class Notices {
  readonly current = signal<Notice | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;

  show(text: string, kind: Notice["kind"] = "word", about?: string): void {
    clearTimeout(this.timer);
    this.current.value = { text, kind, about };
    this.timer = setTimeout(() => this.dismiss(), kind === "care" ? CARE_MS : WORD_MS);
  }

  dismiss(): void {
    this.current.value = null;
  }

  /** A word from before the next key was read or is of no more use; a warning stays. */
  dismissWord(): void {
    if (this.current.value?.kind === "word") this.dismiss();
  }

  /** Another item is shown: a notice about the one before goes with it. */
  turnTo(item: string | undefined): void {
    const about = this.current.value?.about;
    if (about !== undefined && about !== item) this.dismiss();
  }
}
