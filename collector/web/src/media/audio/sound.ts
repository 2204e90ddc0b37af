/** Plays a stretch of sound, and the videos of the same take along with it. */
import { effect, signal } from "@preact/signals";
import { playFrom, release } from "../playfrom";
import { acrossCaptures, otherStep } from "../../model/time";

export interface Follower {
  element: HTMLVideoElement;
  takeOffset: number;
}

const DRIFT_SECONDS = 0.08;
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

/** How fast every sound plays, 1 as it was recorded; it stays from item to item. */
export const speed = signal(1);

export function changeSpeed(by: 1 | -1): void {
  speed.value = otherStep(SPEEDS, speed.value, by);
}

export class SoundPlayer {
  /** Media time of the playhead, microseconds. */
  readonly now = signal(0);
  readonly playing = signal(false);
  /** The browser wants a key or a click before it plays anything. */
  readonly refused = signal(false);
  /** Whether the sound itself is here, so far that it can be played. */
  readonly ready = signal(false);
  readonly duration: number;
  private readonly element: HTMLAudioElement;
  private readonly followers = new Set<Follower>();
  private readonly stop: () => void;
  private until: number;
  private tick = 0;
  /** Ends the wait for a sound that was to be played before it was here. */
  private waiting: (() => void) | null = null;

  private gone = false;

  constructor(
    sound: Promise<string>,
    duration: number,
    private readonly takeOffset: number,
    private readonly onPlaying: (now: boolean) => void,
    onBroken: (why: string) => void,
  ) {
    this.duration = duration;
    this.until = duration;
    this.element = new Audio();
    this.element.preload = "auto";
    this.element.addEventListener("canplay", () => (this.ready.value = true));
    sound.then(
      (url) => {
        if (!this.gone) playFrom(this.element, url);
      },
      (error: unknown) => onBroken(error instanceof Error ? error.message : String(error)),
    );
    this.element.addEventListener("ended", () => {
      // It may have been started again before this event of its end.
      if (!this.element.ended) return;
      // A file may end a little before its manifest says.
      if (this.playing.value) this.now.value = this.until;
      this.pause();
    });
    this.element.addEventListener("error", () => {
      if (!this.gone) onBroken("This browser cannot play the recording.");
    });
    this.stop = effect(() => {
      this.element.playbackRate = speed.value;
      for (const follower of this.followers) follower.element.playbackRate = speed.value;
    });
  }

  /** Adds a video that follows; returns what takes it away again. */
  follow(follower: Follower): () => void {
    this.followers.add(follower);
    follower.element.playbackRate = speed.peek();
    this.align(follower, true);
    return () => this.followers.delete(follower);
  }

  /** Plays [from, to) of the sound, then stands at its end. */
  play(from: number, to = this.duration): void {
    this.until = Math.min(to, this.duration);
    this.seek(from);
    // Select = plays: what was selected before the sound came is played when it comes.
    this.begin();
  }

  private begin(): void {
    if (!this.ready.peek()) {
      this.waiting ??= this.ready.subscribe((ready) => {
        if (!ready) return;
        // After the subscription is kept, so that it can be ended.
        queueMicrotask(() => {
          this.stopWaiting();
          if (!this.gone) this.seek(this.now.peek());
          if (!this.gone) this.begin();
        });
      });
      return;
    }
    this.element.play().then(
      () => {
        this.refused.value = false;
        // A pause may have come before it began to play.
        if (this.element.paused) return;
        this.playing.value = true;
        this.onPlaying(true);
        for (const follower of this.followers) {
          this.align(follower, true);
          follower.element.play().catch(() => undefined);
        }
        cancelAnimationFrame(this.tick);
        this.tick = requestAnimationFrame(this.step);
      },
      (error: unknown) => {
        // A second play() before the first has started aborts it: the second one speaks for both.
        if (error instanceof DOMException && error.name === "NotAllowedError") this.refused.value = true;
      },
    );
  }

  /** Pauses, or goes on from the playhead; at the end it begins again. */
  toggle(): void {
    if (this.playing.peek()) this.pause();
    else this.goOn();
  }

  goOn(): void {
    const now = this.now.peek();
    this.play(now >= this.duration ? 0 : now);
  }

  private stopWaiting(): void {
    this.waiting?.();
    this.waiting = null;
  }

  pause(): void {
    this.stopWaiting();
    cancelAnimationFrame(this.tick);
    this.element.pause();
    for (const follower of this.followers) {
      follower.element.pause();
      this.align(follower, true);
    }
    if (!this.playing.value) return;
    this.playing.value = false;
    this.onPlaying(false);
  }

  seek(us: number): void {
    this.now.value = Math.min(Math.max(us, 0), this.duration);
    this.element.currentTime = this.now.value / 1e6;
    for (const follower of this.followers) this.align(follower, true);
  }

  private readonly step = (): void => {
    const us = Math.round(this.element.currentTime * 1e6);
    if (us >= this.until) {
      this.now.value = this.until;
      return this.pause();
    }
    this.now.value = us;
    for (const follower of this.followers) this.align(follower, false);
    this.tick = requestAnimationFrame(this.step);
  };

  private align(follower: Follower, always: boolean): void {
    const target = Math.max(0, acrossCaptures(this.now.value, this.takeOffset, follower.takeOffset) / 1e6);
    if (always || Math.abs(follower.element.currentTime - target) > DRIFT_SECONDS) follower.element.currentTime = target;
  }

  dispose(): void {
    this.gone = true;
    this.stop();
    this.pause();
    this.followers.clear();
    release(this.element);
  }
}
