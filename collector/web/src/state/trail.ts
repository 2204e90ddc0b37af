/** The items a person submitted or skipped last, newest last: where B goes back to. Kept across reloads. */
import { forget, keep, kept, StorageFull } from "./storage";

const DEPTH = 20;

export class Trail {
  private ids: string[];

  constructor(private readonly person: string) {
    this.ids = kept<string[]>(this.name) ?? [];
  }

  private get name(): string {
    return `submitted.${this.person}`;
  }

  get last(): string | undefined {
    return this.ids[this.ids.length - 1];
  }

  add(id: string): void {
    this.read();
    this.set([...this.ids.filter((other) => other !== id), id].slice(-DEPTH));
  }

  remove(id: string): void {
    this.read();
    this.set(this.ids.filter((other) => other !== id));
  }

  clear(): void {
    this.ids = [];
    forget(this.name);
  }

  /** What other tabs submitted since is part of the trail: storage is read and written in one turn, never a copy. */
  private read(): void {
    this.ids = kept<string[]>(this.name) ?? this.ids;
  }

  private set(ids: string[]): void {
    this.ids = ids;
    try {
      keep(this.name, ids);
    } catch (error) {
      // Without storage the trail lives as long as the page.
      if (!(error instanceof StorageFull)) throw error;
    }
  }
}
