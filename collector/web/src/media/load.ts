/** Fetches and decodes what a task shows, so that it is ready before the task is. */
import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { api } from "../api/client";
import { wholeMedium } from "../api/media";
import type { CaptureView, Peaks, TaskView } from "../api/types";
import type { FrameSource } from "./video/frames";

export type Media =
  | { kind: "image"; bitmap: ImageBitmap }
  | { kind: "video"; url: string; times: number[]; frames: FrameSource | null }
  /** The waveform comes before the sound: `sound` is its address once it can be played from there. */
  | { kind: "audio"; sound: Promise<string>; peaks: Peaks | null }
  | { kind: "text"; text: string };

/** How much of a medium is here, in bytes; `total` is 0 until the collector has reported it. */
export interface Arrived {
  bytes: number;
  total: number;
}

/** A larger sound or video is not fetched whole: what is shown or played is read piece by piece. */
const MAX_WHOLE_BYTES = 4 * 1024 * 1024;

/** The media of one task, as an editor asks for them. */
export interface TaskMedia {
  /** The same promise each time; one that failed is asked for again. */
  of(capture: CaptureView): Promise<Media>;
  /** How much of a capture's medium is here. */
  arrived(capture: string): ReadonlySignal<Arrived>;
}

/** Fetches everything of one task. `dispose` frees decoders and object addresses. */
export class MediaSet implements TaskMedia {
  private readonly loading = new Map<string, Promise<Media>>();
  private readonly counts = new Map<string, Signal<Arrived>>();
  private readonly urls: string[] = [];
  private gone = false;

  constructor(private readonly task: TaskView) {}

  /** Starts loading all captures; the returned promise never fails, failures show where they are used. */
  async prefetch(): Promise<void> {
    await Promise.allSettled(this.task.captures.map((c) => this.of(c)));
  }

  of(capture: CaptureView): Promise<Media> {
    const found = this.loading.get(capture.id);
    if (found) return found;
    const started = this.load(capture);
    this.loading.set(capture.id, started);
    // A failed load is asked for again the next time it is needed.
    const drop = (): void => {
      if (this.loading.get(capture.id) === started) this.loading.delete(capture.id);
    };
    started.then((media) => (media.kind === "audio" ? media.sound.catch(drop) : undefined), drop);
    return started;
  }

  arrived(capture: string): ReadonlySignal<Arrived> {
    return this.count(capture);
  }

  private count(capture: string): Signal<Arrived> {
    const found = this.counts.get(capture) ?? signal({ bytes: 0, total: 0 });
    this.counts.set(capture, found);
    return found;
  }

  dispose(): void {
    this.gone = true;
    for (const url of this.urls) URL.revokeObjectURL(url);
    for (const media of this.loading.values()) void media.then(release, () => undefined);
    this.loading.clear();
  }

  private address(blob: Blob): string {
    const url = URL.createObjectURL(blob);
    if (this.gone) URL.revokeObjectURL(url);
    else this.urls.push(url);
    return url;
  }

  private async load(capture: CaptureView): Promise<Media> {
    switch (capture.medium) {
      case "image":
        return { kind: "image", bitmap: await createImageBitmap(await this.fetch(capture)) };
      case "text":
        return { kind: "text", text: await (await this.fetch(capture)).text() };
      case "audio": {
        const sound = this.fetchUpTo(capture).then((blob) => (blob ? this.address(blob) : capture.media_url));
        // The failure shows where it is played.
        sound.catch(() => undefined);
        return { kind: "audio", sound, peaks: capture.peaks_url ? await api.peaks(capture.peaks_url) : null };
      }
      case "video":
        return this.loadVideo(capture);
    }
  }

  private fetchUpTo(capture: CaptureView, maxBytes = MAX_WHOLE_BYTES): Promise<Blob | null> {
    const count = this.count(capture.id);
    const onProgress = (bytes: number, total: number): void => {
      count.value = { bytes, total };
    };
    return wholeMedium(capture.media_url, onProgress, maxBytes);
  }

  private async fetch(capture: CaptureView): Promise<Blob> {
    return (await this.fetchUpTo(capture, Infinity)) as Blob;
  }

  private async loadVideo(capture: CaptureView): Promise<Media> {
    const [blob, table] = await Promise.all([
      this.fetchUpTo(capture),
      capture.frames_url ? api.frames(capture.frames_url) : Promise.resolve(null),
    ]);
    const url = blob ? this.address(blob) : capture.media_url;
    const times = table?.times_us ?? [];
    if (capture.role !== "labelled") return { kind: "video", url, times, frames: null };
    const { openFrames } = await import("./video/frames");
    const frames = await openFrames(blob ?? capture.media_url, url, times);
    await frames.get(0);
    if (this.gone) frames.dispose();
    return { kind: "video", url, times: frames.times, frames };
  }
}

function release(media: Media): void {
  if (media.kind === "image") media.bitmap.close();
  if (media.kind === "video") media.frames?.dispose();
}
