/** An editor at work on a task, without a view: keys go in, labels and words come out. */
import type { Label, TaskView } from "../api/types";
import type { Editor, EditorContext } from "../media/editor";
import type { Media } from "../media/load";
import type { Command } from "../model/keys";
import { OpenTask } from "../state/task";
import { settled } from "./browser";
import { MemoryTaskMedia } from "./media";

export class Editing<E extends Editor> {
  readonly editor: E;
  task!: OpenTask;
  /** The word about the mode, and what was reported since the last look. */
  status: string | null = null;
  notices: string[] = [];
  focused: [string, string | undefined][] = [];
  playing = false;

  constructor(make: (context: EditorContext) => E) {
    this.editor = make({
      status: (text) => (this.status = text),
      notify: (text) => this.notices.push(text),
      playing: (now) => (this.playing = now),
      focus: (field, label) => this.focused.push([field, label]),
    });
  }

  async load(view: TaskView, media: Record<string, Media | Error | Promise<Media>>): Promise<this> {
    this.task = new OpenTask(view, null);
    this.editor.load(this.task, new MemoryTaskMedia(media));
    await settled();
    return this;
  }

  /** Presses keys by what they do. Returns whether the last one was the editor's. */
  press(...commands: Command[]): boolean {
    return commands.map((command) => this.editor.command({ command, digit: 0, far: false })).at(-1) ?? false;
  }

  /** With Shift. */
  far(command: Command): boolean {
    return this.editor.command({ command, digit: 0, far: true });
  }

  /** The labels of a capture, the only one unless it is named. */
  labels(capture?: string): readonly Label[] {
    const { value } = this.task.work;
    return value[capture ?? Object.keys(value)[0] ?? ""] ?? [];
  }

  /** The selected label. */
  get label(): Record<string, unknown> {
    return { ...this.task.label() };
  }

  select(id: string, capture?: string): void {
    this.task.selected.value = { capture: capture ?? Object.keys(this.task.work.value)[0] ?? "", id };
  }
}
