/** What this browser keeps by itself: drafts, unsent answers, the page's id. Every name starts with `gleaner.`. */

export class StorageFull extends Error {}

/** Writes at once (localStorage is synchronous: a crash right after this line loses nothing). */
export function keep(name: string, value: unknown): void {
  try {
    localStorage.setItem(`gleaner.${name}`, JSON.stringify(value));
  } catch (error) {
    // Private windows and full disks refuse: the caller says so in the bar, the collector's draft still holds.
    throw new StorageFull(String(error));
  }
}

export function kept<T>(name: string): T | null {
  try {
    const text = localStorage.getItem(`gleaner.${name}`);
    return text === null ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}

export function forget(name: string): void {
  try {
    localStorage.removeItem(`gleaner.${name}`);
  } catch {
    // Nothing was kept where nothing may be kept.
  }
}

export function keptNames(prefix: string): string[] {
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
 * This page's id towards the queue. A page that comes back after a crash takes the same id again and so gets the
 * tasks it held; two tabs never share one, because each holds a lock on its own.
 */
export async function clientId(): Promise<string> {
  const ids = (kept<string[]>("clients") ?? []).slice(-8);
  if (!("locks" in navigator)) {
    const id = sessionStorage.getItem("gleaner.client") ?? `page-${randomId()}`;
    sessionStorage.setItem("gleaner.client", id);
    return id;
  }
  for (const id of ids) if (await held(id)) return id;
  const fresh = `page-${randomId()}`;
  await held(fresh);
  try {
    keep("clients", [...ids, fresh]);
  } catch {
    // Without storage the id lives as long as the page; its leases then expire by themselves.
  }
  return fresh;
}

/** Takes the lock of an id for as long as the page lives; false when another tab has it. */
function held(id: string): Promise<boolean> {
  return new Promise((answer) => {
    void navigator.locks.request(`gleaner.${id}`, { ifAvailable: true }, (lock) => {
      answer(lock !== null);
      return lock === null ? undefined : new Promise<void>(() => undefined);
    });
  });
}
