/** Speech regions: selecting one plays it; edges move by arrows; its text is what was really said. */
import { effect, signal, untracked } from "@preact/signals";
import type { CaptureView, IntervalLabel, Label } from "../../api/types";
import type { Stroke } from "../../model/keys";
import { isInterval } from "../../model/kinds";
import { added, byTime, newId, replaced, same, type Ref } from "../../model/labels";
import { wordsAfter } from "../../model/wordtimes";
import type { OpenTask } from "../../state/task";
import type { Editor, EditorContext } from "../editor";
import type { TaskMedia } from "../load";
import { mediumUnready } from "../loading";
import { SoundControls } from "./soundcontrols";
import type { SoundPlayer } from "./sound";

const STEP_US = 10_000;
const FAR_US = 100_000;
const MIN_US = 10_000;
const NEW_US = 1_000_000;

export class AudioEditor implements Editor {
  readonly task = signal<OpenTask | null>(null);
  readonly sound: SoundControls;
  /** The edge that arrows move. */
  readonly edge = signal<"start" | "end">("end");
  media: TaskMedia | null = null;
  private stop: (() => void) | null = null;
  private played: Ref | null = null;

  constructor(private readonly context: EditorContext) {
    this.sound = new SoundControls((now) => this.context.playing(now));
  }

  load(task: OpenTask, media: TaskMedia): void {
    this.close();
    this.media = media;
    this.edge.value = "end";
    this.task.value = task;
    this.open(task);
  }

  open(task: OpenTask): void {
    this.stop?.();
    this.stop = null;
    this.sound.open(this.media, this.capture(), () => this.listen(task));
  }

  /** Select = plays, from whichever place it was selected. */
  private listen(task: OpenTask): void {
    this.played = null;
    this.stop = effect(() => {
      const ref = task.selected.value;
      if (same(ref, this.played)) return;
      this.played = ref;
      untracked(() => {
        this.edge.value = "end";
        this.replay();
      });
    });
  }

  capture(): CaptureView | undefined {
    return this.task.value?.view.captures.find((c) => c.medium === "audio" && c.role === "labelled");
  }

  player(): SoundPlayer | null {
    return this.sound.player();
  }

  regions(task: OpenTask): IntervalLabel[] {
    const capture = this.capture();
    return byTime(capture ? (task.work.value[capture.id] ?? []) : []).filter(isInterval);
  }

  private peekRegion(): IntervalLabel | null {
    const task = this.task.peek();
    const ref = task?.selected.peek();
    const found = ref && task?.work.peek()[ref.capture]?.find((l) => l.id === ref.id);
    return found && isInterval(found) ? found : null;
  }

  select(id: string): void {
    const task = this.task.value;
    const capture = this.capture();
    if (!task || !capture) return;
    task.commit();
    const ref = { capture: capture.id, id };
    if (same(ref, task.selected.value)) this.replay();
    else task.selected.value = ref;
  }

  replay(): void {
    const label = this.peekRegion();
    if (label) this.player()?.play(label.start_us, label.end_us);
  }

  /** This region's part of the prompt. Where the prompt was shared out, a region without a part is asked for nothing. */
  expected(label: IntervalLabel): string | null {
    return label.expected ?? this.wholePrompt();
  }

  /** What the script expected of all regions together, where it was not shared out. */
  wholePrompt(): string | null {
    const task = this.task.value;
    if (!task) return null;
    return this.regions(task).some((l) => typeof l.expected === "string") ? null : (task.view.expected ?? null);
  }

  setTimes(id: string, start: number, end: number, series: string | null): void {
    const task = this.task.value;
    const capture = this.capture();
    const player = this.player();
    if (!task || !capture || !player) return;
    const from = Math.min(Math.max(0, start), player.duration - MIN_US);
    const to = Math.max(from + MIN_US, Math.min(end, player.duration));
    const change = (l: Label): Label =>
      isInterval(l) && (l.start_us !== from || l.end_us !== to) ? { ...l, start_us: from, end_us: to } : l;
    task.change(replaced(task.work.value, { capture: capture.id, id }, change), series && `${series}:${id}`);
  }

  setText(id: string, text: string): void {
    const task = this.task.value;
    const capture = this.capture();
    if (!task || !capture) return;
    const change = (l: Label): Label => {
      if (!isInterval(l) || (l.text ?? "") === text) return l;
      const { text: before, words, ...rest } = l;
      const left = words ? wordsAfter(words, before ?? "", text) : [];
      return { ...rest, ...(text === "" ? {} : { text }), ...(left.length > 0 ? { words: left } : {}) };
    };
    task.change(replaced(task.work.value, { capture: capture.id, id }, change), `text:${id}`);
  }

  create(from: number, to: number): void {
    const task = this.task.value;
    const capture = this.capture();
    if (!task || !capture) return;
    const expected = this.wholePrompt();
    task.add(capture.id, (id) => ({
      id,
      kind: "interval",
      label: task.lastWord,
      score: null,
      start_us: Math.round(from),
      end_us: Math.max(Math.round(to), Math.round(from) + MIN_US),
      ...(expected ? { expected } : {}),
    }));
  }

  unready(): string | null {
    return mediumUnready("The sound", [this.sound.progress()]);
  }

  command(stroke: Stroke): boolean {
    const player = this.player();
    const task = this.task.value;
    if (!player || !task) return false;
    const label = this.peekRegion();
    const step = stroke.far ? FAR_US : STEP_US;
    switch (stroke.command) {
      case "left":
        this.nudge(label, -step);
        return true;
      case "right":
        this.nudge(label, step);
        return true;
      case "up":
        this.walk(task, -1);
        return true;
      case "down":
        this.walk(task, 1);
        return true;
      case "edge-start":
        this.edge.value = "start";
        return true;
      case "edge-end":
        this.edge.value = "end";
        return true;
      case "play":
        this.toggle();
        return true;
      case "play-all":
        player.goOn();
        return true;
      case "take-expected":
        this.takeExpected(label);
        return true;
      case "write":
        this.write(label);
        return true;
      case "draw":
        this.draw(player);
        return true;
      case "split":
        this.split(task, label, player);
        return true;
      default:
        return this.sound.command(stroke);
    }
  }

  /** Plays the selected region from its start; goes on from a playhead that stands inside it, or where there is none. */
  toggle(): void {
    const player = this.player();
    const label = this.peekRegion();
    if (!player || player.playing.peek() || !label) return player?.toggle();
    const now = player.now.peek();
    const inside = now > label.start_us && now < label.end_us;
    player.play(inside ? now : label.start_us, label.end_us);
  }

  private nudge(label: IntervalLabel | null, by: number): void {
    if (!label) return;
    const edge = this.edge.value;
    if (edge === "start")
      this.setTimes(label.id, Math.min(label.start_us + by, label.end_us - MIN_US), label.end_us, "nudge-start");
    else this.setTimes(label.id, label.start_us, label.end_us + by, "nudge-end");
    const now = this.peekRegion();
    const player = this.player();
    if (!now || !player) return;
    player.pause();
    player.seek(edge === "start" ? now.start_us : now.end_us);
  }

  private walk(task: OpenTask, step: 1 | -1): void {
    const rows = this.regions(task);
    const at = rows.findIndex((l) => l.id === task.selected.value?.id);
    const next = rows[at < 0 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1)];
    if (next) this.select(next.id);
  }

  private takeExpected(label: IntervalLabel | null): void {
    if (!label) return;
    const expected = this.expected(label);
    if (expected === null) return this.context.notify("The script expected nothing here. Press W to write what was said.");
    this.task.value?.commit();
    this.setText(label.id, expected);
    this.task.value?.commit();
  }

  private write(label: IntervalLabel | null): void {
    if (!label) return this.context.notify("No region is selected. Press N to make one at the playhead.");
    this.context.focus("text", label.id);
  }

  private draw(player: SoundPlayer): void {
    const start = Math.min(player.now.value, Math.max(0, player.duration - NEW_US));
    this.create(start, Math.min(start + NEW_US, player.duration));
  }

  /** Cuts at the playhead when it stands inside, else in the middle; words and what was expected stay with the first part. */
  private split(task: OpenTask, label: IntervalLabel | null, player: SoundPlayer): void {
    const capture = this.capture();
    if (!label || !capture) return;
    const inside = player.now.value > label.start_us + MIN_US && player.now.value < label.end_us - MIN_US;
    const at = inside ? player.now.value : Math.round((label.start_us + label.end_us) / 2);
    if (at - label.start_us < MIN_US || label.end_us - at < MIN_US)
      return this.context.notify("This region is too short to split.");
    const id = newId(task.work.value[capture.id] ?? [], task.before[capture.id] ?? []);
    const second: IntervalLabel = {
      id,
      kind: "interval",
      label: label.label,
      score: null,
      start_us: at,
      end_us: label.end_us,
    };
    const first = replaced(
      task.work.value,
      { capture: capture.id, id: label.id },
      (l) => ({ ...l, end_us: at }) as Label,
    );
    task.change(added(first, capture.id, second));
    task.selected.value = { capture: capture.id, id };
  }

  private close(): void {
    this.stop?.();
    this.stop = null;
    this.sound.close();
  }

  dispose(): void {
    this.close();
    this.task.value = null;
  }
}
