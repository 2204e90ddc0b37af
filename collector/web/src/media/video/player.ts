/** Shows frame after frame: the newest wish wins while a frame is being decoded; playing keeps time, not frames. */
import { signal } from "@preact/signals";
import { frameAt } from "../../model/time";
import { release } from "../playfrom";
import type { FrameSource, Picture } from "./frames";

/** Sound of another capture of the take, in this video's media time. */
export interface Sound {
  element: HTMLAudioElement;
  /** Its media time minus this video's, microseconds. */
  offset: number;
}

const DRIFT_US = 60_000;

export class FramePlayer {
  /** The frame that is worked on. Its picture follows as soon as it is decoded. */
  readonly frame = signal(0);
  readonly picture = signal<{ image: Picture; frame: number; version: number } | null>(null);
  readonly playing = signal(false);
  readonly trouble = signal<string | null>(null);
  private busy = false;
  private version = 0;
  private tick = 0;
  private base = { us: 0, at: 0 };
  private gone = false;
  readonly sound = signal<Sound | null>(null);

  constructor(
    readonly source: FrameSource,
    private readonly onPlaying: (now: boolean) => void,
  ) {
    void this.decode();
  }

  get last(): number {
    return Math.max(0, this.source.times.length - 1);
  }

  /** Media time at which the last frame ends, microseconds: as long as a usual one. */
  get length(): number {
    return (this.source.times[this.last] ?? 0) + 40_000;
  }

  go(frame: number): void {
    const target = Math.min(Math.max(frame, 0), this.last);
    if (target !== this.frame.value) this.frame.value = target;
    void this.decode();
  }

  toggle(): void {
    if (this.playing.value) this.pause();
    else this.play();
  }

  private play(): void {
    if (this.frame.value >= this.last) this.go(0);
    this.base = { us: this.source.times[this.frame.value] ?? 0, at: performance.now() };
    this.playing.value = true;
    this.onPlaying(true);
    const sound = this.sound.value;
    if (sound) {
      sound.element.currentTime = Math.max(0, (this.base.us + sound.offset) / 1e6);
      // Without a key press before it a browser may refuse sound: the picture plays all the same.
      sound.element.play().catch(() => undefined);
    }
    this.tick = requestAnimationFrame(this.step);
  }

  pause(): void {
    cancelAnimationFrame(this.tick);
    this.sound.value?.element.pause();
    if (!this.playing.value) return;
    this.playing.value = false;
    this.onPlaying(false);
  }

  private readonly step = (): void => {
    if (!this.playing.value) return;
    const us = this.clock();
    const frame = frameAt(this.source.times, us);
    if (frame !== this.frame.value) this.go(frame);
    this.source.ahead(frame + 1);
    if (us >= this.length) return this.pause();
    this.tick = requestAnimationFrame(this.step);
  };

  /** Media time now; the sound leads where there is some, the eye forgives what the ear does not. */
  private clock(): number {
    const us = this.base.us + (performance.now() - this.base.at) * 1000;
    const sound = this.sound.value;
    if (!sound || sound.element.paused || sound.element.ended) return us;
    const heard = sound.element.currentTime * 1e6 - sound.offset;
    if (Math.abs(heard - us) > DRIFT_US) {
      this.base = { us: heard, at: performance.now() };
      return heard;
    }
    return us;
  }

  private async decode(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      while (!this.gone && this.picture.value?.frame !== this.frame.value) {
        const wanted = this.frame.value;
        const image = await this.source.get(wanted);
        if (this.gone) return;
        this.version += 1;
        this.picture.value = { image, frame: wanted, version: this.version };
        this.trouble.value = null;
        if (!this.playing.value) this.source.ahead(wanted);
      }
    } catch (error) {
      this.trouble.value = error instanceof Error ? error.message : String(error);
    } finally {
      this.busy = false;
    }
  }

  dispose(): void {
    this.pause();
    this.gone = true;
    if (this.sound.value) release(this.sound.value.element);
  }
}
