/** The items a person submitted or skipped last, newest last: where B goes back to. They survive a reload. */
import { load, remove, save } from "./storage";

const MAX_ITEMS = 20;

export class History {
  /** Where this browser saves nothing, the history lives as long as the page. */
  private ids: string[];

  constructor(private readonly person: string) {
    this.ids = load<string[]>(this.name) ?? [];
  }

  private get name(): string {
    return `submitted.${this.person}`;
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
    remove(this.name);
  }

  /** Other tabs submit too: storage is read and written in one turn, never a copy. */
  private stored(): string[] {
    return load<string[]>(this.name) ?? this.ids;
  }

  private set(ids: string[]): void {
    this.ids = ids;
    save(this.name, ids);
  }
}
