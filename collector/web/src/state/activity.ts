/** Tells the collector what the hands do; it counts the active time (media playing counts, a hidden tab does not). */
import { effect, signal } from "@preact/signals";
import { api } from "../api/client";
import { nowText } from "./clock";
import type { OpenTask } from "./task";

const EVERY_MS = 15_000;
const INPUT_EVERY_MS = 5_000;
const MAX_ROWS = 2_000;

export const playing = signal(false);
const visible = signal(document.visibilityState === "visible");

export class ActivityLog {
  private task: OpenTask | null = null;
  private input = false;
  private lastSent = 0;

  constructor() {
    document.addEventListener("visibilitychange", () => {
      visible.value = document.visibilityState === "visible";
    });
    for (const kind of ["keydown", "pointerdown", "wheel"]) {
      addEventListener(kind, () => this.touched(), { capture: true, passive: true });
    }
    effect(() => {
      this.note(visible.value, playing.value);
    });
    setInterval(() => this.send(), EVERY_MS);
  }

  watch(task: OpenTask | null): void {
    if (task === this.task) return;
    this.send();
    this.task = task;
    this.input = false;
    if (task) {
      this.note(visible.peek(), playing.peek());
    }
  }

  private touched(): void {
    this.task?.input();
    this.input = true;
    if (Date.now() - this.lastSent >= INPUT_EVERY_MS) this.send();
  }

  private note(isVisible: boolean, isPlaying: boolean): void {
    if (!this.task) return;
    if (this.task.activity.length < MAX_ROWS) {
      this.task.activity.push({ at: nowText(), visible: isVisible, playing: isPlaying });
    }
    this.send();
  }

  private send(): void {
    const task = this.task;
    if (!task || task.hold.value.lost !== null) return;
    const row = {
      task: task.id,
      fence: task.hold.value.fence,
      visible: visible.peek(),
      playing: playing.peek(),
      input: this.input,
    };
    this.lastSent = Date.now();
    this.input = false;
    // A row that does not arrive costs a few counted seconds, nothing a person could mend: the submit carries the
    // same rows again.
    api.activity(row).catch(() => undefined);
  }
}
