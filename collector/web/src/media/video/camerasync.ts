/** Cameras of one take on one clock: where one is moved or played, the others show the same moment. */
import { effect, signal, untracked } from "@preact/signals";
import { acrossCaptures, frameAt } from "../../model/time";
import type { FramePlayer } from "./player";

/** One camera. `offset` is its take time at media time 0, microseconds. */
export interface Camera {
  player: FramePlayer;
  offset: number;
}

/** Why a camera shows a frame that is not of this moment. */
export type Outside = "not begun" | "over" | null;

/** Half a usual frame: cameras never open at the same microsecond. */
const SLACK_US = 20_000;

export class CameraSync {
  private readonly cameras = signal<readonly Camera[]>([]);
  /** The frame at which each camera was left: only one that moves takes the others with it. */
  private readonly left = new Map<FramePlayer, number>();
  private readonly stop: () => void;
  private leader: FramePlayer | null = null;

  /** `lead` is the camera that is worked on. */
  constructor(private readonly lead: () => FramePlayer | null) {
    this.stop = effect(() => this.follow(this.cameras.value, this.lead()));
  }

  add(camera: Camera): void {
    this.cameras.value = [...this.cameras.value, camera];
  }

  private follow(cameras: readonly Camera[], lead: FramePlayer | null): void {
    const leader = cameras.find((c) => c.player === lead);
    if (!leader) return;
    const frame = leader.player.frame.value;
    untracked(() => this.seekOthers(leader, frame, cameras.filter((c) => c !== leader)));
  }

  private seekOthers(leader: Camera, frame: number, others: readonly Camera[]): void {
    if (this.leader !== leader.player) for (const other of others) other.player.pause();
    this.leader = leader.player;
    const moved = this.left.get(leader.player) !== frame;
    this.left.set(leader.player, frame);
    for (const other of others) {
      if (!moved && this.left.has(other.player)) continue;
      const at = frameAt(other.player.source.times, timeOf(leader, other));
      other.player.go(at);
      this.left.set(other.player, at);
    }
  }

  /** Whether a camera had not begun, or was over, at the moment that is looked at. */
  outside(player: FramePlayer): Outside {
    const cameras: readonly Camera[] = this.cameras.value;
    const leader = cameras.find((c) => c.player === this.lead());
    const camera = cameras.find((c) => c.player === player);
    if (!leader || !camera || leader === camera) return null;
    // Moves with the leader.
    void leader.player.frame.value;
    const us = timeOf(leader, camera);
    if (us < -SLACK_US) return "not begun";
    return us > camera.player.length + SLACK_US ? "over" : null;
  }

  /** Forgets all cameras. */
  clear(): void {
    this.left.clear();
    this.leader = null;
    this.cameras.value = [];
  }

  dispose(): void {
    this.stop();
    this.clear();
  }
}

/** The leader's moment in another camera's media time. */
function timeOf(leader: Camera, other: Camera): number {
  const us = leader.player.source.times[leader.player.frame.peek()] ?? 0;
  return acrossCaptures(us, leader.offset, other.offset);
}
