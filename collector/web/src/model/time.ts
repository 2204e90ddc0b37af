/** Times: integer microseconds of media time, half to even, once, at the edge (contracts.md, Time). */

/** numerator / denominator as an integer, half to even. Both are safe integers, the denominator is positive. */
export function divideHalfEven(numerator: number, denominator: number): number {
  const n = BigInt(numerator);
  const d = BigInt(denominator);
  let quotient = n / d;
  let rest = n % d;
  if (rest < 0n) {
    quotient -= 1n;
    rest += d;
  }
  const twice = 2n * rest;
  if (twice > d || (twice === d && quotient % 2n !== 0n)) quotient += 1n;
  return Number(quotient);
}

/** A real number as an integer, half to even. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest > 0.5 || (rest === 0.5 && floor % 2 !== 0)) return floor + 1;
  return floor;
}

/** Media time of audio sample `sample`. */
export const sampleTime = (sample: number, rate: number): number => {
  const product = BigInt(sample) * 1_000_000n;
  if (product <= BigInt(Number.MAX_SAFE_INTEGER)) return divideHalfEven(Number(product), rate);
  const whole = Math.floor(sample / rate);
  return whole * 1_000_000 + divideHalfEven((sample - whole * rate) * 1_000_000, rate);
};

/** Index of the frame shown at a media time: the last one that has begun, at least 0. */
export function frameAt(times: readonly number[], us: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) <= us) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** The media time of one capture that is at the same take time as `us` of another. */
export const acrossCaptures = (us: number, fromOffset: number, toOffset: number): number => us + fromOffset - toOffset;

/** `1:02.345` */
export function clock(us: number): string {
  const ms = Math.max(0, Math.round(us / 1000));
  const minutes = Math.floor(ms / 60_000);
  const rest = ((ms % 60_000) / 1000).toFixed(3).padStart(6, "0");
  return `${minutes}:${rest}`;
}

/** UTC text with six digits, as every time of day on the wire. */
export const utc = (ms: number): string => new Date(ms).toISOString().replace(/\.(\d{3})Z$/, ".$1000Z");

/** The value of a rising list after (1) or before (-1) `now`, at its ends the last or the first. */
export function otherStep(steps: readonly number[], now: number, by: 1 | -1): number {
  const at = steps.findIndex((step) => step >= now);
  return steps[Math.min(Math.max((at < 0 ? steps.length : at) + by, 0), steps.length - 1)] ?? now;
}

/** A step of a ruler (microseconds) that gives about `count` marks over `duration`. */
export function rulerStep(duration: number, count: number): number {
  const rough = Math.max(1, duration / Math.max(1, count));
  const power = 10 ** Math.floor(Math.log10(rough));
  for (const factor of [1, 2, 5, 10]) if (factor * power >= rough) return factor * power;
  return 10 * power;
}
