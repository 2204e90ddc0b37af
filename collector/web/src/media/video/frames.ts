/**
 * Frame n of a video, exactly: frame n is the n-th in presentation order, the same one the recorder stamped, the
 * pre-labeller saw and the export writes. Decoded by WebCodecs; where a browser has none, a <video> element stands in
 * and its caveat is shown.
 */
import {
  BlobSource,
  CanvasSink,
  EncodedPacketSink,
  Input,
  MATROSKA,
  MP4,
  QTFF,
  UrlSource,
  WEBM,
  type Source,
  type WrappedCanvas,
} from "mediabunny";
import { Problem } from "../../api/client";
import { fetchPiece } from "../../api/media";
import { playFrom, release } from "../playfrom";

export type Picture = HTMLCanvasElement | OffscreenCanvas | HTMLVideoElement;

export interface FrameSource {
  /** Media time of each frame, microseconds. */
  readonly times: number[];
  readonly width: number;
  readonly height: number;
  /** Null when every frame is exact, else a sentence for the person who looks at it. */
  readonly caveat: string | null;
  /** The picture of a frame; it stays valid until the next call. Rejects when it cannot be decoded. */
  get(frame: number): Promise<Picture>;
  /** Starts decoding from here on while nobody waits. */
  ahead(frame: number): void;
  dispose(): void;
}

/** How often a piece of a video is asked for again, and how long after the try before, before it counts as failed. */
const RETRY_SECONDS = [0.25, 0.5, 1, 2, 4];

/** The whole of a video, or the address from which the pieces that are looked at are read. */
const sourceOf = (where: Blob | string): Source =>
  typeof where === "string"
    ? new UrlSource(where, {
        fetchFn: fetchPiece,
        getRetryDelay: (attempts, error) =>
          error instanceof Problem && !error.retryable ? null : (RETRY_SECONDS[attempts] ?? null),
      })
    : new BlobSource(where);

/** Opens a video; `table` is the frame table of its manifest, empty when there is none. */
export async function openFrames(where: Blob | string, url: string, table: readonly number[]): Promise<FrameSource> {
  if (typeof VideoDecoder === "undefined") {
    return ElementFrames.open(
      url,
      table,
      window.isSecureContext
        ? "This browser cannot decode single frames; what you see may be one frame off."
        : "Single frames need HTTPS or 127.0.0.1; what you see may be one frame off.",
    );
  }
  const input = new Input({ source: sourceOf(where), formats: [MP4, QTFF, MATROSKA, WEBM] });
  const track = await input.getPrimaryVideoTrack();
  if (!track) {
    input.dispose();
    throw new Error("There is no picture in this video.");
  }
  if (!(await track.canDecode())) {
    input.dispose();
    return ElementFrames.open(url, table, "This browser cannot decode this video frame by frame; it may be one off.");
  }
  const stamps: number[] = [];
  for await (const packet of new EncodedPacketSink(track).packets(undefined, undefined, { metadataOnly: true })) {
    stamps.push(packet.timestamp);
  }
  stamps.sort((a, b) => a - b);
  const sink = new CanvasSink(track);
  const size = { width: await track.getDisplayWidth(), height: await track.getDisplayHeight() };
  return new DecodedFrames(input, sink, stamps, table, size);
}

const MEMORY_BYTES = 160 * 1024 * 1024;
const LOOK_AHEAD = 8;
/** Further than this a new start is cheaper than decoding what lies between. */
const WORTH_RUNNING = 30;

class DecodedFrames implements FrameSource {
  readonly times: number[];
  readonly width: number;
  readonly height: number;
  readonly caveat: string | null;
  private readonly cache = new Map<number, WrappedCanvas["canvas"]>();
  private readonly capacity: number;
  private run: { iterator: AsyncGenerator<WrappedCanvas, void, unknown>; next: number } | null = null;
  private queue: Promise<unknown> = Promise.resolve();
  private gone = false;

  constructor(
    private readonly input: Input,
    private readonly sink: CanvasSink,
    private readonly stamps: readonly number[],
    table: readonly number[],
    size: { width: number; height: number },
  ) {
    this.width = size.width;
    this.height = size.height;
    const first = stamps[0] ?? 0;
    const known = table.length > 0 ? table.slice(0, stamps.length) : stamps.map((s) => Math.round((s - first) * 1e6));
    this.times = known.slice();
    this.caveat =
      table.length > 0 && table.length !== stamps.length
        ? `The frame table names ${table.length} frames, the video has ${stamps.length}:` +
          ` only the first ${known.length} can be labelled.`
        : null;
    this.capacity = Math.max(2 * LOOK_AHEAD, Math.floor(MEMORY_BYTES / (size.width * size.height * 4)));
  }

  get(frame: number): Promise<Picture> {
    const ready = this.cached(frame);
    if (ready) return Promise.resolve(ready);
    return this.inTurn(() => this.decode(frame));
  }

  ahead(frame: number): void {
    const last = Math.min(frame + LOOK_AHEAD, this.times.length - 1);
    if (last < 0 || this.cache.has(last)) return;
    // Looking ahead is a favour: when it fails, the frame itself says why once it is wanted.
    void this.inTurn(() => (this.gone ? Promise.resolve(null) : this.decode(last))).catch(() => null);
  }

  dispose(): void {
    this.gone = true;
    this.cache.clear();
    void this.run?.iterator.return();
    this.run = null;
    this.input.dispose();
  }

  private inTurn<T>(job: () => Promise<T>): Promise<T> {
    const turn = this.queue.then(job, job);
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  /** A cached frame, moved to the young end of the cache. */
  private cached(frame: number): Picture | undefined {
    const found = this.cache.get(frame);
    if (found) {
      this.cache.delete(frame);
      this.cache.set(frame, found);
    }
    return found;
  }

  private async decode(frame: number): Promise<Picture> {
    const ready = this.cached(frame);
    if (ready) return ready;
    if (this.gone) throw new Error("The video is closed.");
    if (!this.run || frame < this.run.next || frame - this.run.next > WORTH_RUNNING) {
      await this.run?.iterator.return();
      // Going backward, the frames before are wanted next: keep them, they are decoded on the way anyway.
      const from = Math.max(0, frame - LOOK_AHEAD);
      this.run = { iterator: this.sink.canvases(this.stamps[from]), next: from };
    }
    const run = this.run;
    for (;;) {
      const { value, done } = await run.iterator.next();
      if (done || !value) break;
      const index = this.indexOf(value.timestamp);
      run.next = index + 1;
      this.addToCache(index, value.canvas);
      if (index >= frame) break;
    }
    const found = this.cached(frame);
    if (found) return found;
    this.run = null;
    throw new Error(`Frame ${frame} cannot be decoded.`);
  }

  private addToCache(index: number, canvas: WrappedCanvas["canvas"]): void {
    this.cache.delete(index);
    this.cache.set(index, canvas);
    for (const oldest of this.cache.keys()) {
      if (this.cache.size <= this.capacity) break;
      this.cache.delete(oldest);
    }
  }

  private indexOf(stamp: number): number {
    let low = 0;
    let high = this.stamps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      // Half a microsecond: the container's clock is not finer.
      if ((this.stamps[middle] as number) <= stamp + 5e-7) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

class ElementFrames implements FrameSource {
  private constructor(
    private readonly video: HTMLVideoElement,
    readonly times: number[],
    readonly caveat: string,
  ) {}

  static async open(url: string, table: readonly number[], caveat: string): Promise<FrameSource> {
    const video = document.createElement("video");
    video.muted = true;
    video.preload = "auto";
    await new Promise<void>((ready, failed) => {
      video.onloadeddata = () => ready();
      video.onerror = () => failed(new Error("This browser cannot play this video."));
      playFrom(video, url);
    });
    const guessed = (): number[] =>
      Array.from({ length: Math.max(1, Math.floor(video.duration * 25)) }, (_, i) => i * 40_000);
    return new ElementFrames(video, table.length > 0 ? table.slice() : guessed(), caveat);
  }

  get width(): number {
    return this.video.videoWidth;
  }

  get height(): number {
    return this.video.videoHeight;
  }

  async get(frame: number): Promise<Picture> {
    const start = this.times[frame] ?? 0;
    const end = this.times[frame + 1] ?? start + 20_000;
    // The middle of the frame: an element rounds a seek to either side of an edge.
    const target = (start + end) / 2e6;
    if (Math.abs(this.video.currentTime - target) < 1e-4) return this.video;
    await new Promise<void>((done) => {
      this.video.onseeked = () => done();
      this.video.currentTime = target;
    });
    return this.video;
  }

  ahead(): void {
    // A <video> element buffers on its own.
  }

  dispose(): void {
    release(this.video);
  }
}
