/** Whether the open item may be submitted, and whose work that would correct. */
import { misplaced } from "../model/bounds";
import { undrawn } from "../model/drawn";
import type { Ref } from "../model/labels";
import type { Gate } from "./gate";
import type { OpenTask } from "./task";

export class Acceptance {
  constructor(
    private readonly gate: Gate,
    private readonly person: string,
  ) {}

  /** Whose work a submit of the item would correct; null when it is nobody else's. */
  corrects(task: OpenTask | undefined): string | null {
    const done = task?.view.revision;
    return done && done.reviewer !== this.person ? done.reviewer : null;
  }

  /** Whether the item could be submitted now and corrects somebody else's work. */
  mayCorrect(task: OpenTask | undefined): boolean {
    return task !== undefined && this.corrects(task) !== null && task.hold.value.lost === null && this.refusal(task) === null;
  }

  /** Why the work cannot be submitted as it is, with the label that stands in the way, if one does. */
  refusal(task: OpenTask): { why: string; ref?: Ref } | null {
    const why = this.gate.refusal() ?? undrawn(task.view, task.work.value);
    return why !== null ? { why } : misplaced(task.view, task.work.value);
  }
}
