/** What every editor is: one per kind of work, mounted once, given task after task, so that nothing moves in between. */
import type { Stroke } from "../model/keys";
import type { OpenTask } from "../state/task";
import type { TaskMedia } from "./load";

export interface EditorContext {
  /** A short word about the mode the editor is in ("drag, or set a corner with Space"); null when there is none. */
  status(text: string | null): void;
  /** Something that happened once and is worth a word ("there is no keyframe on this frame"). */
  notify(text: string): void;
  /** Whether media plays: counted as work, so it has to be reported. */
  playing(now: boolean): void;
  /** Puts the caret into a field of the editor's view: the text of this label (of the only one), or the language. */
  focus(field: "text" | "language", label?: string): void;
}

export interface Editor {
  /** Shows a task. The one before is left behind, with its listeners, timers and players. */
  load(task: OpenTask, media: TaskMedia): void;
  /** Carries out a key. False: not mine, the page may. The page undoes, submits and walks the labels. */
  command(stroke: Stroke): boolean;
  /** Gives the label that is being drawn a name. False, or no such verb: none is being drawn. */
  nameNew?(word: string): boolean;
  /** Why the item must not be accepted yet: null once everything it shows is on screen. */
  unready(): string | null;
  /** Ends everything that plays, waits or listens. */
  dispose(): void;
}

export interface MountedEditor {
  readonly editor: Editor;
  /** Ends the editor and leaves its host element empty. */
  unmount(): void;
}

export type Mount = (host: HTMLElement, context: EditorContext) => MountedEditor;
