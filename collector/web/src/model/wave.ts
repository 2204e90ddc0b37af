/** What a waveform shows: the lowest and highest sample under each pixel. Pure. */
import type { Peaks } from "../api/types";

const loudest = new WeakMap<Peaks, number>();

/** The largest sample of a sound, so that a quiet one fills the height too. */
function loudestOf(peaks: Peaks): number {
  const known = loudest.get(peaks);
  if (known !== undefined) return known;
  let most = 0;
  for (const value of peaks.maximum) if (value > most) most = value;
  for (const value of peaks.minimum) if (-value > most) most = -value;
  loudest.set(peaks, most);
  return most;
}

/** [lowest, highest], each -1 to 1 of the loudest, for each of `count` pixels between two times in microseconds. */
export function waveOf(peaks: Peaks, from: number, to: number, count: number): [number, number][] {
  const most = loudestOf(peaks) || 1;
  const length = (peaks.samples_per_peak / peaks.sample_rate) * 1e6;
  const pixel = (to - from) / Math.max(1, count);
  return Array.from({ length: count }, (_, x): [number, number] => {
    const first = Math.max(0, Math.floor((from + x * pixel) / length));
    const last = Math.min(peaks.maximum.length - 1, Math.max(first, Math.ceil((from + (x + 1) * pixel) / length) - 1));
    let low = 0;
    let high = 0;
    for (let at = first; at <= last; at += 1) {
      low = Math.min(low, peaks.minimum[at] as number);
      high = Math.max(high, peaks.maximum[at] as number);
    }
    return [low / most, high / most];
  });
}
