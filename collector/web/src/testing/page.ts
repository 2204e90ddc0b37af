/** A page with its store, at a collector in memory: what the views would have shown and pressed, without views. */
import type { TaskView } from "../api/types";
import { Store } from "../state/store";
import { settled } from "./browser";
import type { MemoryCollector } from "./collector";

/** What a view would have loaded of a task. */
export class MemoryMedia {
  disposed = false;

  constructor(readonly view: TaskView) {}

  dispose(): void {
    this.disposed = true;
  }
}

export class MemoryPage {
  /** What was prepared, oldest first. */
  readonly prepared: MemoryMedia[] = [];

  private constructor(readonly collector: MemoryCollector) {}

  store!: Store<MemoryMedia>;

  /** Opens the page of a person and waits for its first item. */
  static async open(collector: MemoryCollector, person = "ada"): Promise<MemoryPage> {
    const page = new MemoryPage(collector);
    page.store = await Store.open({ api: collector.api(person), prepare: (view) => page.prepare(view) });
    void page.store.start();
    await settled();
    return page;
  }

  private prepare(view: TaskView): MemoryMedia {
    const media = new MemoryMedia(view);
    this.prepared.push(media);
    return media;
  }

  /** The item that is open. */
  get open(): string | undefined {
    return this.store.current.value?.task.id;
  }

  get notice(): string | undefined {
    return this.store.notices.current.value?.text;
  }

  /** Shows the open item for long enough and accepts it. */
  async submit(): Promise<void> {
    this.store.gate.watch({ unready: () => null });
    await settled(500);
    this.store.submit();
    await settled();
  }

  /** Moves the first box of the open item by one. */
  async edit(by = 1): Promise<void> {
    this.store.current.value?.task.edit((label) => (label.kind === "box" ? { ...label, x: label.x + by } : label));
    await settled(60);
  }

  /** Where the first box of the open item is. */
  get x(): number | undefined {
    const label = Object.values(this.store.current.value?.task.work.value ?? {})[0]?.[0];
    return label?.kind === "box" ? label.x : undefined;
  }
}
