/** A medium that a page waits for: loading, failed or ready. Every editor shows its media by this one ladder. */
import { signal } from "@preact/signals";
import type { CaptureView } from "../api/types";
import type { Media, TaskMedia } from "./load";

export type LoadState<T> = { state: "loading" } | { state: "failed"; why: string } | { state: "ready"; medium: T };

/** As in "This take has no sound." */
const NAMES: Record<Media["kind"], string> = { image: "picture", video: "video", audio: "sound", text: "text" };

type MediaOf<K extends Media["kind"]> = Extract<Media, { kind: K }>;

export class Loader<T> {
  readonly state = signal<LoadState<T>>({ state: "loading" });
  /** Counts what was asked for: what arrives after something else was asked for is dropped. */
  private turn = 0;

  /**
   * Loads a capture in place of the one before. `make` turns the arrived medium into what is shown, or null where it
   * is of no use, at once or later; `ready` is called once it is shown. Both run for the newest request only.
   */
  load<K extends Media["kind"]>(
    media: TaskMedia | null,
    capture: CaptureView | undefined,
    kind: K,
    make: (medium: MediaOf<K>, capture: CaptureView, media: TaskMedia) => T | null | Promise<T | null>,
    ready?: (made: T) => void,
  ): void {
    if (!media || !capture) return this.fail(`This take has no ${NAMES[kind]}.`);
    this.reset();
    const { turn } = this;
    const show = (made: T | null): void => {
      if (turn !== this.turn) return;
      if (made === null) return this.fail(`This is not a ${NAMES[kind]}.`);
      this.state.value = { state: "ready", medium: made };
      ready?.(made);
    };
    const failed = (error: unknown): void => {
      if (turn === this.turn) this.fail(error instanceof Error ? error.message : String(error));
    };
    media.of(capture).then((medium) => {
      if (turn !== this.turn) return;
      const made = medium.kind === kind ? make(medium as MediaOf<K>, capture, media) : null;
      if (made instanceof Promise) made.then(show, failed);
      else show(made);
    }, failed);
  }

  /** What is shown is of no use any more, or never came. */
  fail(why: string): void {
    this.turn += 1;
    this.state.value = { state: "failed", why };
  }

  /** Drops what was asked for; nothing is shown. */
  reset(): void {
    this.turn += 1;
    this.state.value = { state: "loading" };
  }

  /** What is ready, null before. */
  get ready(): T | null {
    const state = this.state.value;
    return state.state === "ready" ? state.medium : null;
  }

  /** The same, without asking to be called again when it changes. */
  peek(): T | null {
    const state = this.state.peek();
    return state.state === "ready" ? state.medium : null;
  }
}

/** Why media in these states must not be accepted; null when all of them are on screen. `what`: "The picture". */
export function mediumUnready(what: string, states: readonly (LoadState<unknown>["state"] | undefined)[]): string | null {
  if (states.length === 0 || states.includes("failed")) return `${what} cannot be shown. Press S to skip this item.`;
  return states.every((state) => state === "ready") ? null : `${what} is not on screen yet.`;
}
