/** Text tasks: a typed answer, or the text that stands in a still. */
import type { Stroke } from "../../model/keys";
import { surfaceOf } from "../../model/keys";
import type { OpenTask } from "../../state/task";
import type { Editor, EditorContext, Mount } from "../editor";
import type { MediaSet } from "../load";
import { AnswerEditor } from "./answer";
import { ReadingEditor } from "./reading";

/** One of two editors at a time; it stays from task to task as long as the same one is needed. */
class TextEditor implements Editor {
  private inner: AnswerEditor | ReadingEditor | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly context: EditorContext,
  ) {}

  load(task: OpenTask, media: MediaSet): void {
    const Wanted = surfaceOf(task.view) === "reading" ? ReadingEditor : AnswerEditor;
    if (!(this.inner instanceof Wanted)) {
      this.inner?.dispose();
      this.inner = new Wanted(this.host, this.context);
    }
    this.inner.load(task, media);
  }

  command(stroke: Stroke): boolean {
    return this.inner?.command(stroke) ?? false;
  }

  dispose(): void {
    this.inner?.dispose();
    this.inner = null;
  }
}

export const mount: Mount = (host, context) => new TextEditor(host, context);
