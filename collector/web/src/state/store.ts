/** The page's store: what is open, what comes next, what was sent. Views read its signals and call its verbs. */
import { signal } from "@preact/signals";
import { actAs, expectRefusal, Problem, type ReviewApi, Unreachable } from "../api/client";
import type { BrowserStorage, CorrectionCode, LabelsDocument, Me, Progress, SkipCode, Submit, SubmitReply, TaskView } from "../api/types";
import type { Coded } from "../model/codes";
import { Acceptance } from "./acceptance";
import { ActivityLog } from "./activity";
import * as clock from "./clock";
import { Drafts } from "./drafts";
import { Gate } from "./gate";
import { History } from "./history";
import { holder, Leases } from "./lease";
import { failedRequest, refusedSubmit } from "./messages";
import { Notices, type Notice } from "./notices";
import { Outbox, type PendingSubmit } from "./outbox";
import { Prefetch, type Item, type Prepared, type StoreParts } from "./prefetch";
import { Session, signedIn } from "./session";
import { clientId } from "./storage";
import { asking, submissionOf } from "./submission";
import { holdOf, type OpenTask } from "./task";
import { Unsent } from "./unsent";

export type Phase = "starting" | "working" | "fetching" | "empty" | "resting" | "leaving" | "signed-out" | "failed";

const ASK_AGAIN_MS = 5_000;

export class Store<M extends Prepared = Prepared> {
  readonly phase = signal<Phase>("starting");
  readonly problem = signal<Problem | Unreachable | null>(null);
  readonly current = signal<Item<M> | null>(null);
  readonly progress = signal<Progress | null>(null);
  readonly notices = new Notices();
  readonly drafts: Drafts;
  readonly outbox: Outbox;
  readonly gate = new Gate();
  readonly acceptance: Acceptance;
  /** What was released last, the item that was open first: B takes it back. */
  readonly released = signal<readonly string[]>([]);
  readonly session: Session;
  readonly unsent: Unsent;
  private readonly leases: Leases;
  private readonly activity: ActivityLog;
  private readonly prefetch: Prefetch<M>;
  /** Sent but not confirmed: needed again when the collector refuses. */
  private readonly sent = new Map<string, OpenTask>();
  private readonly history: History;
  private confirmations = 0;
  private returning: Promise<void> | null = null;
  private askingAgain: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    private readonly api: ReviewApi,
    prepare: (view: TaskView) => M,
    readonly me: Me,
    private readonly client: string,
    browser: BrowserStorage,
  ) {
    this.session = new Session(api, browser, () => this.signOut());
    const { storage } = this.session;
    this.acceptance = new Acceptance(this.gate, me.name);
    this.activity = new ActivityLog(api);
    this.drafts = new Drafts(api, storage, me.name, {
      lost: (task, problem) => this.lost(task, problem),
      signedOut: () => this.signOut(),
    });
    this.leases = new Leases(api, (task, problem) => {
      this.lost(task, problem);
      if (!problem.consentEnded) this.drafts.sendLate(task);
    });
    this.outbox = new Outbox({ submit: (task, body) => this.send(task, body) }, storage, {
      confirmed: (pending, reply) => {
        clock.syncClock(reply.now);
        this.progress.value = reply.progress;
        if (reply.next) this.problem.value = null;
        this.confirmations += 1;
        this.sent.delete(pending.task);
        this.drafts.remove(pending.task);
      },
      refused: (pending, problem) => this.refused(pending, problem),
      signedOut: () => this.signOut(),
    });
    this.history = new History(storage);
    this.unsent = new Unsent(this.outbox, this.drafts, this.history);
    const [ask, held] = [this.ask.bind(this), this.held.bind(this)];
    this.prefetch = new Prefetch({ ask, held, prepare, edited: () => this.notices.dismissWord() }, this.drafts, this.leases);
  }

  /** Finds out who is signed in. Throws Problem (401: nobody) or Unreachable. */
  static async open<M extends Prepared>({ api, prepare }: StoreParts<M>): Promise<Store<M>> {
    const [{ me, browser }, client] = await Promise.all([signedIn(api), clientId()]);
    actAs(me.name);
    return new Store(api, prepare, me, client, browser);
  }

  started = false;

  async start(): Promise<void> {
    this.started = true;
    await this.outbox.flush();
    if (this.phase.value !== "signed-out") await this.advance();
  }

  notify(text: string, kind: Notice["kind"] = "word", about?: string): void {
    this.notices.show(text, kind, about);
  }

  get canGoBack(): boolean {
    return this.history.last !== undefined;
  }

  /** Accepts what is there: the answer goes into the outbox, the next item is shown in the same moment. */
  submit(correction: CorrectionCode | null = null): void {
    const item = this.current.value;
    if (!item) return;
    const { task } = item;
    if (task.hold.value.lost !== null) return void this.leaveLost();
    const refused = this.acceptance.refusal(task);
    if (refused?.ref) task.selected.value = refused.ref;
    if (refused) return refused.ref ? this.notify(refused.why, "care", task.id) : this.notify(refused.why);
    this.notices.dismissWord();
    this.outbox.add(submissionOf(task, this.me.name, correction));
    this.sent.set(task.id, task);
    this.drafts.cancel(task.id);
    this.history.add(task.id);
    this.close(item);
    void this.advance();
  }

  async skip(reason: Coded<SkipCode>): Promise<void> {
    const item = this.current.value;
    if (!item) return;
    if (item.task.hold.value.lost !== null) return this.leaveLost();
    await this.drafts.flush(item.task);
    try {
      await this.api.skip(item.task.id, item.task.hold.value.fence, reason);
    } catch (error) {
      return this.complain(error, "The item was not skipped");
    }
    // What was begun on it stays in this browser: B takes the skip back.
    this.drafts.cancel(item.task.id);
    this.history.add(item.task.id);
    this.close(item);
    this.notify(`Skipped: ${reason.text}. Press B to undo.`);
    await this.advance();
  }

  /** Releases every item this page holds, and rests. Drafts stay, here and at the collector; B takes the items back. */
  async release(): Promise<void> {
    // What was asked for before is released too.
    await this.prefetch.idle();
    const items = [...(this.current.value ? [this.current.value] : []), ...this.prefetch.waiting];
    for (const item of items) {
      if (item.task.hold.value.lost !== null) continue;
      await this.drafts.flush(item.task);
      try {
        await this.api.giveBack(item.task.id, item.task.hold.value.fence);
      } catch (error) {
        return this.complain(error, "The item was not released");
      }
    }
    for (const item of items) this.drafts.cancel(item.task.id);
    this.prefetch.closeAll(this.current.value);
    this.released.value = items.map((item) => item.task.id);
    this.notices.dismissWord();
    this.show(null);
    this.phase.value = "resting";
  }

  /** Takes back what was released last, as far as nobody else has it: the item that was open is open again. */
  async takeBack(): Promise<void> {
    const ids = this.released.value;
    this.released.value = [];
    const { items, failed } = await this.prefetch.takeBack(ids, (id) => this.api.reopen(id, this.client, "release-taken-back"));
    this.prefetch.putFirst(...items);
    if (failed !== null) {
      this.released.value = ids;
      return this.complain(failed, "Your items cannot be taken back");
    }
    if (items.length < ids.length) this.notify("Somebody else has taken an item that you released.");
    await this.advance();
  }

  /** Opens the item that was submitted or skipped last again; what is open now comes right after it. */
  back(): Promise<void> {
    this.returning ??= this.reopen().finally(() => {
      this.returning = null;
    });
    return this.returning;
  }

  private async reopen(): Promise<void> {
    const id = this.history.last;
    if (id === undefined) return this.notify("There is no item to go back to yet.");
    if (this.outbox.has(id)) await this.outbox.flush();
    if (this.outbox.has(id))
      return this.notify("Your last answer has not been sent yet. Press B again once it has.", "care");
    let view: TaskView;
    try {
      view = await this.api.reopen(id, this.client, "back");
    } catch (error) {
      if (error instanceof Problem && !error.retryable && error.status !== 401) this.history.remove(id);
      return this.complain(error, "The item cannot be opened again");
    }
    this.history.remove(id);
    this.open(this.prefetch.open(view, true));
    this.notify("Opened again. Press Enter to submit it and return to where you were.");
  }

  /** Opens any item for a lead, with another person's work on it where that is given. Throws Problem, Unreachable. */
  async openItem(id: string, documents: readonly LabelsDocument[] | null): Promise<void> {
    const view = await this.api.reopen(id, this.client, documents ? "late-work" : "was-skipped");
    this.started = true;
    this.open(this.prefetch.open(view, view.revision !== null, documents));
  }

  /** Shows an item out of turn; what is open now comes right after it. */
  private open(item: Item<M>): void {
    this.released.value = [];
    // Whoever asked for the next items meanwhile was given this one too: it is held here now.
    this.prefetch.drop(item.task.id);
    const now = this.current.value;
    if (now && now.task.id !== item.task.id) this.prefetch.putFirst(now);
    this.show(item);
  }

  /** Shows the next item: the prefetched one at once, else as soon as the collector has one. */
  async advance(): Promise<void> {
    clearTimeout(this.askingAgain);
    this.released.value = [];
    if (this.showNext()) return;
    this.show(null);
    if (this.phase.value !== "empty") this.phase.value = "fetching";
    await this.prefetch.topUp();
    const phase: Phase = this.phase.peek() as Phase;
    if (this.current.value || phase === "signed-out" || phase === "resting" || phase === "leaving") return;
    if (this.showNext()) return;
    if (this.problem.value === null) this.phase.value = "empty";
    // What was opened again meanwhile stays: the next item comes after it.
    this.askingAgain = setTimeout(() => {
      if (this.current.value === null) void this.advance();
    }, ASK_AGAIN_MS);
  }

  private showNext(): boolean {
    const item = this.prefetch.next();
    if (!item) return false;
    this.show(item);
    void this.prefetch.topUp();
    return true;
  }

  /** Opens the lost item again, with the work that is saved here. */
  async takeAgain(): Promise<void> {
    const item = this.current.value;
    if (!item || item.task.hold.value.lost === null) return;
    try {
      const view = await this.api.reopen(item.task.id, this.client, "lease-lost");
      const { task } = item;
      task.hold.value = holdOf(view.lease);
      this.leases.hold(task);
      this.drafts.save(task);
      this.notify("The item is yours again, with your work as you left it.", "word", task.id);
    } catch (error) {
      this.complain(error, "The item cannot be opened again");
    }
  }

  private async leaveLost(): Promise<void> {
    const item = this.current.value;
    if (item) {
      this.drafts.cancel(item.task.id);
      this.close(item);
    }
    await this.advance();
  }

  private lost(task: OpenTask, problem: Problem): void {
    this.leases.drop(task);
    if (problem.consentEnded) return this.withdraw(task, problem);
    task.hold.value = { ...task.hold.value, lost: holder(problem) ?? problem.title };
    if (this.prefetch.drop(task.id)) void this.prefetch.topUp();
  }

  /** Takes an item off this page, with what this browser stored of it. */
  private withdraw(task: OpenTask, problem: Problem): void {
    this.drafts.remove(task.id);
    this.prefetch.drop(task.id);
    const item = this.current.value;
    if (item?.task !== task) return void this.prefetch.topUp();
    this.close(item);
    this.notify(`“${task.view.step_title}” was taken away: ${problem.title}`, "care");
    void this.advance();
  }

  private refused(pending: PendingSubmit, problem: Problem): void {
    const task = this.sent.get(pending.task);
    this.sent.delete(pending.task);
    this.history.remove(pending.task);
    this.notify(refusedSubmit(pending, problem), "care");
    if (problem.consentEnded) this.drafts.remove(pending.task);
    if (problem.endsWork || !task) return;
    this.prefetch.putFirst(this.prefetch.reopen(task));
  }

  private held(): string[] {
    const open = this.current.value;
    return [...(open ? [open.task.id] : []), ...this.outbox.waiting.value.map((pending) => pending.task)];
  }

  private async ask(have: readonly string[], count: number): Promise<readonly TaskView[]> {
    const { confirmations } = this;
    try {
      const reply = await this.api.next(this.client, [...have], count);
      clock.syncClock(reply.now);
      // An answer that was confirmed meanwhile has newer numbers.
      if (confirmations === this.confirmations) this.progress.value = reply.progress;
      this.problem.value = null;
      return reply.tasks;
    } catch (error) {
      expectRefusal(error);
      if (error instanceof Problem && error.status === 401) this.signOut();
      else {
        this.problem.value = error;
        if (!this.current.value && this.prefetch.waiting.length === 0) this.phase.value = "failed";
      }
      return [];
    }
  }

  /** Sends an answer; while a person works, what comes next is asked for in the same request. */
  private send(task: string, body: Submit): Promise<SubmitReply> {
    if (this.phase.value !== "working") return this.api.submit(task, body);
    return this.prefetch.along((wanted) => this.api.submit(task, asking(body, this.client, wanted)));
  }

  private show(item: Item<M> | null): void {
    if (item !== this.current.value) this.gate.watch(null);
    this.notices.turnTo(item?.task.id);
    this.current.value = item;
    if (item) {
      const first = item.task.openedAt === null;
      item.task.openedAt ??= clock.nowText();
      this.phase.value = "working";
      if (item.task.restored && !item.task.reopened && first)
        this.notify("Your unfinished work on this item is back.");
    }
    this.activity.watch(item?.task ?? null);
  }

  private close(item: Item<M>): void {
    if (this.current.value === item) this.activity.watch(null);
    this.prefetch.close(item);
  }

  /** The session is over: nothing of the work is shown or in memory, and what this browser stores is encrypted. */
  signOut(): void {
    clearTimeout(this.askingAgain);
    this.phase.value = "signed-out";
    this.drafts.stop();
    this.session.storage.lock();
    this.prefetch.closeAll(this.current.value);
    this.show(null);
    this.sent.clear();
  }

  /** Reports a request that failed. Throws what is no answer of the collector's. */
  private complain(error: unknown, what: string): void {
    expectRefusal(error);
    if (error instanceof Problem && error.status === 401) return this.signOut();
    const task = this.current.value?.task;
    if (error instanceof Problem && error.status === 409 && task) this.lost(task, error);
    this.notify(failedRequest(what, error), "care", task?.id);
  }

  /** Asks before signing out, and sends meanwhile what is not sent yet. */
  askToLeave(): void {
    clearTimeout(this.askingAgain);
    this.phase.value = "leaving";
  }

  stay(): void {
    if (this.me.role === "admin") this.phase.value = "starting"; // no items are theirs
    else if (this.released.value.length > 0) this.phase.value = "resting";
    else void this.advance();
  }

  /** Signs out; `keep`: what was not sent stays in this browser, encrypted, until this person signs in here again. */
  async leave(keep: boolean): Promise<void> {
    try {
      await this.session.end(keep, this.unsent);
    } catch (error) {
      return this.complain(error, "You are still signed in");
    }
    this.signOut();
  }
}
