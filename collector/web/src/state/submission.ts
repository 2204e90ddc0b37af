/** What an accepted item sends: the labels, and how the work was done. */
import type { CorrectionCode, Submit } from "../api/types";
import { documentsOf } from "../model/labels";
import { nowText } from "./clock";
import type { PendingSubmit } from "./outbox";
import type { Wanted } from "./prefetch";
import { uuid } from "./storage";
import type { OpenTask } from "./task";

/** Which build of this page a person worked with: the hash in the name of its script. */
const PAGE_BUILD = /-([\w-]+)\.js$/.exec(new URL(import.meta.url).pathname)?.[1] ?? "unbundled";

/** `correction`: what was wrong with the work of somebody else; null: it corrects nobody's. */
export const submissionOf = (task: OpenTask, person: string, correction: CorrectionCode | null): PendingSubmit => ({
  task: task.id,
  title: task.view.step_title,
  body: {
    fence: task.hold.value.fence,
    submit: uuid(),
    documents: documentsOf(task.work.value, person),
    opened_at: task.openedAt ?? nowText(),
    first_input_at: task.firstInputAt,
    activity: task.activity,
    instructions: task.view.instructions.sha256,
    page: PAGE_BUILD,
    correction,
  },
});

/** The same answer, asking for the items that are missing on this page. */
export const asking = (body: Submit, client: string, wanted: Wanted | null): Submit =>
  wanted ? { ...body, next: { client, have: [...wanted.have], count: wanted.count } } : body;
