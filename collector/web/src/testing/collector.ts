/** A collector in memory, behind the interface by which the page's state asks the real one. */
import { Problem, Unreachable, type ReviewApi } from "../api/client";
import type { ActivityRequest, LabelsDocument, Progress, Submit, TaskView } from "../api/types";
import { keyOf, storeOf } from "./private";

interface Row {
  view: TaskView;
  state: TaskView["state"];
  fence: number;
  /** Who has it, and on which page. */
  holder: { person: string; client: string } | null;
  drafts: { person: string; documents: LabelsDocument[]; savedAt: string; late: boolean }[];
  submits: { person: string; body: Submit }[];
}

const LEASE_MS = 600_000;

export class MemoryCollector {
  readonly activity: ActivityRequest[] = [];
  /** Nothing is answered while this is set. */
  offline = false;
  /** A submit is stored while this is set, but its answer does not arrive. */
  losesReplies = false;
  /** Every submit is refused with this while it is set. */
  refusal: Problem | null = null;
  /** Called before each answer: a test may hold one back. */
  before: (request: string) => Promise<void> | void = () => undefined;
  /** Called when an answer is made and before it arrives. */
  after: (request: string) => Promise<void> | void = () => undefined;
  /** Requests, as "submit t1", in the order they were answered. */
  readonly requests: string[] = [];
  private sessions = 1;
  private answeredAt = Date.now();
  private readonly rows = new Map<string, Row>();
  private readonly signedOut = new Set<string>();

  add(...views: TaskView[]): void {
    for (const view of views)
      this.rows.set(view.id, { view, state: "open", fence: 0, holder: null, drafts: [], submits: [] });
  }

  row(id: string): Row {
    return this.rows.get(id) as Row;
  }

  /** Ends the session of a person, as an administrator can. */
  signOut(person: string): void {
    this.signedOut.add(person);
  }

  signIn(person: string): void {
    this.sessions += 1;
    this.signedOut.delete(person);
  }

  /** Somebody else opens a task, whoever had it. */
  steal(id: string, person: string): void {
    this.lease(this.row(id), person, "page-elsewhere");
  }

  private now(): string {
    return new Date().toISOString();
  }

  private lease(row: Row, person: string, client: string): TaskView {
    row.fence += 1;
    row.holder = { person, client };
    row.state = "leased";
    const draft = row.drafts.find((each) => each.person === person && !each.late);
    const last = row.submits.at(-1);
    const revision = last && {
      ...{ id: `${row.view.id}-${row.submits.length}`, task: row.view.id, number: row.submits.length },
      ...{ reviewer: last.person, submitted_at: this.now(), documents: last.body.documents, diff: {} },
    };
    return {
      ...row.view,
      draft: draft ? { documents: draft.documents, saved_at: draft.savedAt, why: "working" } : null,
      revision: (revision as TaskView["revision"] | undefined) ?? row.view.revision,
      lease: this.leaseView(row),
    };
  }

  private leaseView(row: Row): { fence: number; expires_at: string } {
    return { fence: row.fence, expires_at: new Date(Date.now() + LEASE_MS).toISOString() };
  }

  private progress(): Progress {
    const rows = [...this.rows.values()];
    const open = rows.filter((row) => row.state === "open").length;
    return { done_today: rows.filter((row) => row.state === "done").length, open, per_minute: 0 };
  }

  /** The row of a task that this person holds by this fence. Throws lease-lost (409) or consent-ended (403). */
  private held(id: string, person: string, fence: number): Row {
    const row = this.row(id);
    this.allowed(row);
    if (row.holder?.person === person && row.fence === fence) return row;
    throw this.lost(row);
  }

  private allowed(row: Row): void {
    if (row.state === "withheld")
      throw new Problem(403, "consent-ended", "The consent to use this recording has ended.", "", false);
  }

  private lost(row: Row): Problem {
    const task = { id: row.view.id, state: row.state, holder: row.holder?.person ?? "" };
    return new Problem(409, "lease-lost", "The task is no longer yours.", "", false, { task });
  }

  private async answer<T>(request: string, person: string, make: () => T): Promise<T> {
    await this.before(request);
    if (this.offline) throw new Unreachable();
    if (this.signedOut.has(person)) throw new Problem(401, "no-session", "Nobody is signed in.", "", false);
    this.requests.push(request);
    this.answeredAt = Date.now();
    const made = make();
    await this.after(request);
    return made;
  }

  /** What a page of this person asks. */
  api(person: string): ReviewApi {
    const answer = <T>(request: string, make: () => T): Promise<T> => this.answer(request, person, make);
    return {
      me: () => answer("me", () => ({ name: person, role: "annotator" }) as const),
      browserStorage: () =>
        answer("browser-storage", () => ({
          name: person,
          store: storeOf(person),
          key: keyOf(person),
          session: `session-${this.sessions}`,
          ...{ ends_in_seconds: 43_200, idle_seconds: 7_200 },
        })),
      answeredAt: () => this.answeredAt,
      leave: () => answer("leave", () => this.signOut(person)),
      next: (client, have, count) => answer("next", () => this.next(person, client, have, count)),
      reopen: (id, client) => answer(`reopen ${id}`, () => this.reopen(id, person, client)),
      renew: (id, fence) =>
        answer(`renew ${id}`, () => ({ now: this.now(), lease: this.leaseView(this.held(id, person, fence)) })),
      submit: (id, body) =>
        answer(`submit ${id}`, () => {
          this.submit(id, person, body);
          const { next } = body;
          const brought = next && this.next(person, next.client, next.have ?? [], next.count ?? 1);
          if (this.losesReplies) throw new Unreachable();
          return { now: this.now(), revision: id, diff: {}, progress: this.progress(), next: brought ?? null };
        }),
      skip: (id, fence) => answer(`skip ${id}`, () => this.release(id, person, fence, "skipped")),
      giveBack: (id, fence) => answer(`return ${id}`, () => this.release(id, person, fence, "open")),
      draft: (id, fence, documents) => answer(`draft ${id}`, () => this.draft(id, person, fence, documents)),
      activity: (row) => answer("activity", () => void this.activity.push(row)),
    };
  }

  private next(
    person: string,
    client: string,
    have: readonly string[],
    count: number,
  ): Awaited<ReturnType<ReviewApi["next"]>> {
    const mine = (row: Row): boolean => row.holder?.person === person && row.holder.client === client;
    const free = [...this.rows.values()].filter(
      (row) => !have.includes(row.view.id) && (row.state === "open" || (row.state === "leased" && mine(row))),
    );
    const tasks = free.slice(0, count).map((row) => this.lease(row, person, client));
    return { now: this.now(), tasks, progress: this.progress() };
  }

  private reopen(id: string, person: string, client: string): TaskView {
    const row = this.row(id);
    this.allowed(row);
    if (row.state === "leased" && row.holder?.person !== person) throw this.lost(row);
    return this.lease(row, person, client);
  }

  private submit(id: string, person: string, body: Submit): void {
    const row = this.row(id);
    if (this.refusal) throw this.refusal;
    // The same submit again gets the same answer.
    if (row.submits.some((each) => each.body.submit === body.submit)) return;
    this.held(id, person, body.fence);
    row.submits.push({ person, body });
    row.drafts = row.drafts.filter((each) => each.person !== person);
    row.state = "done";
    row.holder = null;
  }

  private release(id: string, person: string, fence: number, state: TaskView["state"]): { now: string } {
    const row = this.held(id, person, fence);
    row.state = state;
    row.holder = null;
    return { now: this.now() };
  }

  private draft(
    id: string,
    person: string,
    fence: number,
    documents: LabelsDocument[],
  ): { now: string; saved_at: string } {
    const row = this.row(id);
    this.allowed(row);
    const late = row.holder?.person !== person || row.fence !== fence;
    row.drafts = [...row.drafts.filter((each) => each.person !== person), { person, documents, savedAt: this.now(), late }];
    if (late) throw this.lost(row);
    return { now: this.now(), saved_at: this.now() };
  }
}
