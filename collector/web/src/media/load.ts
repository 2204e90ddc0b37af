/** Fetches and decodes what a task shows, so that it is ready before the task is. */
import { api } from "../api/client";
import type { CaptureView, Peaks, TaskView } from "../api/types";
import type { FrameSource } from "./video/frames";

export type Media =
  | { kind: "image"; bitmap: ImageBitmap }
  | { kind: "video"; url: string; times: number[]; frames: FrameSource | null }
  | { kind: "audio"; url: string; peaks: Peaks | null }
  | { kind: "text"; text: string };

/** Everything of one task. `of` gives the same promise each time; `dispose` frees decoders and object addresses. */
export class MediaSet {
  private readonly loading = new Map<string, Promise<Media>>();
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
    started.catch(() => this.loading.delete(capture.id));
    return started;
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
        return { kind: "image", bitmap: await createImageBitmap(await api.media(capture.media_url)) };
      case "text":
        return { kind: "text", text: await (await api.media(capture.media_url)).text() };
      case "audio": {
        const [blob, peaks] = await Promise.all([
          api.media(capture.media_url),
          capture.peaks_url ? api.peaks(capture.peaks_url) : Promise.resolve(null),
        ]);
        return { kind: "audio", url: this.address(blob), peaks };
      }
      case "video":
        return this.loadVideo(capture);
    }
  }

  private async loadVideo(capture: CaptureView): Promise<Media> {
    const [blob, table] = await Promise.all([
      api.media(capture.media_url),
      capture.frames_url ? api.frames(capture.frames_url) : Promise.resolve(null),
    ]);
    const url = this.address(blob);
    const times = table?.times_us ?? [];
    if (capture.role !== "labelled") return { kind: "video", url, times, frames: null };
    const { openFrames } = await import("./video/frames");
    const frames = await openFrames(blob, url, times);
    await frames.get(0);
    if (this.gone) frames.dispose();
    return { kind: "video", url, times: frames.times, frames };
  }
}

function release(media: Media): void {
  if (media.kind === "image") media.bitmap.close();
  if (media.kind === "video") media.frames?.dispose();
}
