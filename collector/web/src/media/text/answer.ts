/** Typed answers: the text as a person corrects it, and its language. */
import { signal } from "@preact/signals";
import type { CaptureView } from "../../api/types";
import { written } from "../../model/answer";
import type { Stroke } from "../../model/keys";
import { isText } from "../../model/kinds";
import { asStored } from "../../model/spans";
import type { OpenTask } from "../../state/task";
import type { Editor, EditorContext } from "../editor";
import type { TaskMedia } from "../load";
import { Loader, mediumUnready } from "../loading";
import { OneText } from "./onetext";

export class AnswerEditor implements Editor {
  readonly task = signal<OpenTask | null>(null);
  /** What was typed, as it is stored. */
  readonly original = new Loader<string>();
  readonly text = new OneText(this.task, "text");
  private media: TaskMedia | null = null;

  constructor(private readonly context: EditorContext) {}

  load(task: OpenTask, media: TaskMedia): void {
    this.media = media;
    this.task.value = task;
    this.text.begin();
    this.open(task);
  }

  open(task: OpenTask): void {
    const capture = this.text.capture();
    const ready = (original: string): void => {
      if (capture) this.begin(task, capture, original);
    };
    this.original.load(this.media, capture, "text", (medium) => asStored(medium.text), ready);
  }

  /** Without a pre-label the answer itself is what is corrected: accepting it says that it stands as it was typed. */
  private begin(task: OpenTask, capture: CaptureView, original: string): void {
    const history = task.history.value;
    const worked = task.touched || task.view.revision || task.view.draft;
    if (worked || this.text.label() || (task.before[capture.id] ?? []).some(isText)) return;
    const like = { label: this.text.word(task), language: task.view.language };
    const [now, id] = written(history.now, task.before, { capture: capture.id, id: null }, original, like);
    task.history.value = { ...history, now };
    task.selected.value = id === null ? null : { capture: capture.id, id };
  }

  unready(): string | null {
    return mediumUnready("The answer", [this.original.state.value.state]);
  }

  command(stroke: Stroke): boolean {
    switch (stroke.command) {
      case "write":
        this.context.focus("text");
        return true;
      case "language":
        this.context.focus("language");
        return true;
      case "draw":
        if (this.text.label()) this.context.notify("This item has one answer. Press W to edit it.");
        else this.takeTyped();
        return true;
      case "undo":
        return this.text.restore();
      default:
        return false;
    }
  }

  /** Begins again from what was typed. */
  private takeTyped(): void {
    const original = this.original.ready;
    if (original === null) return;
    this.task.value?.commit();
    this.text.setText(original);
    this.task.value?.commit();
  }

  dispose(): void {
    this.original.reset();
    this.task.value = null;
  }
}
