/** The items that come next: leased, their drafts and media opened before anybody looks at them. */
import { Problem, type ReviewApi } from "../api/client";
import type { LabelsDocument, NextReply, TaskView } from "../api/types";
import { workOf } from "../model/labels";
import type { Drafts } from "./drafts";
import type { Leases } from "./lease";
import { OpenTask } from "./task";

/** What a view needs of a task before it shows it, media above all. */
export interface Prepared {
  /** Frees what was prepared. */
  dispose(): void;
}

export interface Item<M extends Prepared = Prepared> {
  task: OpenTask;
  media: M;
}

/** What the store is given from outside: the collector, and how the media of a task are loaded. */
export interface StoreParts<M extends Prepared> {
  api: ReviewApi;
  prepare(view: TaskView): M;
}

export interface PrefetchSource<M extends Prepared> {
  /** Asks the collector for so many items, `have` being the ones this page holds; none where it cannot. */
  ask(have: readonly string[], count: number): Promise<readonly TaskView[]>;
  /** Items that this page holds outside of what comes next. */
  held(): readonly string[];
  /** Starts loading what is shown of a task. */
  prepare(view: TaskView): M;
  /** A person changed an item. */
  edited(): void;
}

/** So many items, `have` being the ones this page holds. */
export interface Wanted {
  have: readonly string[];
  count: number;
}

const MAX_ITEMS = 2;

export class Prefetch<M extends Prepared> {
  private items: Item<M>[] = [];
  private asking: Promise<void> | null = null;

  constructor(
    private readonly source: PrefetchSource<M>,
    private readonly drafts: Drafts,
    private readonly leases: Leases,
  ) {}

  get waiting(): readonly Item<M>[] {
    return this.items;
  }

  /** Asks for items until enough wait. Settles when the answer is here; one request at a time. */
  topUp(): Promise<void> {
    if (this.items.length >= MAX_ITEMS) return Promise.resolve();
    this.asking ??= this.ask().finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  /**
   * Lets a request that is sent anyway bring the items along that are missing. `send` is called as soon as what is
   * being done now has been done, with what to ask for; where it brings none, they are asked for on their own.
   */
  along<R extends { next?: NextReply | null }>(send: (wanted: Wanted | null) => Promise<R>): Promise<R> {
    if (this.asking) return send(null);
    const sent = Promise.resolve().then(() => send(this.wanted()));
    this.asking = sent
      .then(
        ({ next }) => (next ? this.accept(next.tasks) : this.ask()),
        () => this.ask(),
      )
      .finally(() => {
        this.asking = null;
      });
    return sent;
  }

  /** What is missing; null when nothing is. */
  private wanted(): Wanted | null {
    const count = MAX_ITEMS - this.items.length;
    if (count <= 0) return null;
    return { have: [...this.source.held(), ...this.items.map((item) => item.task.id)], count };
  }

  private async ask(): Promise<void> {
    const wanted = this.wanted();
    if (wanted) this.accept(await this.source.ask(wanted.have, wanted.count));
  }

  private accept(views: readonly TaskView[]): void {
    const held = this.source.held();
    for (const view of views)
      if (!held.includes(view.id) && !this.has(view.id)) this.items.push(this.open(view, false));
  }

  /** Settles when nothing is being asked for. */
  async idle(): Promise<void> {
    while (this.asking) await this.asking;
  }

  private has(id: string): boolean {
    return this.items.some((item) => item.task.id === id);
  }

  /** The next item, which the caller shows or closes. */
  next(): Item<M> | undefined {
    return this.items.shift();
  }

  /** These items come next, in this order. */
  putFirst(...items: readonly Item<M>[]): void {
    this.items.unshift(...items);
  }

  /** Closes the item of this task, where it waits. Whether it did. */
  drop(id: string): boolean {
    const dropped = this.items.filter((item) => item.task.id === id);
    this.items = this.items.filter((item) => item.task.id !== id);
    for (const item of dropped) this.close(item);
    return dropped.length > 0;
  }

  /** Nothing waits any more. Closes what did, and the item that is open. */
  closeAll(open: Item<M> | null): void {
    for (const item of [...(open ? [open] : []), ...this.items.splice(0)]) this.close(item);
  }

  /** Opens released items again, but for those that somebody else has. `failed`: why the rest could not be asked for. */
  async takeBack(
    ids: readonly string[],
    reopen: (id: string) => Promise<TaskView>,
  ): Promise<{ items: Item<M>[]; failed: unknown }> {
    const items: Item<M>[] = [];
    for (const id of ids) {
      try {
        items.push(this.open(await reopen(id), false));
      } catch (error) {
        if (!(error instanceof Problem) || error.retryable || error.status === 401) return { items, failed: error };
      }
    }
    return { items, failed: null };
  }

  /** Opens a task with this browser's draft of it, or with the work of somebody else, and starts loading its media. */
  open(view: TaskView, reopened: boolean, documents: readonly LabelsDocument[] | null = null): Item<M> {
    const draft = this.drafts.of(view.id, view.draft?.saved_at ?? view.revision?.submitted_at ?? null);
    const task = documents
      ? new OpenTask(view, workOf(view, documents), reopened)
      : new OpenTask(view, draft?.work ?? null, reopened, draft && this.drafts.stepsOf(view.id, draft));
    if (draft?.selected && !documents) task.selected.value = draft.selected;
    task.onChange = () => {
      this.source.edited();
      this.drafts.save(task);
    };
    return this.reopen(task);
  }

  /** Leases a task that is open already and starts loading its media again. */
  reopen(task: OpenTask): Item<M> {
    this.leases.hold(task);
    return { task, media: this.source.prepare(task.view) };
  }

  /** Gives up the lease and the media of an item. */
  close(item: Item<M>): void {
    this.leases.drop(item.task);
    item.media.dispose();
  }
}
