/** Speech regions: selecting one plays it; edges move by arrows; its text is what was really said. */
import { effect, signal, untracked } from "@preact/signals";
import { render } from "preact";
import type { CaptureView, IntervalLabel, Label, Peaks } from "../../api/types";
import type { Stroke } from "../../model/keys";
import { added, byTime, newId, replaced, same, type Ref } from "../../model/labels";
import type { OpenTask } from "../../state/task";
import type { Editor, EditorContext, Mount } from "../editor";
import type { MediaSet } from "../load";
import { otherZoom } from "../timeline/timeline";
import { SoundPlayer } from "./sound";
import { AudioView } from "./view";

export type Shown =
  | { state: "loading" }
  | { state: "failed"; why: string }
  | { state: "ready"; player: SoundPlayer; peaks: Peaks | null; url: string };

export const isInterval = (l: Label | undefined): l is IntervalLabel => l?.kind === "interval";

const STEP_US = 10_000;
const FAR_US = 100_000;
const SHORTEST_US = 10_000;
const NEW_US = 1_000_000;

export class AudioEditor implements Editor {
  readonly task = signal<OpenTask | null>(null);
  readonly shown = signal<Shown>({ state: "loading" });
  /** The edge that arrows move. */
  readonly edge = signal<"start" | "end">("end");
  readonly zoom = signal(1);
  media: MediaSet | null = null;
  private stop: (() => void) | null = null;
  private heard: Ref | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly context: EditorContext,
  ) {
    render(<AudioView editor={this} />, host);
  }

  load(task: OpenTask, media: MediaSet): void {
    this.close();
    this.media = media;
    this.edge.value = "end";
    this.zoom.value = 1;
    this.shown.value = { state: "loading" };
    this.task.value = task;
    const capture = this.capture();
    if (capture) this.open(task, capture);
    else this.shown.value = { state: "failed", why: "This take has no sound to label." };
  }

  open(task: OpenTask, capture: CaptureView): void {
    this.shown.value = { state: "loading" };
    this.media?.of(capture).then(
      (media) => {
        if (this.task.value !== task) return;
        if (media.kind !== "audio") {
          this.shown.value = { state: "failed", why: "This is not a sound." };
          return;
        }
        const last = Math.max(0, ...(task.work.value[capture.id] ?? []).filter(isInterval).map((l) => l.end_us));
        const player = new SoundPlayer(media.url, capture.duration_us ?? last, capture.take_offset_us, (now) =>
          this.context.playing(now),
        );
        this.shown.value = { state: "ready", player, peaks: media.peaks, url: media.url };
        this.listen(task);
      },
      (error: unknown) => {
        if (this.task.value === task)
          this.shown.value = { state: "failed", why: error instanceof Error ? error.message : String(error) };
      },
    );
  }

  /** Select = plays, from whichever place it was selected. */
  private listen(task: OpenTask): void {
    this.heard = null;
    this.stop = effect(() => {
      const ref = task.selected.value;
      if (same(ref, this.heard)) return;
      this.heard = ref;
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
    const shown = this.shown.peek();
    return shown.state === "ready" ? shown.player : null;
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
    task.settle();
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

  private wholePrompt(): string | null {
    const task = this.task.value;
    if (!task) return null;
    return this.regions(task).some((l) => typeof l.expected === "string") ? null : (task.view.expected ?? null);
  }

  setTimes(id: string, start: number, end: number, series: string | null): void {
    const task = this.task.value;
    const capture = this.capture();
    const player = this.player();
    if (!task || !capture || !player) return;
    const from = Math.min(Math.max(0, start), player.duration - SHORTEST_US);
    const to = Math.max(from + SHORTEST_US, Math.min(end, player.duration));
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
      const { text: _before, words: _words, ...rest } = l;
      return text === "" ? rest : { ...rest, text };
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
      end_us: Math.max(Math.round(to), Math.round(from) + SHORTEST_US),
      ...(expected ? { expected } : {}),
    }));
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
        this.toggle(player, label);
        return true;
      case "play-all":
        player.play(player.now.value >= player.duration ? 0 : player.now.value);
        return true;
      case "first-frame":
        player.pause();
        player.seek(0);
        return true;
      case "last-frame":
        player.pause();
        player.seek(player.duration);
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
      case "wider":
        this.zoom.value = otherZoom(this.zoom.value, 1);
        return true;
      case "narrower":
        this.zoom.value = otherZoom(this.zoom.value, -1);
        return true;
      default:
        return false;
    }
  }

  private toggle(player: SoundPlayer, label: IntervalLabel | null): void {
    if (player.playing.value) player.pause();
    else if (label) player.play(label.start_us, label.end_us);
    else player.play(player.now.value >= player.duration ? 0 : player.now.value);
  }

  private nudge(label: IntervalLabel | null, by: number): void {
    if (!label) return;
    const edge = this.edge.value;
    if (edge === "start")
      this.setTimes(label.id, Math.min(label.start_us + by, label.end_us - SHORTEST_US), label.end_us, "nudge-start");
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
    if (expected === null) return this.context.say("The script expected nothing here: W writes what was said.");
    this.task.value?.settle();
    this.setText(label.id, expected);
    this.task.value?.settle();
  }

  private write(label: IntervalLabel | null): void {
    if (!label) return this.context.say("No region is selected: N makes one at the playhead.");
    this.host.querySelector<HTMLTextAreaElement>(`[data-region="${CSS.escape(label.id)}"] textarea`)?.focus();
  }

  private draw(player: SoundPlayer): void {
    const start = Math.min(player.now.value, Math.max(0, player.duration - NEW_US));
    this.create(start, Math.min(start + NEW_US, player.duration));
  }

  /** Cuts at the playhead when it stands inside, else in the middle; words and what was expected stay with the first part. */
  private split(task: OpenTask, label: IntervalLabel | null, player: SoundPlayer): void {
    const capture = this.capture();
    if (!label || !capture) return;
    const inside = player.now.value > label.start_us + SHORTEST_US && player.now.value < label.end_us - SHORTEST_US;
    const at = inside ? player.now.value : Math.round((label.start_us + label.end_us) / 2);
    if (at - label.start_us < SHORTEST_US || label.end_us - at < SHORTEST_US)
      return this.context.say("This region is too short to cut.");
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
    this.player()?.dispose();
  }

  dispose(): void {
    this.close();
    this.task.value = null;
    render(null, this.host);
  }
}

export const mount: Mount = (host, context) => new AudioEditor(host, context);
