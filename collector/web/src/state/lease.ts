/** Renews the lease of every task this page holds, and notices when one is lost. */
import { Problem, type ReviewApi } from "../api/client";
import * as clock from "./clock";
import { holdOf, type OpenTask } from "./task";

const MIN_WAIT_MS = 5_000;

export class Leases {
  private readonly timers = new Map<OpenTask, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly api: ReviewApi,
    private readonly onLost: (task: OpenTask, problem: Problem) => void,
  ) {
    // A laptop that slept wakes with old leases: ask at once instead of at the next timer.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") for (const task of this.timers.keys()) void this.renew(task);
    });
  }

  hold(task: OpenTask): void {
    this.drop(task);
    const left = task.hold.value.expiresAt - clock.now();
    const wait = Number.isFinite(left) ? Math.max(MIN_WAIT_MS, left / 2) : 60_000;
    this.timers.set(
      task,
      setTimeout(() => void this.renew(task), wait),
    );
  }

  drop(task: OpenTask): void {
    clearTimeout(this.timers.get(task));
    this.timers.delete(task);
  }

  private async renew(task: OpenTask): Promise<void> {
    const hold = task.hold.value;
    if (hold.lost !== null) return this.drop(task);
    try {
      const reply = await this.api.renew(task.id, hold.fence);
      clock.syncClock(reply.now);
      if (!this.timers.has(task)) return;
      task.hold.value = holdOf(reply.lease);
    } catch (error) {
      if (error instanceof Problem && (error.endsWork || error.status === 404)) {
        if (this.timers.has(task)) this.onLost(task, error);
        return this.drop(task);
      }
      // Away for now. The collector takes our writes even after the lease's end while nobody else took the task.
    }
    if (this.timers.has(task)) this.hold(task);
  }
}

/** "is with grace now", from a lease-lost problem's `task`; null where the collector does not name anybody. */
export function holder(problem: Problem): string | null {
  const task = problem.facts["task"] as { state?: unknown; holder?: unknown } | undefined;
  if (typeof task?.holder === "string" && task.holder) return `is with ${task.holder} now`;
  if (task?.state === "done") return "was finished by someone else";
  return null;
}
