/** The page's store: what is open, what comes next, what was sent. Views read its signals and call its verbs. */
import { signal } from "@preact/signals";
import { actAs, api, Problem, Unreachable } from "../api/client";
import type { CorrectionCode, LabelsDocument, Me, Progress, SkipCode, TaskView } from "../api/types";
import { MediaSet } from "../media/load";
import { editors } from "../media/editor";
import { misplaced } from "../model/bounds";
import type { Coded } from "../model/codes";
import { undrawn } from "../model/drawn";
import { surfaceOf } from "../model/keys";
import { documentsOf, workOf, type Ref } from "../model/labels";
import { ActivityLog } from "./activity";
import * as clock from "./clock";
import { Drafts } from "./drafts";
import { Gate } from "./gate";
import { holder, Leases } from "./lease";
import { Notices, type Notice } from "./notices";
import { Outbox, type Letter } from "./outbox";
import { clientId, uuid } from "./storage";
import { Tabs } from "./tabs";
import { Trail } from "./trail";
import { OpenTask } from "./task";

export type Phase = "starting" | "working" | "fetching" | "empty" | "resting" | "leaving" | "signed-out" | "failed";
export interface Item {
  task: OpenTask;
  media: MediaSet;
}

const PREFETCH = 2;
const LOOK_AGAIN_MS = 5_000;
/** Which build of this page a person worked with: the hash in the name of its script. */
const PAGE_BUILD = /-([\w-]+)\.js$/.exec(new URL(import.meta.url).pathname)?.[1] ?? "unbundled";

export class Store {
  readonly phase = signal<Phase>("starting");
  readonly problem = signal<Problem | Unreachable | null>(null);
  readonly current = signal<Item | null>(null);
  readonly progress = signal<Progress | null>(null);
  readonly notices = new Notices();
  readonly drafts: Drafts;
  readonly outbox: Outbox;
  readonly gate = new Gate();
  /** What was released last, the item that was open first: B takes it back. */
  readonly released = signal<readonly string[]>([]);
  /** Signed out by the person's own word: nothing of the work is left in this browser. */
  left = false;
  private readonly tabs: Tabs;
  private readonly leases: Leases;
  private readonly activity = new ActivityLog();
  private readonly queue: Item[] = [];
  /** Sent but not confirmed: needed again when the collector refuses. */
  private readonly sent = new Map<string, OpenTask>();
  private readonly trail: Trail;
  private confirmations = 0;
  private asking: Promise<void> | null = null;
  private returning: Promise<void> | null = null;
  private looking: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    readonly me: Me,
    private readonly client: string,
  ) {
    this.drafts = new Drafts(me.name);
    this.leases = new Leases((task, problem) => {
      this.lost(task, problem);
      if (!problem.consentEnded) this.drafts.late(task);
    });
    this.drafts.whenLost((task, problem) => this.lost(task, problem));
    this.drafts.whenSignedOut(() => this.signOut());
    this.tabs = new Tabs(me.name, () => this.signOut());
    this.outbox = new Outbox(me.name, {
      confirmed: (letter, reply) => {
        clock.heard(reply.now);
        this.progress.value = reply.progress;
        this.confirmations += 1;
        this.sent.delete(letter.task);
        this.drafts.done(letter.task);
      },
      refused: (letter, problem) => this.refused(letter, problem),
      signedOut: () => this.signOut(),
    });
    this.trail = new Trail(me.name);
  }

  /** Signs on and takes the first items. Throws Problem (401: no session) or Unreachable. */
  static async open(): Promise<Store> {
    const [me, client] = await Promise.all([api.me(), clientId()]);
    actAs(me.name);
    return new Store(me, client);
  }

  started = false;

  async start(): Promise<void> {
    this.started = true;
    await this.outbox.flush();
    if (this.phase.value !== "signed-out") await this.advance();
  }

  say(text: string, kind: Notice["kind"] = "word", about?: string): void {
    this.notices.say(text, kind, about);
  }

  get canGoBack(): boolean {
    return this.trail.last !== undefined;
  }

  // ---------------------------------------------------------------- the flow
  /** Whose work a submit of the open item would correct; null when it is nobody else's. */
  get corrects(): string | null {
    const done = this.current.value?.task.view.revision;
    return done && done.reviewer !== this.me.name ? done.reviewer : null;
  }

  /** Whether the open item could be submitted now and corrects somebody else's work. */
  mayCorrect(): boolean {
    const task = this.current.value?.task;
    return task !== undefined && this.corrects !== null && task.hold.value.lost === null && this.refusal(task) === null;
  }

  /** Why the work cannot be submitted as it is, with the label that stands in the way, if one does. */
  private refusal(task: OpenTask): { why: string; ref?: Ref } | null {
    const why = this.gate.refusal() ?? undrawn(task.view, task.work.value);
    return why !== null ? { why } : misplaced(task.view, task.work.value);
  }

  /** Accepts what is there: the answer goes into the outbox, the next item is shown in the same moment. */
  submit(correction: CorrectionCode | null = null): void {
    const item = this.current.value;
    if (!item) return;
    const { task } = item;
    const { lost, fence } = task.hold.value;
    if (lost !== null) return void this.leaveLost();
    const refused = this.refusal(task);
    if (refused?.ref) task.selected.value = refused.ref;
    if (refused) return refused.ref ? this.say(refused.why, "care", task.id) : this.say(refused.why);
    this.notices.dismissWord();
    this.outbox.post({
      task: task.id,
      title: task.view.step_title,
      body: {
        fence,
        submit: uuid(),
        documents: documentsOf(task.work.value, this.me.name),
        opened_at: task.openedAt ?? clock.nowText(),
        first_input_at: task.firstInputAt,
        activity: task.activity,
        instructions: task.view.instructions.sha256,
        page: PAGE_BUILD,
        correction,
      },
    });
    this.sent.set(task.id, task);
    this.drafts.hush(task.id);
    this.trail.add(task.id);
    this.close(item);
    void this.advance();
  }

  async skip(reason: Coded<SkipCode>): Promise<void> {
    const item = this.current.value;
    if (!item) return;
    if (item.task.hold.value.lost !== null) return this.leaveLost();
    await this.drafts.flush(item.task);
    try {
      await api.skip(item.task.id, item.task.hold.value.fence, reason);
    } catch (error) {
      return this.complain(error, "It was not skipped");
    }
    // What was begun on it stays in this browser: B takes the skip back.
    this.drafts.hush(item.task.id);
    this.trail.add(item.task.id);
    this.close(item);
    this.say(`Skipped: ${reason.text}. B takes it back.`);
    await this.advance();
  }

  /** Releases every item this page holds, and rests. Drafts stay, here and at the collector; B takes the items back. */
  async release(): Promise<void> {
    // What was asked for before is released too.
    while (this.asking) await this.asking;
    const items = [...(this.current.value ? [this.current.value] : []), ...this.queue];
    for (const item of items) {
      if (item.task.hold.value.lost !== null) continue;
      await this.drafts.flush(item.task);
      try {
        await api.giveBack(item.task.id, item.task.hold.value.fence);
      } catch (error) {
        return this.complain(error, "It was not released");
      }
    }
    this.queue.length = 0;
    for (const item of items) {
      this.drafts.hush(item.task.id);
      this.close(item);
    }
    this.released.value = items.map((item) => item.task.id);
    this.notices.dismissWord();
    this.show(null);
    this.phase.value = "resting";
  }

  /** Takes back what was released last, as far as nobody else has it: the item that was open is open again. */
  async takeBack(): Promise<void> {
    const ids = this.released.value;
    this.released.value = [];
    const items: Item[] = [];
    for (const id of ids) {
      try {
        items.push(this.take(await api.reopen(id, this.client, "release-taken-back"), false));
      } catch (error) {
        if (error instanceof Problem && !error.retryable && error.status !== 401) continue;
        this.released.value = ids;
        this.queue.push(...items);
        return this.complain(error, "Your items cannot be taken back");
      }
    }
    this.queue.unshift(...items);
    if (items.length < ids.length) this.say("Somebody else has taken what you released.");
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
    const id = this.trail.last;
    if (id === undefined) return this.say("Nothing to go back to yet.");
    if (this.outbox.has(id)) await this.outbox.flush();
    if (this.outbox.has(id))
      return this.say("Your last answer has not been sent yet: B works again once it has.", "care");
    let view: TaskView;
    try {
      view = await api.reopen(id, this.client, "back");
    } catch (error) {
      if (error instanceof Problem && !error.retryable && error.status !== 401) this.trail.remove(id);
      return this.complain(error, "It cannot be opened again");
    }
    this.trail.remove(id);
    this.open(this.take(view, true));
    this.say("Opened again. Enter submits it again and returns to where you were.");
  }

  /** Opens any item for a lead, with another person's work on it where that is given. Throws Problem, Unreachable. */
  async openItem(id: string, documents: readonly LabelsDocument[] | null): Promise<void> {
    const view = await api.reopen(id, this.client, documents ? "late-work" : "was-skipped");
    this.started = true;
    this.open(this.take(view, view.revision !== null, documents));
  }

  /** Shows an item out of turn; what is open now comes right after it. */
  private open(item: Item): void {
    this.released.value = [];
    // Whoever asked for the next items meanwhile was given this one too: it is held here now.
    const twin = this.queue.findIndex((other) => other.task.id === item.task.id);
    if (twin >= 0) for (const other of this.queue.splice(twin, 1)) this.close(other);
    const now = this.current.value;
    if (now && now.task.id !== item.task.id) this.queue.unshift(now);
    this.show(item);
  }

  /** Shows the next item: the prefetched one at once, else as soon as the collector has one. */
  async advance(): Promise<void> {
    clearTimeout(this.looking);
    this.released.value = [];
    const item = this.queue.shift();
    if (item) {
      this.show(item);
      void this.topUp();
      return;
    }
    this.show(null);
    if (this.phase.value !== "empty") this.phase.value = "fetching";
    await this.topUp();
    const phase: Phase = this.phase.peek() as Phase;
    if (this.current.value || phase === "signed-out" || phase === "resting" || phase === "leaving") return;
    const next = this.queue.shift();
    if (next) {
      this.show(next);
      void this.topUp();
      return;
    }
    if (this.problem.value === null) this.phase.value = "empty";
    // What was opened again meanwhile stays: the next item comes after it.
    this.looking = setTimeout(() => {
      if (this.current.value === null) void this.advance();
    }, LOOK_AGAIN_MS);
  }

  // ---------------------------------------------------------------- losing and taking again
  /** Opens the lost item again, with the work that was kept here. */
  async takeAgain(): Promise<void> {
    const item = this.current.value;
    if (!item || item.task.hold.value.lost === null) return;
    try {
      const view = await api.reopen(item.task.id, this.client, "lease-lost");
      const { task } = item;
      task.hold.value = {
        fence: view.lease?.fence ?? 0,
        expiresAt: Date.parse(view.lease?.expires_at ?? ""),
        lost: null,
      };
      this.leases.hold(task);
      this.drafts.journal(task);
      this.say("It is yours again, with your work as you left it.", "word", task.id);
    } catch (error) {
      this.complain(error, "It cannot be taken again");
    }
  }

  private async leaveLost(): Promise<void> {
    const item = this.current.value;
    if (item) {
      this.drafts.hush(item.task.id);
      this.close(item);
    }
    await this.advance();
  }

  private lost(task: OpenTask, problem: Problem): void {
    this.leases.drop(task);
    if (problem.consentEnded) return this.withdraw(task, problem);
    task.hold.value = { ...task.hold.value, lost: holder(problem) ?? problem.title };
    const waiting = this.queue.findIndex((item) => item.task === task);
    if (waiting < 0) return;
    const [item] = this.queue.splice(waiting, 1);
    if (item) this.close(item);
    void this.topUp();
  }

  /** Takes an item off this page, with what this browser stored of it. */
  private withdraw(task: OpenTask, problem: Problem): void {
    this.drafts.done(task.id);
    const waiting = this.queue.findIndex((item) => item.task === task);
    for (const item of waiting < 0 ? [] : this.queue.splice(waiting, 1)) this.close(item);
    const item = this.current.value;
    if (item?.task !== task) return void this.topUp();
    this.close(item);
    this.say(`“${task.view.step_title}” was taken away: ${problem.title}`, "care");
    void this.advance();
  }

  private refused(letter: Letter, problem: Problem): void {
    const task = this.sent.get(letter.task);
    this.sent.delete(letter.task);
    this.trail.remove(letter.task);
    if (problem.consentEnded) {
      this.drafts.done(letter.task);
      return this.say(`“${letter.title}” was not saved: ${problem.title}`, "care");
    }
    if (problem.status === 409) {
      const who = holder(problem);
      this.say(
        `“${letter.title}” ${who ?? "went to someone else before your answer"}. Your work is stored as a draft: a lead sees it under “today”.`,
        "care",
      );
      return;
    }
    this.say(`“${letter.title}” was refused: ${problem.title} ${problem.hint}`.trim(), "care");
    if (!task) return;
    this.queue.unshift({ task, media: this.prepare(task.view) });
    this.leases.hold(task);
  }

  // ---------------------------------------------------------------- items
  private topUp(): Promise<void> {
    if (this.queue.length >= PREFETCH) return Promise.resolve();
    this.asking ??= this.ask().finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  private async ask(): Promise<void> {
    const have = [
      ...(this.current.value ? [this.current.value.task.id] : []),
      ...this.queue.map((item) => item.task.id),
      ...this.outbox.waiting.value.map((letter) => letter.task),
    ];
    const { confirmations } = this;
    try {
      const reply = await api.next(this.client, have, PREFETCH - this.queue.length);
      clock.heard(reply.now);
      // An answer that was confirmed meanwhile told of more.
      if (confirmations === this.confirmations) this.progress.value = reply.progress;
      this.problem.value = null;
      for (const view of reply.tasks) if (!this.holds(view.id)) this.queue.push(this.take(view, false));
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return this.signOut();
      if (!(error instanceof Problem || error instanceof Unreachable)) throw error;
      this.problem.value = error;
      if (!this.current.value && this.queue.length === 0) this.phase.value = "failed";
    }
  }

  private holds(id: string): boolean {
    return this.current.value?.task.id === id || this.outbox.has(id) || this.queue.some((item) => item.task.id === id);
  }

  private take(view: TaskView, reopened: boolean, documents: readonly LabelsDocument[] | null = null): Item {
    const draft = this.drafts.of(view.id, view.draft?.saved_at ?? view.revision?.submitted_at ?? null);
    const task = documents
      ? new OpenTask(view, workOf(view, documents), reopened)
      : new OpenTask(view, draft?.work ?? null, reopened, draft && this.drafts.stepsOf(view.id, draft));
    if (draft?.selected && !documents) task.selected.value = draft.selected;
    task.onChange = () => {
      this.notices.dismissWord();
      this.drafts.journal(task);
    };
    this.leases.hold(task);
    return { task, media: this.prepare(view) };
  }

  /** Fetches and decodes an item's media, and the editor it needs, before anybody looks at it. */
  private prepare(view: TaskView): MediaSet {
    const media = new MediaSet(view);
    void media.prefetch();
    // The editor says itself what is wrong when its code cannot be loaded.
    editors[surfaceOf(view)]().catch(() => undefined);
    return media;
  }

  private show(item: Item | null): void {
    if (item !== this.current.value) this.gate.watch(null);
    this.notices.turnTo(item?.task.id);
    this.current.value = item;
    if (item) {
      const first = item.task.openedAt === null;
      item.task.openedAt ??= clock.nowText();
      this.phase.value = "working";
      if (item.task.restored && !item.task.reopened && first)
        this.say("Your unfinished work on this item is back.");
    }
    this.activity.watch(item?.task ?? null);
  }

  private close(item: Item): void {
    this.leases.drop(item.task);
    if (this.current.value === item) this.activity.watch(null);
    item.media.dispose();
  }

  private signOut(): void {
    clearTimeout(this.looking);
    this.phase.value = "signed-out";
  }

  private complain(error: unknown, what: string): void {
    const about = this.current.value?.task.id;
    if (error instanceof Problem && error.status === 401) return this.signOut();
    if (error instanceof Problem && error.status === 409 && this.current.value) {
      this.lost(this.current.value.task, error);
      return this.say(`${what}: ${error.title}`, "care", about);
    }
    if (error instanceof Problem) return this.say(`${what}: ${error.title} ${error.hint}`.trim(), "care", about);
    if (error instanceof Unreachable)
      return this.say(`${what}: the collector does not answer. Your work is stored in this browser.`, "care", about);
    throw error;
  }

  // ---------------------------------------------------------------- signing out
  /** Asks before signing out, and sends meanwhile what is not sent yet. */
  askToLeave(): void {
    clearTimeout(this.looking);
    this.phase.value = "leaving";
  }

  stay(): void {
    if (this.released.value.length > 0) this.phase.value = "resting";
    else void this.advance();
  }

  /** Sends answers and drafts that are only in this browser. Returns how many of each are left. */
  async sendAll(): Promise<{ answers: number; drafts: number }> {
    await this.outbox.flush();
    return { answers: this.outbox.waiting.value.length, drafts: await this.drafts.flushStored((task) => this.outbox.has(task)) };
  }

  /** Ends the session of this browser and deletes what it stores of this person's work. */
  async leave(): Promise<void> {
    try {
      await api.leave();
    } catch (error) {
      if (!(error instanceof Problem && error.status === 401)) return this.complain(error, "You are still signed in");
    }
    this.outbox.clear();
    this.drafts.clear();
    this.trail.clear();
    this.left = true;
    this.tabs.signedOut();
    this.signOut();
  }
}
