/** The one text of a take in the hands of a person: what a typed and a spoken answer have in common. */
import { signal, type ReadonlySignal } from "@preact/signals";
import type { CaptureView, TextLabel } from "../../api/types";
import { answerOf, answerWord, inLanguage, rejectedAnswer, written } from "../../model/answer";
import type { OpenTask } from "../../state/task";

export class OneText {
  /** The language that was chosen while there was no text yet. */
  private readonly chosen = signal<string | null>(null);

  constructor(
    readonly task: ReadonlySignal<OpenTask | null>,
    private readonly medium: "text" | "audio",
  ) {}

  /** Forgets what belonged to the task before. */
  begin(): void {
    this.chosen.value = null;
  }

  capture(): CaptureView | undefined {
    return this.task.value?.view.captures.find((c) => c.medium === this.medium && c.role === "labelled");
  }

  label(): TextLabel | null {
    const task = this.task.value;
    return task ? answerOf(task.work.value, this.capture()?.id ?? "", task.selected.value) : null;
  }

  /** The pre-label that was taken away. */
  rejected(): TextLabel | null {
    const task = this.task.value;
    return task ? rejectedAnswer(task.work.value, task.before, this.capture()?.id ?? "") : null;
  }

  /** The text's own language; before there is one, what it will be. */
  language(): string | null {
    const label = this.label();
    if (label) return label.language ?? null;
    return this.chosen.value ?? this.rejected()?.language ?? this.task.value?.view.language ?? null;
  }

  word(task: OpenTask): string {
    return answerWord(task.view.classes, task.lastWord);
  }

  setText(text: string): void {
    const task = this.task.value;
    const capture = this.capture()?.id;
    if (!task || !capture) return;
    const ref = { capture, id: this.label()?.id ?? null };
    const like = { label: this.word(task), language: this.language() };
    const [work, id] = written(task.work.value, task.before, ref, text, like);
    task.change(work, "text");
    if (id !== null) task.selected.value = { capture, id };
    else if (this.label() === null) task.selected.value = null;
  }

  setLanguage(language: string): void {
    const task = this.task.value;
    const capture = this.capture()?.id;
    const label = this.label();
    this.chosen.value = language;
    if (task && capture && label) task.change(inLanguage(task.work.value, { capture, id: label.id }, language));
  }

  /** Brings back the pre-label that was taken away, where there is nothing to undo. False: there is nothing to bring. */
  restore(): boolean {
    const task = this.task.value;
    const capture = this.capture()?.id;
    const gone = this.rejected();
    if (!task || !capture || !gone || this.label() || task.touched) return false;
    task.restore({ capture, id: gone.id });
    return true;
  }
}
