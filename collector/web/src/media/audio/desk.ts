/** One recording on the desk of whoever listens: loaded, played, looked at closer. What every editor of sound has. */
import { signal, type ReadonlySignal } from "@preact/signals";
import type { CaptureView, Peaks } from "../../api/types";
import type { Stroke } from "../../model/keys";
import { sampleTime } from "../../model/time";
import type { Arrived, Media, MediaSet } from "../load";
import { NOTHING_SEEN, otherZoom } from "../timeline/timeline";
import { changeSpeed, SoundPlayer } from "./sound";

export interface Heard {
  state: "ready";
  player: SoundPlayer;
  peaks: Peaks | null;
  /** Where the sound is, once it is. */
  sound: Promise<string>;
  /** How much of the sound is here. */
  arrived: ReadonlySignal<Arrived>;
}
export type Shown = { state: "loading" } | { state: "failed"; why: string } | Heard;

export const SECOND_US = 1_000_000;

export class SoundDesk {
  readonly shown = signal<Shown>({ state: "loading" });
  readonly zoom = signal(1);
  /** The part of the recording that is drawn. */
  readonly seen = signal(NOTHING_SEEN);
  /** Counts what was opened: a recording that arrives after another was asked for is not shown. */
  private turn = 0;

  constructor(private readonly onPlaying: (now: boolean) => void) {}

  /** Loads a recording in place of the one before; calls `ready` when it can be played. */
  open(media: MediaSet | null, capture: CaptureView | undefined, ready?: () => void): void {
    this.close();
    const turn = this.turn;
    this.zoom.value = 1;
    if (!media || !capture) return this.fail("This take has no sound.");
    this.shown.value = { state: "loading" };
    media.of(capture).then(
      (found) => {
        if (turn === this.turn && this.take(found, capture, media.arrived(capture.id))) ready?.();
      },
      (error: unknown) => {
        if (turn === this.turn) this.fail(error instanceof Error ? error.message : String(error));
      },
    );
  }

  private take(found: Media, capture: CaptureView, arrived: ReadonlySignal<Arrived>): boolean {
    if (found.kind !== "audio") {
      this.fail("This is not a sound.");
      return false;
    }
    const { sound, peaks } = found;
    const duration = capture.duration_us ?? lengthOf(peaks);
    const player: SoundPlayer = new SoundPlayer(sound, duration, capture.take_offset_us, this.onPlaying, (why) => {
      if (this.player() === player) this.fail(why);
    });
    this.shown.value = { state: "ready", player, peaks, sound, arrived };
    return true;
  }

  private fail(why: string): void {
    this.player()?.dispose();
    this.shown.value = { state: "failed", why };
  }

  /** Whether the sound is on the page: its waveform is drawn and it can be heard. */
  state(): "loading" | "failed" | "ready" {
    const shown = this.shown.value;
    return shown.state === "ready" && !shown.player.ready.value ? "loading" : shown.state;
  }

  player(): SoundPlayer | null {
    const shown = this.shown.peek();
    return shown.state === "ready" ? shown.player : null;
  }

  /** The keys that mean the same wherever sound is listened to. False: not one of them. */
  command(stroke: Stroke): boolean {
    const player = this.player();
    if (!player) return false;
    switch (stroke.command) {
      case "first-frame":
        player.pause();
        player.seek(0);
        return true;
      case "last-frame":
        player.pause();
        player.seek(player.duration);
        return true;
      case "second-back":
        player.seek(player.now.peek() - SECOND_US);
        return true;
      case "second-on":
        player.seek(player.now.peek() + SECOND_US);
        return true;
      case "slower":
        changeSpeed(-1);
        return true;
      case "faster":
        changeSpeed(1);
        return true;
      case "wider":
        this.zoom.value = otherZoom(this.zoom.value, 1, player.duration);
        return true;
      case "narrower":
        this.zoom.value = otherZoom(this.zoom.value, -1, player.duration);
        return true;
      default:
        return false;
    }
  }

  /** Ends what plays and what is on its way. */
  close(): void {
    this.turn += 1;
    this.player()?.dispose();
    this.shown.value = { state: "loading" };
  }
}

/** Where a capture does not say how long it is (microseconds), its waveform does. */
const lengthOf = (peaks: Peaks | null): number =>
  peaks ? sampleTime(peaks.maximum.length * peaks.samples_per_peak, peaks.sample_rate) : 0;
