/** The parts of a browser that the page's state and editors ask for, in memory: their tests run in Node.js. */
import { vi } from "vitest";

/** localStorage as code sees it: what is stored is in `Object.keys`. */
class MemoryStorage {
  #full = false;

  /** From now on nothing can be stored. */
  fill(): void {
    this.#full = true;
  }

  setItem(name: string, value: string): void {
    if (this.#full) throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
    Object.assign(this, { [name]: value });
  }

  getItem(name: string): string | null {
    return (Object.getOwnPropertyDescriptor(this, name)?.value as string | undefined) ?? null;
  }

  removeItem(name: string): void {
    Reflect.deleteProperty(this, name);
  }
}

/** An audio element that plays as long as it is told to; its time moves only when a test moves it. */
export class MemoryAudio extends EventTarget {
  src: string;
  preload = "";
  currentTime = 0;
  playbackRate = 1;
  paused = true;
  ended = false;

  constructor(src = "") {
    super();
    this.src = src;
  }

  play(): Promise<void> {
    this.paused = false;
    return Promise.resolve();
  }

  pause(): void {
    this.paused = true;
  }

  load(): void {
    this.currentTime = 0;
  }

  removeAttribute(): void {
    this.src = "";
  }
}

/** One browser with one tab. Time is the tests' own: `vi.advanceTimersByTimeAsync`. */
export class MemoryBrowser {
  readonly storage = new MemoryStorage();
  /** The audio elements that were made, newest last. */
  readonly sounds: MemoryAudio[] = [];
  private readonly channels = new Set<{ onmessage: ((event: { data: unknown }) => void) | null }>();
  private tab = new EventTarget();
  private document = Object.assign(new EventTarget(), { visibilityState: "visible" });

  constructor() {
    vi.useFakeTimers({ now: Date.parse("2026-03-01T09:00:00Z") });
    const { channels, sounds } = this;
    vi.stubGlobal("localStorage", this.storage);
    vi.stubGlobal("navigator", {});
    vi.stubGlobal("requestAnimationFrame", (call: () => void) => setTimeout(call, 16));
    vi.stubGlobal("cancelAnimationFrame", (id: number) => clearTimeout(id));
    vi.stubGlobal(
      "BroadcastChannel",
      class {
        onmessage: ((event: { data: unknown }) => void) | null = null;

        constructor() {
          channels.add(this);
        }

        postMessage(data: unknown): void {
          for (const channel of channels) if (channel !== this) channel.onmessage?.({ data });
        }
      },
    );
    vi.stubGlobal(
      "Audio",
      class extends MemoryAudio {
        constructor(src?: string) {
          super(src);
          sounds.push(this);
        }
      },
    );
    this.openTab();
  }

  /** Another tab of the same browser; what was opened before goes on in its own. */
  openTab(): void {
    this.tab = new EventTarget();
    this.document = Object.assign(new EventTarget(), { visibilityState: "visible" });
    vi.stubGlobal("document", this.document);
    vi.stubGlobal("sessionStorage", new MemoryStorage());
    vi.stubGlobal("addEventListener", this.tab.addEventListener.bind(this.tab));
  }

  /** What the browser reports to the newest tab: "online", "pagehide", "keydown". */
  fire(name: string, facts: object = {}): void {
    this.tab.dispatchEvent(Object.assign(new Event(name), facts));
  }

  show(visible: boolean): void {
    this.document.visibilityState = visible ? "visible" : "hidden";
    this.document.dispatchEvent(new Event("visibilitychange"));
  }

  /** The names of what is stored, without `gleaner.`. */
  stored(prefix: string): string[] {
    return Object.keys(this.storage).filter((name) => name.startsWith(`gleaner.${prefix}`));
  }

  close(): void {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  }
}

/** Long enough for what waits for answers and for the frames after them, but for no timer of seconds. */
export const settled = (ms = 1): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
