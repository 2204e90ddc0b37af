/** What this browser stores: settings of the page in the clear, a person's work by state/private.ts. Every name starts with `gleaner.`. */

/** What an entry of a person's work is about; part of its name. */
export type Kind = "draft" | "steps" | "letter" | "submitted" | "instructions";

/**
 * Writes at once (localStorage is synchronous: a crash right after this line loses nothing). False: this browser
 * refuses, as private windows and full disks do.
 */
export function saveText(name: string, text: string): boolean {
  try {
    localStorage.setItem(`gleaner.${name}`, text);
    return true;
  } catch {
    return false;
  }
}

export const save = (name: string, value: unknown): boolean => saveText(name, JSON.stringify(value));

export function loadText(name: string): string | null {
  try {
    return localStorage.getItem(`gleaner.${name}`);
  } catch {
    return null;
  }
}

export function load<T>(name: string): T | null {
  try {
    const text = loadText(name);
    return text === null ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}

export function remove(name: string): void {
  try {
    localStorage.removeItem(`gleaner.${name}`);
  } catch {
    // Nothing was saved where nothing may be saved.
  }
}

export function savedNames(prefix: string): string[] {
  try {
    return Object.keys(localStorage)
      .filter((n) => n.startsWith(`gleaner.${prefix}`))
      .map((n) => n.slice(8));
  } catch {
    return [];
  }
}

export const randomId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");

/** A UUID; `crypto.randomUUID` exists only in secure contexts, the page also works outside them. */
export function uuid(): string {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = ((b[6] as number) & 0x0f) | 0x40;
  b[8] = ((b[8] as number) & 0x3f) | 0x80;
  const hex = Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * This page's id towards the queue. A page that comes back after a crash uses the same id again and so gets the
 * tasks it held; two tabs never share one, because each holds a lock on its own.
 */
export async function clientId(): Promise<string> {
  const ids = (load<string[]>("clients") ?? []).slice(-8);
  if (!("locks" in navigator)) {
    const id = sessionStorage.getItem("gleaner.client") ?? `page-${randomId()}`;
    sessionStorage.setItem("gleaner.client", id);
    return id;
  }
  for (const id of ids) if (await lock(id)) return id;
  const fresh = `page-${randomId()}`;
  await lock(fresh);
  // Where it is not saved the id lives as long as the page; its leases then expire.
  save("clients", [...ids, fresh]);
  return fresh;
}

/** Takes the lock of an id for as long as the page lives; false when another tab has it. */
function lock(id: string): Promise<boolean> {
  return new Promise((resolve) => {
    void navigator.locks.request(`gleaner.${id}`, { ifAvailable: true }, (held) => {
      resolve(held !== null);
      return held === null ? undefined : new Promise<void>(() => undefined);
    });
  });
}
