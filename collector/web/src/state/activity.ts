/** Reports activity to the collector, which counts the active time (media playing counts, a hidden tab does not). */
import { effect, signal } from "@preact/signals";
import type { ReviewApi } from "../api/client";
import { nowText } from "./clock";
import type { OpenTask } from "./task";

const EVERY_MS = 15_000;
const INPUT_EVERY_MS = 5_000;
const MAX_ROWS = 2_000;

export const playing = signal(false);

const isVisible = (): boolean => document.visibilityState === "visible";

export class ActivityLog {
  private readonly visible = signal(isVisible());
  private task: OpenTask | null = null;
  private input = false;
  private lastSent = 0;

  constructor(private readonly api: ReviewApi) {
    document.addEventListener("visibilitychange", () => {
      this.visible.value = isVisible();
    });
    for (const kind of ["keydown", "pointerdown", "wheel"]) {
      addEventListener(kind, () => this.onInput(), { capture: true, passive: true });
    }
    effect(() => this.add(this.visible.value, playing.value));
    setInterval(() => this.send(), EVERY_MS);
  }

  watch(task: OpenTask | null): void {
    if (task === this.task) return;
    this.send();
    this.task = task;
    this.input = false;
    if (task) this.add(this.visible.peek(), playing.peek());
  }

  private onInput(): void {
    this.task?.input();
    this.input = true;
    if (Date.now() - this.lastSent >= INPUT_EVERY_MS) this.send();
  }

  private add(visible: boolean, isPlaying: boolean): void {
    if (!this.task) return;
    if (this.task.activity.length < MAX_ROWS) {
      this.task.activity.push({ at: nowText(), visible, playing: isPlaying });
    }
    this.send();
  }

  private send(): void {
    const task = this.task;
    if (!task || task.hold.value.lost !== null) return;
    const row = {
      task: task.id,
      fence: task.hold.value.fence,
      visible: this.visible.peek(),
      playing: playing.peek(),
      input: this.input,
    };
    this.lastSent = Date.now();
    this.input = false;
    // A row that does not arrive loses a few counted seconds, nothing a person could mend: the submit carries the
    // same rows again.
    this.api.activity(row).catch(() => undefined);
  }
}
