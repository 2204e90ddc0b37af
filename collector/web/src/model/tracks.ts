/** Tracks: keyframes, and the box between them (contracts.md, Geometry and tracks). All functions are pure. */
import type { Keyframe, TrackLabel } from "../api/types";
import type { Rect } from "./geometry";

/** The last keyframe at or before `frame`, or -1. */
export function indexAtOrBefore(keyframes: readonly Keyframe[], frame: number): number {
  let low = 0;
  let high = keyframes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keyframes[middle] as Keyframe).frame <= frame) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const rect = (k: Keyframe): Rect => ({ x: k.x, y: k.y, width: k.width, height: k.height });

/**
 * The box of a track at a frame, or null where the object is not in the picture.
 *
 * Between two visible keyframes it is linear in time, at each frame's own time; from a hidden keyframe on there is
 * none until the next visible one; between a visible and a hidden keyframe it holds; the last keyframe is the end,
 * and it is included.
 */
export function boxAt(keyframes: readonly Keyframe[], frame: number, times: readonly number[]): Rect | null {
  const index = indexAtOrBefore(keyframes, frame);
  if (index < 0) return null;
  const a = keyframes[index] as Keyframe;
  const b = keyframes[index + 1];
  if (!a.visible) return null;
  if (a.frame === frame) return rect(a);
  if (b === undefined) return null;
  if (!b.visible) return rect(a);
  const now = times[frame] ?? a.start_us;
  const share = (now - a.start_us) / (b.start_us - a.start_us);
  const mix = (from: number, to: number): number => from + (to - from) * share;
  return { x: mix(a.x, b.x), y: mix(a.y, b.y), width: mix(a.width, b.width), height: mix(a.height, b.height) };
}

/** What to show for editing where the track has no box: the nearest one it has. */
export function nearestBox(keyframes: readonly Keyframe[], frame: number): Rect {
  const index = Math.max(0, indexAtOrBefore(keyframes, frame));
  return rect(keyframes[index] as Keyframe);
}

/** `attributes` of a keyframe hold until the next one (occluded is constant from its keyframe on). */
export function attributesAt(keyframes: readonly Keyframe[], frame: number): Record<string, unknown> {
  const index = indexAtOrBefore(keyframes, frame);
  return index < 0 ? {} : ((keyframes[index] as Keyframe).attributes ?? {});
}

/** The attribute of a keyframe from which on nobody saw the thing: its boxes are filled in (prelabel/tracking/keyframes.py). */
const UNSEEN = "interpolated";

/** Whether the box on this frame was filled in over a gap, not seen. */
export const isUnseen = (keyframes: readonly Keyframe[], frame: number): boolean => {
  const row = keyframes[indexAtOrBefore(keyframes, frame)];
  return row !== undefined && row.visible && row.attributes?.[UNSEEN] === true;
};

/** What a person has set is seen: the mark ends here, and with it on every frame up to the next keyframe. */
function markedSeen(row: Keyframe): Keyframe {
  if (row.attributes?.[UNSEEN] === undefined) return row;
  const { [UNSEEN]: _gone, ...attributes } = row.attributes;
  const { attributes: _all, ...rest } = row;
  return Object.keys(attributes).length > 0 ? { ...rest, attributes } : rest;
}

export const keyframeAt = (keyframes: readonly Keyframe[], frame: number): Keyframe | undefined => {
  const found = keyframes[indexAtOrBefore(keyframes, frame)];
  return found?.frame === frame ? found : undefined;
};

function put(keyframes: readonly Keyframe[], row: Keyframe): Keyframe[] {
  const index = indexAtOrBefore(keyframes, row.frame);
  const out = keyframes.slice();
  if (index >= 0 && (out[index] as Keyframe).frame === row.frame) out[index] = row;
  else out.splice(index + 1, 0, row);
  return out;
}

function make(frame: number, times: readonly number[], box: Rect, like: Keyframe | undefined): Keyframe {
  return {
    frame,
    start_us: times[frame] ?? 0,
    x: box.x,
    y: box.y,
    width: box.width,
    height: box.height,
    visible: true,
    ...(like?.attributes && Object.keys(like.attributes).length > 0 ? { attributes: like.attributes } : {}),
  };
}

/** The track with this box at this frame: its keyframe changed, or a new one. What was filled in here is seen now. */
export function withBox(track: TrackLabel, frame: number, box: Rect, times: readonly number[]): TrackLabel {
  const absent = boxAt(track.keyframes, frame, times) === null;
  return absent ? appearing(track, frame, box, times) : placed(track, frame, box, times);
}

function placed(track: TrackLabel, frame: number, box: Rect, times: readonly number[]): TrackLabel {
  const like = track.keyframes[indexAtOrBefore(track.keyframes, frame)];
  return { ...track, keyframes: put(track.keyframes, markedSeen(make(frame, times, box, like))) };
}

/** The frame nearest to this one on which the track has a box: where to look when it is selected. */
export function nearestFrameOf(keyframes: readonly Keyframe[], frame: number): number {
  let best = keyframes[0]?.frame ?? 0;
  for (const [from, to] of visibleStretches(keyframes)) {
    const at = Math.min(Math.max(frame, from), to);
    if (Math.abs(at - frame) < Math.abs(best - frame)) best = at;
  }
  return best;
}

/** A keyframe at this frame where the track is now; the picture does not change. A filled in place counts as seen. */
export function withKeyframe(track: TrackLabel, frame: number, times: readonly number[]): TrackLabel {
  const here = keyframeAt(track.keyframes, frame);
  if (here) return markedSeen(here) === here ? track : { ...track, keyframes: put(track.keyframes, markedSeen(here)) };
  const box = boxAt(track.keyframes, frame, times) ?? nearestBox(track.keyframes, frame);
  return withBox(track, frame, box, times);
}

/** The track without the keyframe at this frame; null when it was the only one. */
export function withoutKeyframe(track: TrackLabel, frame: number): TrackLabel | null {
  const keyframes = track.keyframes.filter((k) => k.frame !== frame);
  return keyframes.length === 0 ? null : { ...track, keyframes };
}

/** The keyframe at `frame` moved to `target`, if that lies strictly between its neighbours and in the table. */
export function withKeyframeMoved(
  track: TrackLabel,
  frame: number,
  target: number,
  times: readonly number[],
): TrackLabel {
  const index = indexAtOrBefore(track.keyframes, frame);
  const row = track.keyframes[index];
  if (!row || row.frame !== frame) return track;
  const least = (track.keyframes[index - 1]?.frame ?? -1) + 1;
  const most = (track.keyframes[index + 1]?.frame ?? times.length) - 1;
  const to = Math.min(Math.max(target, least), most);
  if (to === frame) return track;
  const keyframes = track.keyframes.slice();
  keyframes[index] = { ...markedSeen(row), frame: to, start_us: times[to] ?? 0 };
  return { ...track, keyframes };
}

/**
 * Marks the object as not in the picture from this frame on; where it is not in the picture, as back in it.
 *
 * A hidden keyframe repeats the last box, its numbers are ignored (contracts.md). Hiding a track at its first keyframe
 * would leave nothing to hide: the track comes back unchanged.
 */
export function withHidden(track: TrackLabel, frame: number, times: readonly number[]): TrackLabel {
  return boxAt(track.keyframes, frame, times) ? hiddenFrom(track, frame, times) : shownFrom(track, frame, times);
}

function hiddenFrom(track: TrackLabel, frame: number, times: readonly number[]): TrackLabel {
  const before = track.keyframes[indexAtOrBefore(track.keyframes, frame - 1)];
  if (!before) return track;
  let keyframes: Keyframe[] = track.keyframes.slice();
  // Up to a hidden keyframe the box holds, so the frame before keeps the place it was seen at.
  const last = boxAt(keyframes, frame - 1, times);
  if (last && before.frame < frame - 1) keyframes = put(keyframes, make(frame - 1, times, last, before));
  const box = last ?? rect(before);
  return { ...track, keyframes: put(keyframes, { ...make(frame, times, box, undefined), visible: false }) };
}

function shownFrom(track: TrackLabel, frame: number, times: readonly number[]): TrackLabel {
  const last = track.keyframes[track.keyframes.length - 1] as Keyframe;
  const shown = placed(track, frame, nearestBox(track.keyframes, frame), times);
  if (!last.visible || last.frame >= frame - 1) return shown;
  // Past its end the track comes back here, it was not there in between.
  const gap: Keyframe = { ...make(last.frame + 1, times, rect(last), undefined), visible: false };
  return { ...shown, keyframes: put(shown.keyframes, gap) };
}

/**
 * The track with a box on a frame where it has none. No other frame gains a box: it is not in the picture between its
 * keyframe before and this one, nor between this one and its next.
 */
function appearing(track: TrackLabel, frame: number, box: Rect, times: readonly number[]): TrackLabel {
  const last = track.keyframes[indexAtOrBefore(track.keyframes, frame - 1)];
  const next = track.keyframes[indexAtOrBefore(track.keyframes, frame) + 1];
  const held = frame > 0 ? boxAt(track.keyframes, frame - 1, times) : null;
  const gone = (at: number): Keyframe => ({ ...make(at, times, box, undefined), visible: false });
  let keyframes = put(track.keyframes, make(frame, times, box, undefined));
  if (last && last.frame < frame - 1) {
    // The box held up to here stays where it was; a track that was over is not drawn on.
    if (held) keyframes = put(keyframes, make(frame - 1, times, held, last));
    else if (last.visible) keyframes = put(keyframes, gone(last.frame + 1));
  }
  if (next?.visible && next.frame > frame + 1) keyframes = put(keyframes, gone(frame + 1));
  return { ...track, keyframes };
}

/** Covered by something else from this frame on, or no longer. */
export function withOccluded(track: TrackLabel, frame: number, times: readonly number[]): TrackLabel {
  const on = attributesAt(track.keyframes, frame)["occluded"] === true;
  const made = withKeyframe(track, frame, times);
  const row = keyframeAt(made.keyframes, frame);
  if (!row) return track;
  const { occluded: _gone, ...rest } = row.attributes ?? {};
  const attributes = on ? rest : { ...rest, occluded: true };
  return { ...made, keyframes: put(made.keyframes, { ...row, attributes }) };
}

export function nextKeyframe(keyframes: readonly Keyframe[], frame: number): number | null {
  return keyframes[indexAtOrBefore(keyframes, frame) + 1]?.frame ?? null;
}

export function previousKeyframe(keyframes: readonly Keyframe[], frame: number): number | null {
  return keyframes[indexAtOrBefore(keyframes, frame - 1)]?.frame ?? null;
}

/** A new track that is seen from `frame` to the end of the video (or only there, on the last frame). */
export function newTrack(id: string, label: string, frame: number, box: Rect, times: readonly number[]): TrackLabel {
  const last = times.length - 1;
  const keyframes = [make(frame, times, box, undefined)];
  if (last > frame) keyframes.push(make(last, times, box, undefined));
  return { id, kind: "track", label, score: null, keyframes };
}

/** Stretches [from, to] of frames where the track has a box, for the timeline. */
export function visibleStretches(keyframes: readonly Keyframe[]): [number, number][] {
  const out: [number, number][] = [];
  keyframes.forEach((k, i) => {
    if (!k.visible) return;
    const next = keyframes[i + 1];
    const end = next === undefined ? k.frame : next.visible ? next.frame : next.frame - 1;
    const open = out[out.length - 1];
    if (open && open[1] === k.frame) open[1] = Math.max(end, k.frame);
    else out.push([k.frame, Math.max(end, k.frame)]);
  });
  return out;
}

/** Stretches [from, to) of frames whose boxes are filled in, as `unseen_frames` in prelabel/tracking/keyframes.py gives them. */
export function unseenStretches(keyframes: readonly Keyframe[]): [number, number][] {
  const out: [number, number][] = [];
  keyframes.forEach((k, i) => {
    const next = keyframes[i + 1];
    if (!next || !isUnseen(keyframes, k.frame)) return;
    const open = out[out.length - 1];
    if (open && open[1] === k.frame) open[1] = next.frame;
    else out.push([k.frame, next.frame]);
  });
  return out;
}
