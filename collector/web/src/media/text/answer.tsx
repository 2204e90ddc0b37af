/** Typed answers: the text as a person corrects it, its language, and the original beside it. */
import { signal } from "@preact/signals";
import { render } from "preact";
import type { CaptureView } from "../../api/types";
import { isText, written } from "../../model/answer";
import type { Stroke } from "../../model/keys";
import { asStored } from "../../model/spans";
import type { OpenTask } from "../../state/task";
import { Unready } from "../../ui/parts";
import { mediumUnready, type Editor, type EditorContext, type Mount } from "../editor";
import type { MediaSet } from "../load";
import { OneText } from "./onetext";
import { Asked, Written } from "./written";

type Shown = { state: "loading" } | { state: "failed"; why: string } | { state: "ready"; original: string };

export class AnswerEditor implements Editor {
  readonly task = signal<OpenTask | null>(null);
  readonly shown = signal<Shown>({ state: "loading" });
  readonly text = new OneText(this.task, "text");
  private media: MediaSet | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly context: EditorContext,
  ) {
    render(<AnswerView editor={this} />, host);
  }

  load(task: OpenTask, media: MediaSet): void {
    this.media = media;
    this.task.value = task;
    this.text.begin();
    this.open(task);
  }

  open(task: OpenTask): void {
    const capture = this.text.capture();
    if (!this.media || !capture) {
      this.shown.value = { state: "failed", why: "This take has no typed answer." };
      return;
    }
    this.shown.value = { state: "loading" };
    this.media.of(capture).then(
      (media) => {
        if (this.task.value !== task) return;
        if (media.kind !== "text") {
          this.shown.value = { state: "failed", why: "This is not a text." };
          return;
        }
        this.shown.value = { state: "ready", original: asStored(media.text) };
        this.begin(task, capture, asStored(media.text));
      },
      (error: unknown) => {
        if (this.task.value === task)
          this.shown.value = { state: "failed", why: error instanceof Error ? error.message : String(error) };
      },
    );
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
    return mediumUnready("The answer", [this.shown.value.state]);
  }

  command(stroke: Stroke): boolean {
    switch (stroke.command) {
      case "write":
        this.host.querySelector("textarea")?.focus();
        return true;
      case "language":
        this.host.querySelector("select")?.focus();
        return true;
      case "draw":
        if (this.text.label()) this.context.say("There is one answer here: W writes in it.");
        else this.takeTyped();
        return true;
      case "undo":
        return this.text.bringBack();
      default:
        return false;
    }
  }

  /** Begins again from what was typed. */
  private takeTyped(): void {
    const shown = this.shown.value;
    if (shown.state !== "ready") return;
    this.task.value?.settle();
    this.text.setText(shown.original);
    this.task.value?.settle();
  }

  dispose(): void {
    this.task.value = null;
    render(null, this.host);
  }
}

/** From so many letters on, what was typed and its correction stand beside each other where there is room. */
const LONG_TEXT = 300;

function AnswerView({ editor }: { editor: AnswerEditor }): preact.JSX.Element {
  const task = editor.task.value;
  const shown = editor.shown.value;
  if (!task) return <div class="medium" />;
  if (shown.state !== "ready") return <Unready shown={shown} what="the answer" retry={() => editor.open(task)} />;
  return (
    <div class="medium medium-text">
      <section class={shown.original.length > LONG_TEXT ? "answer answer-long" : "answer"}>
        <Asked task={task} />
        <div class="answer-sides">
          <div class="answer-side">
            <h2>
              Typed <span class="note">as it was, never changed</span>
            </h2>
            <blockquote class="answer-original" lang={task.view.language} dir="auto">
              {shown.original}
            </blockquote>
          </div>
          <div class="answer-side">
            <Written
              key={task.id}
              text={editor.text}
              task={task}
              title="Corrected"
              name="The corrected answer"
              standing={(label) => (label.text === shown.original ? "✓ as typed" : null)}
              before={shown.original}
            />
          </div>
        </div>
      </section>
    </div>
  );
}

export const mount: Mount = (host, context) => new AnswerEditor(host, context);
