/** Typed answers: the text as a person corrects it, its language, and the original beside it. */
import { signal } from "@preact/signals";
import { render } from "preact";
import type { CaptureView, Label, TextLabel } from "../../api/types";
import type { Stroke } from "../../model/keys";
import { added, newId, replaced, type Work } from "../../model/labels";
import { asStored, codePointLength, movedSpans } from "../../model/spans";
import type { OpenTask } from "../../state/task";
import { Loading, TextField, Trouble } from "../../ui/parts";
import type { Editor, EditorContext } from "../editor";
import type { MediaSet } from "../load";
import { LanguageChoice } from "./language";

type Shown = { state: "loading" } | { state: "failed"; why: string } | { state: "ready"; original: string };

const isText = (l: Label | undefined): l is TextLabel => l?.kind === "text";

export class AnswerEditor implements Editor {
  readonly task = signal<OpenTask | null>(null);
  readonly shown = signal<Shown>({ state: "loading" });
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
    this.shown.value = { state: "loading" };
    const capture = this.capture();
    if (capture) this.open(task, capture);
    else this.shown.value = { state: "failed", why: "This take has no answer to correct." };
  }

  open(task: OpenTask, capture: CaptureView): void {
    this.shown.value = { state: "loading" };
    this.media?.of(capture).then(
      (media) => {
        if (this.task.value !== task) return;
        if (media.kind !== "text") {
          this.shown.value = { state: "failed", why: "This is not a text." };
          return;
        }
        this.shown.value = { state: "ready", original: media.text };
        this.begin(task, capture.id, media.text);
      },
      (error: unknown) => {
        if (this.task.value === task)
          this.shown.value = { state: "failed", why: error instanceof Error ? error.message : String(error) };
      },
    );
  }

  /** Without a pre-label the answer itself is what is corrected: accepting it says that it stands as it was typed. */
  private begin(task: OpenTask, capture: string, original: string): void {
    const labels = task.work.value[capture] ?? [];
    if (
      labels.some(isText) ||
      task.touched ||
      task.view.revision ||
      task.view.draft ||
      (task.before[capture] ?? []).some(isText)
    )
      return;
    const id = newId(labels, task.before[capture] ?? []);
    const label: Label = {
      id,
      kind: "text",
      label: task.lastWord,
      score: null,
      text: asStored(original),
      language: task.view.language,
    };
    const history = task.history.value;
    task.history.value = { ...history, now: added(history.now, capture, label) };
    task.selected.value = { capture, id };
  }

  capture(): CaptureView | undefined {
    return this.task.value?.view.captures.find((c) => c.medium === "text" && c.role === "labelled");
  }

  label(): TextLabel | null {
    const task = this.task.value;
    const selected = task?.label();
    if (isText(selected)) return selected;
    return (task?.work.value[this.capture()?.id ?? ""] ?? []).find(isText) ?? null;
  }

  private change(series: string | null, change: (label: TextLabel) => TextLabel): void {
    const task = this.task.value;
    const capture = this.capture()?.id;
    const label = this.label();
    if (!task || !capture || !label) return;
    const next = change(label);
    let work: Work = replaced(task.work.value, { capture, id: label.id }, () => next);
    if (next.text !== label.text)
      work = { ...work, [capture]: movedSpans(work[capture] ?? [], label.id, label.text, next.text) };
    task.change(work, series);
  }

  setText(text: string): void {
    this.change("text", (label) => (label.text === text ? label : { ...label, text }));
  }

  setLanguage(language: string): void {
    this.change(null, (label) => (label.language === language ? label : { ...label, language }));
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
        if (!this.label()) this.addAgain();
        else this.context.say("There is one answer here: W writes in it.");
        return true;
      default:
        return false;
    }
  }

  private addAgain(): void {
    const task = this.task.value;
    const capture = this.capture()?.id;
    const shown = this.shown.value;
    if (!task || !capture || shown.state !== "ready") return;
    task.add(capture, (id) => ({
      id,
      kind: "text",
      label: task.lastWord,
      score: null,
      text: asStored(shown.original),
      language: task.view.language,
    }));
  }

  dispose(): void {
    this.task.value = null;
    render(null, this.host);
  }
}

function AnswerView({ editor }: { editor: AnswerEditor }): preact.JSX.Element {
  const task = editor.task.value;
  const shown = editor.shown.value;
  const capture = editor.capture();
  if (!task || !capture)
    return <div class="medium">{shown.state === "failed" && <div class="quiet">{shown.why}</div>}</div>;
  if (shown.state === "loading")
    return (
      <div class="medium">
        <Loading what="the answer" />
      </div>
    );
  if (shown.state === "failed") {
    return (
      <div class="medium">
        <Trouble what="The answer" why={shown.why} retry={() => editor.open(task, capture)} />
      </div>
    );
  }
  const label = editor.label();
  return (
    <div class="medium medium-text">
      <section class="answer">
        <h2>Asked</h2>
        <p class="answer-asked" lang={task.view.language}>
          {task.view.prompt}
        </p>
        <h2>
          Typed <span class="note">as it was, never changed</span>
        </h2>
        <blockquote class="answer-original" lang={task.view.language} dir="auto">
          {shown.original}
        </blockquote>
        <h2>
          Corrected{" "}
          <span class="note">
            <kbd>W</kbd> writes · <kbd>Esc</kbd> leaves
          </span>
        </h2>
        {label ? (
          <TextField
            value={label.text}
            label="The corrected answer"
            lang={label.language ?? task.view.language}
            rows={4}
            class="field answer-field"
            onText={(text) => editor.setText(text)}
            onLeave={() => task.settle()}
          />
        ) : (
          <p class="answer-none">
            Rejected: this take has no usable answer. <kbd>U</kbd> brings it back.
          </p>
        )}
        {label && <Facts editor={editor} label={label} original={asStored(shown.original)} />}
      </section>
    </div>
  );
}

function Facts({
  editor,
  label,
  original,
}: {
  editor: AnswerEditor;
  label: TextLabel;
  original: string;
}): preact.JSX.Element {
  return (
    <p class="answer-facts">
      <LanguageChoice
        value={label.language ?? null}
        first={editor.task.value?.view.language}
        onChoose={(tag) => editor.setLanguage(tag)}
      />
      <span>{codePointLength(label.text)} characters</span>
      <span class={label.text === original ? "word-same" : "word-changed"}>
        {label.text === original ? "✓ as typed" : "changed"}
      </span>
    </p>
  );
}
