/** The collector's time of day: every time the page sends is in it, whatever this computer's clock says. */
import { utc } from "../model/time";

let offsetMs = 0;

/** Corrects this computer's clock by the `now` of a reply. */
export function syncClock(now: string): void {
  const theirs = Date.parse(now);
  if (Number.isFinite(theirs)) offsetMs = theirs - Date.now();
}

export const now = (): number => Date.now() + offsetMs;
export const nowText = (): string => utc(now());
