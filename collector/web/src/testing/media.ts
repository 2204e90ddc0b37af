/** Media as an editor gets them, without decoders: sizes, times and texts are what editors work with. */
import { signal } from "@preact/signals";
import type { CaptureView } from "../api/types";
import type { Media, TaskMedia } from "../media/load";
import type { FrameSource } from "../media/video/frames";

export const still = (width = 640, height = 480): Media => ({ kind: "image", bitmap: { width, height } as ImageBitmap });

export const words = (text: string): Media => ({ kind: "text", text });

export const recording = (): Media => ({ kind: "audio", sound: Promise.resolve("blob:sound"), peaks: null });

/** A video of so many frames, 40 ms apart. */
export function video(count: number, facts: Partial<FrameSource> = {}): Media {
  const times = Array.from({ length: count }, (_, n) => n * 40_000);
  const frames: FrameSource = {
    ...{ times, width: 640, height: 480, caveat: null },
    get: () => Promise.resolve({} as HTMLCanvasElement),
    ahead: () => undefined,
    dispose: () => undefined,
    ...facts,
  };
  return { kind: "video", url: "blob:video", times, frames };
}

/** The media of a task by capture. Those that a test holds back arrive when it says so. */
export class MemoryTaskMedia implements TaskMedia {
  constructor(private readonly media: Record<string, Media | Error | Promise<Media>>) {}

  of(capture: CaptureView): Promise<Media> {
    const found = this.media[capture.id];
    if (found instanceof Error || !found) return Promise.reject(found ?? new Error("The collector answered 404."));
    return Promise.resolve(found);
  }

  arrived(): ReturnType<TaskMedia["arrived"]> {
    return signal({ bytes: 0, total: 0 });
  }
}
