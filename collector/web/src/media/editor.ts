/** What every editor is: one per kind of work, mounted once, given task after task, so that nothing moves in between. */
import type { Stroke, Surface } from "../model/keys";
import type { OpenTask } from "../state/task";
import type { MediaSet } from "./load";

export interface EditorContext {
  /** A short word about the mode the editor is in ("drag, or set a corner with Space"); null when there is none. */
  status(text: string | null): void;
  /** Something that happened once and is worth a word ("there is no keyframe on this frame"). */
  say(text: string): void;
  /** Whether media plays: counted as work, so it has to be said. */
  playing(now: boolean): void;
}

export interface Editor {
  /** Shows a task. The one before is forgotten: its listeners, timers and players with it. */
  load(task: OpenTask, media: MediaSet): void;
  /** Carries out a key. False: not mine, the page may. The page undoes, submits and walks the labels. */
  command(stroke: Stroke): boolean;
  /** Gives the label that is being drawn a name. False, or no such verb: none is being drawn. */
  nameNew?(word: string): boolean;
  /** Why the item must not be accepted yet: null once everything it holds is on screen. */
  unready(): string | null;
  /** Leaves the host element empty. */
  dispose(): void;
}

type MediumState = "loading" | "failed" | "ready";

/** Why media in these states must not be accepted; null when all of them are on screen. */
export function mediumUnready(what: string, states: readonly (MediumState | undefined)[]): string | null {
  if (states.length === 0 || states.includes("failed")) return `${what} cannot be shown: only S skips this item.`;
  return states.every((state) => state === "ready") ? null : `${what} is not on screen yet.`;
}

export type Mount = (host: HTMLElement, context: EditorContext) => Editor;

/** Loaded on demand: the first picture never waits for a decoder it does not need. */
export const editors: Record<Surface, () => Promise<{ mount: Mount }>> = {
  boxes: () => import("./image/editor"),
  tracks: () => import("./video/editor"),
  speech: () => import("./audio/editor"),
  text: () => import("./text/answer"),
  spoken: () => import("./text/spoken"),
  reading: () => import("./text/reading"),
};
