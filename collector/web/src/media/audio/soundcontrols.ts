/** One recording while somebody listens to it: loaded, played, magnified. What every editor of sound has. */
import { signal, type ReadonlySignal } from "@preact/signals";
import type { CaptureView, Peaks } from "../../api/types";
import type { Stroke } from "../../model/keys";
import { sampleTime } from "../../model/time";
import type { Arrived, TaskMedia } from "../load";
import { Loader, type LoadState } from "../loading";
import { NOTHING_SEEN, otherZoom } from "../timeline/timeline";
import { changeSpeed, SoundPlayer } from "./sound";

export interface LoadedSound {
  player: SoundPlayer;
  peaks: Peaks | null;
  /** Where the sound is, once it is. */
  url: Promise<string>;
  /** How much of the sound is here. */
  arrived: ReadonlySignal<Arrived>;
}

export const SECOND_US = 1_000_000;

export class SoundControls {
  private readonly loader = new Loader<LoadedSound>();
  readonly state: ReadonlySignal<LoadState<LoadedSound>> = this.loader.state;
  readonly zoom = signal(1);
  /** The part of the recording that is drawn. */
  readonly seen = signal(NOTHING_SEEN);

  constructor(private readonly onPlaying: (now: boolean) => void) {}

  /** Loads a recording in place of the one before; calls `ready` when it can be played. */
  open(media: TaskMedia | null, capture: CaptureView | undefined, ready?: () => void): void {
    this.close();
    this.zoom.value = 1;
    this.loader.load(
      media,
      capture,
      "audio",
      ({ sound, peaks }, { id, duration_us, take_offset_us }, from) => {
        const broken = (why: string): void => {
          if (this.player() === player) this.fail(why);
        };
        const duration = duration_us ?? lengthOf(peaks);
        const player: SoundPlayer = new SoundPlayer(sound, duration, take_offset_us, this.onPlaying, broken);
        return { player, peaks, url: sound, arrived: from.arrived(id) };
      },
      ready,
    );
  }

  private fail(why: string): void {
    this.player()?.dispose();
    this.loader.fail(why);
  }

  /** Whether the sound is on the page: its waveform is drawn and it can be heard. */
  progress(): LoadState<LoadedSound>["state"] {
    const { state } = this.loader.state.value;
    return this.loader.ready?.player.ready.value === false ? "loading" : state;
  }

  player(): SoundPlayer | null {
    return this.loader.peek()?.player ?? null;
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
    this.player()?.dispose();
    this.loader.reset();
  }
}

/** Where a capture does not say how long it is (microseconds), its waveform does. */
const lengthOf = (peaks: Peaks | null): number =>
  peaks ? sampleTime(peaks.maximum.length * peaks.samples_per_peak, peaks.sample_rate) : 0;
