/** Video with tracks: frame-exact steps, boxes between keyframes, a timeline. */
import { signal, type ReadonlySignal } from "@preact/signals";
import type { CaptureView, TrackLabel } from "../../api/types";
import { clampedInside } from "../../model/bounds";
import type { Rect, Size } from "../../model/geometry";
import type { Stroke } from "../../model/keys";
import { isTrack } from "../../model/kinds";
import type { Ref } from "../../model/labels";
import * as tracks from "../../model/tracks";
import type { OpenTask } from "../../state/task";
import type { Editor, EditorContext } from "../editor";
import { BoxTool } from "../image/boxtool";
import type { Arrived, TaskMedia } from "../load";
import { Loader, mediumUnready, type LoadState } from "../loading";
import { playFrom } from "../playfrom";
import { otherZoom } from "../timeline/timeline";
import { FramePlayer } from "./player";
import { CameraSync } from "./camerasync";

interface CameraMedia {
  picture: Loader<FramePlayer>;
  /** Where the sound of the take is. */
  sound: Loader<string>;
}

/** One task shows one labelled video at a time; with several, the selected label's, or the one last clicked. */
export class VideoEditor implements Editor {
  readonly task = signal<OpenTask | null>(null);
  private readonly cameras = signal<ReadonlyMap<string, CameraMedia>>(new Map());
  readonly active = signal("");
  readonly close = signal(false);
  readonly zoom = signal(1);
  readonly tool: BoxTool;
  private media: TaskMedia | null = null;
  readonly sync: CameraSync;

  constructor(private readonly context: EditorContext) {
    this.tool = new BoxTool({
      picture: () => this.picture(),
      selected: () => this.selectedRect(),
      change: (rect, series) => this.moveBox(rect, series),
      create: (rect) => this.create(rect),
      status: (text) => this.context.status(text),
      word: () => this.task.value?.lastWord ?? "object",
    });
    this.sync = new CameraSync(() => this.player());
  }

  load(task: OpenTask, media: TaskMedia): void {
    this.closePlayers();
    this.media = media;
    this.tool.reset();
    this.close.value = false;
    this.zoom.value = 1;
    this.cameras.value = new Map(
      this.videos(task).map((c) => [c.id, { picture: new Loader<FramePlayer>(), sound: new Loader<string>() }]),
    );
    this.active.value = task.selected.value?.capture ?? this.videos(task)[0]?.id ?? "";
    this.task.value = task;
    for (const capture of this.videos(task)) this.open(capture);
  }

  open(capture: CaptureView): void {
    const camera = this.cameras.value.get(capture.id);
    const ready = (player: FramePlayer): void => {
      this.openAtLabel(capture, player);
      this.sync.add({ player, offset: capture.take_offset_us });
      this.addSound(capture, player);
    };
    camera?.picture.load(
      this.media,
      capture,
      "video",
      ({ frames }) => frames && new FramePlayer(frames, (now) => this.context.playing(now)),
      ready,
    );
  }

  /** The selected track is in the picture when the task opens. */
  private openAtLabel(capture: CaptureView, player: FramePlayer): void {
    const task = this.task.value;
    const label = task?.label();
    if (isTrack(label) && task?.selected.value?.capture === capture.id) player.go(label.keyframes[0]?.frame ?? 0);
  }

  private addSound(capture: CaptureView, player: FramePlayer): void {
    const beside = this.task.value?.view.captures.find((c) => c.medium === "audio");
    if (!beside) return;
    this.cameras.value.get(capture.id)?.sound.load(
      this.media,
      beside,
      "audio",
      (medium) => medium.sound,
      (url) => {
        const element = new Audio();
        element.preload = "auto";
        playFrom(element, url);
        player.sound.value = { element, offset: capture.take_offset_us - beside.take_offset_us };
      },
    );
  }

  /** What is shown of a camera of the open task. */
  shown(capture: string): LoadState<FramePlayer> {
    return this.cameras.value.get(capture)?.picture.state.value ?? { state: "loading" };
  }

  /** Whether the sound of the take can be heard with a camera. */
  soundState(capture: string): LoadState<string>["state"] {
    return this.cameras.value.get(capture)?.sound.state.value.state ?? "loading";
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
    return this.cameras.value.get(this.activeCapture())?.picture.ready ?? null;
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
    const held = picture && before ? clampedInside(before, rect, 0, picture) : rect;
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
    task.commit();
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
      const shown = this.shown(capture.id);
      if (shown.state !== "ready") return shown.state;
      if (shown.medium.trouble.value !== null) return "failed";
      return shown.medium.picture.value === null ? "loading" : "ready";
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
      this.context.notify("A track cannot start hidden. Move its first keyframe with }, or reject the track.");
  }

  private deleteKeyframe(frame: number): void {
    const track = this.track();
    if (!track || !tracks.keyframeAt(track.keyframes, frame))
      return this.context.notify("There is no keyframe on this frame. Press [ or ] to go to one.");
    const rest = tracks.withoutKeyframe(track, frame);
    if (rest) this.edit(() => rest);
    else this.task.value?.reject();
  }

  private shiftKeyframe(frame: number, step: 1 | -1, player: FramePlayer): void {
    const before = this.track();
    if (!before || !tracks.keyframeAt(before.keyframes, frame))
      return this.context.notify("There is no keyframe on this frame. Press [ or ] to go to one.");
    this.edit((track, at, times) => tracks.withKeyframeMoved(track, at, at + step, times));
    if (this.track() !== before) player.go(frame + step);
  }

  private closePlayers(): void {
    this.sync.clear();
    for (const { picture, sound } of this.cameras.value.values()) {
      picture.peek()?.dispose();
      picture.reset();
      sound.reset();
    }
  }

  dispose(): void {
    this.task.value = null;
    this.sync.dispose();
    this.closePlayers();
  }
}
