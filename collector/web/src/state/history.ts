/** The items a person submitted or skipped last, newest last: where B goes back to. They survive a reload. */
import { ONLY } from "./plain";
import type { PrivateStorage } from "./private";

const MAX_ITEMS = 20;

export class History {
  /** Where this browser saves nothing, the history lives as long as the page. */
  private ids: string[];

  constructor(private readonly storage: PrivateStorage) {
    this.ids = this.load() ?? [];
  }

  get last(): string | undefined {
    return this.ids[this.ids.length - 1];
  }

  add(id: string): void {
    this.set([...this.stored().filter((other) => other !== id), id].slice(-MAX_ITEMS));
  }

  remove(id: string): void {
    this.set(this.stored().filter((other) => other !== id));
  }

  clear(): void {
    this.ids = [];
    this.storage.remove("submitted", ONLY);
  }

  /** Other tabs submit too: storage is read and written in one turn, never a copy. */
  private stored(): string[] {
    return this.load() ?? this.ids;
  }

  private load(): string[] | null {
    return this.storage.load<string[]>("submitted", ONLY);
  }

  private set(ids: string[]): void {
    this.ids = ids;
    this.storage.save("submitted", ONLY, ids);
  }
}
