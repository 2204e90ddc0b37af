/** Video with tracks: frame-exact steps, boxes between keyframes, a timeline. */
import { signal, type ReadonlySignal } from "@preact/signals";
import { render } from "preact";
import type { CaptureView, Label, TrackLabel } from "../../api/types";
import { heldInside } from "../../model/bounds";
import type { Rect, Size } from "../../model/geometry";
import type { Stroke } from "../../model/keys";
import type { Ref } from "../../model/labels";
import * as tracks from "../../model/tracks";
import type { OpenTask } from "../../state/task";
import { mediumUnready, type Editor, type EditorContext, type Mount } from "../editor";
import { BoxTool } from "../image/boxtool";
import type { Arrived, MediaSet } from "../load";
import { otherZoom } from "../timeline/timeline";
import { FramePlayer } from "./player";
import { Together } from "./together";
import { VideoView } from "./view";

export type Shown = { state: "loading" } | { state: "failed"; why: string } | { state: "ready"; player: FramePlayer };

export const isTrack = (l: Label | undefined): l is TrackLabel => l?.kind === "track";

/** One task shows one labelled video at a time; with several, the selected label's, or the one last clicked. */
export class VideoEditor implements Editor {
  readonly task = signal<OpenTask | null>(null);
  readonly shown = signal<Readonly<Record<string, Shown>>>({});
  readonly active = signal("");
  readonly close = signal(false);
  readonly zoom = signal(1);
  readonly tool: BoxTool;
  private media: MediaSet | null = null;
  readonly together: Together;
  private players: FramePlayer[] = [];

  constructor(
    private readonly host: HTMLElement,
    private readonly context: EditorContext,
  ) {
    this.tool = new BoxTool({
      picture: () => this.picture(),
      selected: () => this.selectedRect(),
      change: (rect, series) => this.moveBox(rect, series),
      create: (rect) => this.create(rect),
      status: (text) => this.context.status(text),
      word: () => this.task.value?.lastWord ?? "object",
    });
    this.together = new Together(() => this.player());
    render(<VideoView editor={this} />, host);
  }

  load(task: OpenTask, media: MediaSet): void {
    this.closePlayers();
    this.media = media;
    this.tool.reset();
    this.close.value = false;
    this.zoom.value = 1;
    this.shown.value = {};
    this.active.value = task.selected.value?.capture ?? this.videos(task)[0]?.id ?? "";
    this.task.value = task;
    for (const capture of this.videos(task)) this.open(task, capture);
  }

  open(task: OpenTask, capture: CaptureView): void {
    const set = (shown: Shown): void => {
      this.shown.value = { ...this.shown.value, [capture.id]: shown };
    };
    set({ state: "loading" });
    this.media?.of(capture).then(
      (media) => {
        if (this.task.value !== task) return;
        if (media.kind !== "video" || !media.frames) return set({ state: "failed", why: "This is not a video." });
        const player = new FramePlayer(media.frames, (now) => this.context.playing(now));
        this.players.push(player);
        set({ state: "ready", player });
        this.openAtLabel(task, capture, player);
        this.together.add({ player, offset: capture.take_offset_us });
        void this.addSound(task, capture, player);
      },
      (error: unknown) => {
        if (this.task.value === task)
          set({ state: "failed", why: error instanceof Error ? error.message : String(error) });
      },
    );
  }

  /** The selected track is in the picture when the task opens. */
  private openAtLabel(task: OpenTask, capture: CaptureView, player: FramePlayer): void {
    const label = task.label();
    if (isTrack(label) && task.selected.value?.capture === capture.id) player.go(label.keyframes[0]?.frame ?? 0);
  }

  private async addSound(task: OpenTask, capture: CaptureView, player: FramePlayer): Promise<void> {
    const beside = task.view.captures.find((c) => c.medium === "audio");
    if (!beside || !this.media) return;
    try {
      const media = await this.media.of(beside);
      if (media.kind !== "audio" || this.task.value !== task) return;
      const element = new Audio(await media.sound);
      if (this.task.value !== task) return;
      element.preload = "auto";
      player.sound.value = { element, offset: capture.take_offset_us - beside.take_offset_us };
    } catch {
      this.context.say("The sound of this take cannot be played; the picture is complete.");
    }
  }

  arrived(capture: string): ReadonlySignal<Arrived> | undefined {
    return this.media?.arrived(capture);
  }

  videos(task: OpenTask): CaptureView[] {
    return task.view.captures.filter((c) => c.medium === "video" && c.role === "labelled");
  }

  activeCapture(): string {
    return this.task.value?.selected.value?.capture ?? this.active.value;
  }

  player(): FramePlayer | null {
    const shown = this.shown.value[this.activeCapture()];
    return shown?.state === "ready" ? shown.player : null;
  }

  private picture(): Size | null {
    const player = this.player();
    return player && { width: player.source.width, height: player.source.height };
  }

  track(): TrackLabel | null {
    const label = this.task.value?.label();
    return isTrack(label) ? label : null;
  }

  /** The selected track's box here; where it has none, its nearest one, so that it can be put in the picture. */
  selectedRect(): Rect | null {
    const track = this.track();
    const player = this.player();
    if (!track || !player) return null;
    const frame = player.frame.value;
    return tracks.boxAt(track.keyframes, frame, player.source.times) ?? tracks.nearestBox(track.keyframes, frame);
  }

  private edit(
    change: (track: TrackLabel, frame: number, times: readonly number[]) => TrackLabel,
    series: string | null = null,
  ): void {
    const player = this.player();
    if (!player) return;
    player.pause();
    const frame = player.frame.value;
    this.task.value?.edit(
      (l) => (isTrack(l) ? change(l, frame, player.source.times) : l),
      series && `${series}:${frame}`,
    );
  }

  moveBox(rect: Rect, series: string): void {
    const picture = this.picture();
    const before = this.selectedRect();
    const held = picture && before ? heldInside(before, rect, 0, picture) : rect;
    this.edit((track, frame, times) => tracks.withBox(track, frame, held, times), series);
  }

  private create(rect: Rect): void {
    const task = this.task.value;
    const player = this.player();
    const capture = this.activeCapture();
    if (!task || !player || !task.work.value[capture]) return;
    task.add(capture, (id) => tracks.newTrack(id, task.lastWord, player.frame.value, rect, player.source.times));
  }

  /** The selected track is in the picture: where it is not on this frame, the nearest one on which it is. */
  goToTrack(): void {
    const track = this.track();
    const player = this.player();
    if (!track || !player) return;
    const frame = tracks.nearestFrameOf(track.keyframes, player.frame.value);
    if (frame === player.frame.value) return;
    player.pause();
    player.go(frame);
  }

  select(ref: Ref): void {
    const task = this.task.value;
    if (!task) return;
    task.settle();
    task.selected.value = ref;
  }

  nameNew(word: string): boolean {
    const task = this.task.value;
    if (!task || !this.tool.drawing.value) return false;
    task.lastWord = word;
    this.tool.announce();
    return true;
  }

  unready(): string | null {
    const states = (this.task.value ? this.videos(this.task.value) : []).map((capture) => {
      const shown = this.shown.value[capture.id];
      if (shown?.state !== "ready") return shown?.state;
      if (shown.player.trouble.value !== null) return "failed";
      return shown.player.picture.value === null ? "loading" : "ready";
    });
    return mediumUnready("The video", states);
  }

  command(stroke: Stroke): boolean {
    const player = this.player();
    if (!player) return false;
    if (stroke.command === "draw") {
      player.pause();
      this.active.value = this.activeCapture();
    }
    if (this.tool.command(stroke)) return true;
    if (stroke.command === "next-label" || stroke.command === "previous-label") {
      this.task.value?.select(stroke.command === "next-label" ? 1 : -1);
      this.goToTrack();
      return true;
    }
    return this.walk(stroke, player) || this.change(stroke, player);
  }

  private walk(stroke: Stroke, player: FramePlayer): boolean {
    const frame = player.frame.value;
    const keyframes = this.track()?.keyframes ?? [];
    const to = (target: number | null): true => {
      player.pause();
      if (target !== null) player.go(target);
      return true;
    };
    switch (stroke.command) {
      case "play":
        player.toggle();
        return true;
      case "frame-back":
        return to(frame - 1);
      case "frame-on":
        return to(frame + 1);
      case "frames-back":
        return to(frame - 10);
      case "frames-on":
        return to(frame + 10);
      case "first-frame":
        return to(0);
      case "last-frame":
        return to(player.last);
      case "keyframe-before":
        return to(tracks.previousKeyframe(keyframes, frame));
      case "keyframe-after":
        return to(tracks.nextKeyframe(keyframes, frame));
      case "zoom":
        this.close.value = !this.close.value && this.track() !== null;
        return true;
      case "wider":
        this.zoom.value = otherZoom(this.zoom.value, 1, player.length);
        return true;
      case "narrower":
        this.zoom.value = otherZoom(this.zoom.value, -1, player.length);
        return true;
      default:
        return false;
    }
  }

  private change(stroke: Stroke, player: FramePlayer): boolean {
    const frame = player.frame.value;
    switch (stroke.command) {
      case "keyframe":
        this.edit(tracks.withKeyframe);
        return true;
      case "keyframe-delete":
        this.deleteKeyframe(frame);
        return true;
      case "keyframe-earlier":
        this.shiftKeyframe(frame, -1, player);
        return true;
      case "keyframe-later":
        this.shiftKeyframe(frame, 1, player);
        return true;
      case "hidden":
        this.hide();
        return true;
      case "occluded":
        this.edit(tracks.withOccluded);
        return true;
      default:
        return false;
    }
  }

  private hide(): void {
    const before = this.track();
    this.edit(tracks.withHidden);
    if (before && this.track() === before)
      this.context.say("A track begins in the picture: move its first keyframe instead ( } ), or reject it.");
  }

  private deleteKeyframe(frame: number): void {
    const track = this.track();
    if (!track || !tracks.keyframeAt(track.keyframes, frame))
      return this.context.say("There is no keyframe on this frame; [ and ] go to one.");
    const rest = tracks.withoutKeyframe(track, frame);
    if (rest) this.edit(() => rest);
    else this.task.value?.reject();
  }

  private shiftKeyframe(frame: number, step: 1 | -1, player: FramePlayer): void {
    const before = this.track();
    if (!before || !tracks.keyframeAt(before.keyframes, frame))
      return this.context.say("There is no keyframe on this frame; [ and ] go to one.");
    this.edit((track, at, times) => tracks.withKeyframeMoved(track, at, at + step, times));
    if (this.track() !== before) player.go(frame + step);
  }

  private closePlayers(): void {
    this.together.clear();
    for (const player of this.players) player.dispose();
    this.players = [];
  }

  dispose(): void {
    this.task.value = null;
    this.together.dispose();
    this.closePlayers();
    render(null, this.host);
  }
}

export const mount: Mount = (host, context) => new VideoEditor(host, context);
